#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pack_images.py FOLDER FILE: the images of a dump as one input of fuzz_criu.c.

Each image is a byte with the length of its name, its name, two bytes with its length (little-endian), its bytes.
"""
import pathlib
import sys

folder, out = map(pathlib.Path, sys.argv[1:])
packed = b""
for image in sorted(folder.glob("*.img")):
    name, data = image.name.encode(), image.read_bytes()
    packed += bytes([len(name)]) + name + len(data).to_bytes(2, "little") + data
out.write_bytes(packed)
