#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh 6.1|6.12|uml [cases|random ARG...]: one of our static programs on another kernel: Debian's 6.1 or 6.12 in QEMU, which needs no
# virtualisation of the machine, or user-mode Linux 6.1, which is a process.  Without a program: the table of conformance cases.
#
# Owns:   $VM_DIR (default build-vm): kernels as they were unpacked from their packages, logs.  Nothing is installed.
# Needs:  $BUILD with the programs built; apt-get, dpkg-deb, cpio, and qemu-system-x86_64 for the first two.
# Keeps:  (M1) a machine that says nothing of its end is started once more, and then it has failed;
#         (M2) a machine that has run out of time leaves no process behind: each guest process of user-mode Linux is one here;
#         (M3) exit status 0: the program ended with 0, and every row of its TAP is there and ok; 77: the kernel is not to be had.

set -eu
kernel=${1:?6.1, 6.12 or uml}
shift
[ $# -gt 0 ] || set -- cases
dir=${VM_DIR:-build-vm}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
log=$dir/$kernel.log

not_here() {
	echo "skipped: $*"
	exit 77
}

newest() { # PATTERN: the newest package of that name, of plain versions
	apt-cache search --names-only "$1" | awk '{ print $1 }' | sort -V | tail -n 1
}

package_of() { # KERNEL
	case $1 in
	6.1) newest '^linux-image-6\.1\.0-[0-9]*-cloud-amd64$' ;;
	6.12) newest '^linux-image-6\.12\.[0-9]*\+deb12-cloud-amd64$' ;;
	uml) newest '^user-mode-linux$' ;;
	*) echo "run.sh: no such kernel: $1" >&2 && exit 2 ;;
	esac
}

fetch() {
	[ ! -e "$dir/$kernel/.whole" ] || return 0
	command -v apt-get >/dev/null || not_here "kernel $kernel comes from Debian's packages, and there is no apt-get"
	package=$(package_of "$kernel")
	if [ -z "$package" ]; then
		apt-get update -q >/dev/null 2>&1 || true
		package=$(package_of "$kernel")
	fi
	[ -n "$package" ] || not_here "there is no package of kernel $kernel"
	rm -rf "${dir:?}/$kernel" && mkdir "$dir/$kernel"
	(cd "$dir/$kernel" && apt-get download -q "$package" >/dev/null 2>&1) || not_here "$package could not be fetched"
	dpkg-deb -x "$dir/$kernel"/*.deb "$dir/$kernel"
	rm "$dir/$kernel"/*.deb
	touch "$dir/$kernel/.whole"
}

make_root() {
	root=$dir/$kernel.root
	rm -rf "$root"
	mkdir -p "$root/proc" "$root/dev" "$root/sys" "$root/tmp"
	cp "$BUILD/tests/vm/vm-init" "$root/init"
	cp "$BUILD/tests/vm/vm-cases" "$root/cases"
	cp "$BUILD/tests/vm/vm-random" "$root/random"
	(cd "$root" && find . | cpio -o -H newc --quiet | gzip) >"$dir/$kernel.initrd"
	rm -rf "$root"
}

boot() { # PROGRAM ARG...
	line="quiet panic=-1 -- /$* ."
	# shellcheck disable=SC2086 # words
	case $kernel in
	uml) timeout -s KILL "$limit" "$dir/uml/usr/bin/linux.uml" mem=512M "initrd=$dir/uml.initrd" con=null con0=fd:0,fd:1 console=tty0 $line ;;
	*) timeout -s KILL "$limit" qemu-system-x86_64 -accel tcg -cpu kvm64 -m 1024 -smp 2 -nodefaults -no-reboot -display none \
		-serial stdio -kernel "$dir/$kernel"/boot/vmlinuz-* -initrd "$dir/$kernel.initrd" -append "console=ttyS0 $line" ;;
	esac </dev/null 2>&1 | tr -d '\r' >"$log" || true
}

command -v cpio >/dev/null || not_here 'there is no cpio'
[ "$kernel" = uml ] || command -v qemu-system-x86_64 >/dev/null || not_here 'there is no qemu-system-x86_64'
limit=${VM_SECONDS:-600}
fetch
make_root
for try in first second; do
	boot "$@"
	! grep -q '^vm: ' "$log" || break
	[ $try = second ] || echo "$kernel said nothing of its end; once more"
done

ok=$(grep -c '^ok ' "$log") || true
bad=$(grep -c '^not ok ' "$log") || true
skipped=$(grep -ci '^# SKIP' "$log") || true
plan=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$log" | tail -n 1)
echo "$kernel: $* : $ok ok, $bad not ok, $skipped rows skipped, $(grep '^vm: ' "$log" || echo 'no word of its end')"
grep -B30 '^not ok' "$log" | grep -v '^ok ' || true
[ "$bad" = 0 ] && [ "$ok" = "${plan:-none}" ] && grep -q '^vm: exit 0' "$log"
