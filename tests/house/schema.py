#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""schema.py: does docs/tree.schema.json say what the reader of tree files does?

usage: schema.py SETTID SCHEMA MUTANTS TREE...

Every TREE, and MUTANTS with one thing changed at random (always the same ones), are given to both.  A file that settid
takes and the schema refuses is a mistake of the schema.  The other way round is not: what a schema cannot say, such as
that parents exist, settid checks itself.  But a file of the wrong form must be refused by both: see WRONG.

Checker below knows the keywords that the schema uses, and refuses others.  Where the module jsonschema is installed it is
asked too, but for the mutants: it is slow.
"""
import copy
import json
import random
import re
import subprocess
import sys

# Each by itself in an otherwise right process.
WRONG = [
    {"nspid": []}, {"nspid": [0]}, {"nspid": [4194304]}, {"nspid": [1.5]}, {"nspid": list(range(1, 35))}, {"nspid": 5},
    {"ppid": -1}, {"pgid": "5"}, {"sid": None}, {"state": "dead"}, {"bogus": 1}, {"comm": "sixteen letters!"},
    {"comm": "a\0b"}, {"comm": {"hex": "6"}}, {"comm": {"hex": "66", "x": 1}}, {"ns": ""}, {"argv": []}, {"argv": "sh"},
    {"argv": [1]}, {"cwd": "x" * 4096}, {"threads": []}, {"threads": [{"name": "x"}]}, {"leader_dead": 1},
    {"exit_code": 256, "state": "zombie"}, {"exit_code": 0}, {"exit_signal": 9}, {"stop_signal": 19},
    {"exit_code": 0, "exit_signal": 9, "state": "zombie"}, {"exit_signal": 65, "state": "zombie"},
    {"core_dumped": True, "state": "zombie"}, {"stop_signal": 9, "state": "stopped"}, {"notify_signal": 65},
    {"subreaper": "yes"},
]

VALUES = [
    0, 1, -1, 4194303, 4194304, 2**40, 1.5, True, None, "", "x", "a\0b", [], [1], ["a"], {}, {"hex": "66c3"}, {"hex": "6"},
    "live", "zombie", "stopped", 19, 64, 65, "y" * 16, "z" * 300,
]
KEYS = [
    "x-mine", "bogus", "exit_code", "exit_signal", "core_dumped", "stop_signal", "threads", "leader_dead", "notify_signal",
    "subreaper", "ns", "children_ns", "comm", "argv", "cwd", "name", "hex", "nspid",
]


class Checker:
    """The part of JSON Schema 2020-12 that tree.schema.json uses."""

    TYPES = {
        "object": lambda v: isinstance(v, dict),
        "array": lambda v: isinstance(v, list),
        "string": lambda v: isinstance(v, str),
        "boolean": lambda v: isinstance(v, bool),
        "integer": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool) and v == int(v),
    }
    SILENT = {"$schema", "title", "description", "$defs", "patternProperties", "additionalProperties"}

    def __init__(self, root):
        self.root = root

    def is_valid(self, value):
        return self.check(self.root, value)

    def check(self, schema, value):
        if isinstance(schema, bool):
            return schema
        return all(self.keyword(schema, word, want, value) for word, want in schema.items())

    def keyword(self, schema, word, want, v):
        number = isinstance(v, (int, float)) and not isinstance(v, bool)
        if word in self.SILENT:
            return word != "additionalProperties" or not isinstance(v, dict) or all(
                self.named(schema, key) or self.check(want, v[key]) for key in v)
        if word == "$ref":
            return self.check(self.root["$defs"][want.rsplit("/", 1)[1]], v)
        if word == "type":
            return self.TYPES[want](v)
        if word == "const":
            return type(v) is type(want) and v == want
        if word == "enum":
            return any(type(v) is type(x) and v == x for x in want)
        if word == "minimum":
            return not number or v >= want
        if word == "maximum":
            return not number or v <= want
        if word in ("minLength", "maxLength"):
            return not isinstance(v, str) or (len(v) >= want if word == "minLength" else len(v) <= want)
        if word in ("minItems", "maxItems"):
            return not isinstance(v, list) or (len(v) >= want if word == "minItems" else len(v) <= want)
        if word == "pattern":
            return not isinstance(v, str) or re.search(want, v) is not None
        if word == "items":
            return not isinstance(v, list) or all(self.check(want, x) for x in v)
        if word == "required":
            return not isinstance(v, dict) or all(key in v for key in want)
        if word == "properties":
            return not isinstance(v, dict) or all(self.check(s, v[key]) for key, s in want.items() if key in v)
        if word == "dependentSchemas":
            return not isinstance(v, dict) or all(self.check(s, v) for key, s in want.items() if key in v)
        if word == "dependentRequired":
            return not isinstance(v, dict) or all(k in v for key, ks in want.items() if key in v for k in ks)
        if word == "oneOf":
            return sum(self.check(s, v) for s in want) == 1
        if word == "not":
            return not self.check(want, v)
        raise SystemExit(f"schema.py: the keyword {word} has to be taught first")

    @staticmethod
    def named(schema, key):
        return key in schema.get("properties", {}) or any(re.search(p, key) for p in schema.get("patternProperties", {}))


def checkers(schema):
    found = [Checker(schema)]
    try:
        import jsonschema
    except ImportError:
        return found
    jsonschema.Draft202012Validator.check_schema(schema)
    return found + [jsonschema.Draft202012Validator(schema)]


def settid_takes(settid, tree):
    done = subprocess.run([settid, "show", "--format", "json", "-"], input=json.dumps(tree).encode(),
                          capture_output=True, timeout=60, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"settid show ended with {done.returncode}: {done.stderr.decode()}")
    return done.returncode == 0


def places(value, path=()):
    yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], path + (key,))


def at(value, path):
    for key in path:
        value = value[key]
    return value


def mutant(rng, trees):
    tree = copy.deepcopy(rng.choice(trees))
    path = rng.choice([p for p in places(tree) if p])
    around, what = at(tree, path[:-1]), rng.random()
    if what < 0.5:
        around[path[-1]] = rng.choice(VALUES)
    elif what < 0.8 and isinstance(around[path[-1]], dict):
        around[path[-1]][rng.choice(KEYS)] = rng.choice(VALUES)
    else:
        del around[path[-1]]
    return tree


def main(settid, schema_path, mutants, *tree_paths):
    with open(schema_path, encoding="utf-8") as f:
        schema = json.load(f)
    trees = []
    for path in tree_paths:
        with open(path, encoding="utf-8") as f:
            trees.append(json.load(f))
    rng = random.Random(20251125)
    cases = [(t, True) for t in trees]
    cases += [({"settid": 1, "processes": [{"nspid": [5], "ppid": 0, "pgid": 5, "sid": 5, "state": "live"} | w]}, False)
              for w in WRONG]
    cases += [(mutant(rng, trees), None) for _ in range(int(mutants))]
    ask = checkers(schema)
    wrong = taken = 0
    for tree, want in cases:
        takes = settid_takes(settid, tree)
        taken += takes
        for checker in ask if want is not None else ask[:1]:
            valid = checker.is_valid(tree)
            if takes and not valid or want is not None and (takes != want or valid != want):
                print(f"settid {'takes' if takes else 'refuses'}, the schema ({type(checker).__name__}) "
                      f"{'takes' if valid else 'refuses'}: {json.dumps(tree)[:400]}")
                wrong += 1
    print(f"{len(cases)} files, {taken} taken by settid, {wrong} mistakes")
    return 1 if wrong or taken < len(trees) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
