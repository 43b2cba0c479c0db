#!/bin/sh
# SPDX-License-Identifier: MIT
#
# criu.sh DIR: a CRIU that works on recent kernels, for tests: afterwards DIR/criu is the command.
#
# Debian 12's own 3.17 cannot dump there; Debian 13's 4.1 can, run by its own loader beside its own libraries.  Its
# packages are unpacked, and nothing is installed.
# Owns:   DIR.  Does nothing when it is whole already; may run twice at once.
# Needs:  apt-get, dpkg-deb, a Debian mirror, x86-64.
# Exit status: 0, or 77 when it is not to be had here, and the reason is said.

set -eu
mkdir -p "${1:?DIR}"
dir=$(cd "$1" && pwd)

not_here() {
	echo "no CRIU here: $*"
	exit 77
}

exec 9>"$dir/lock"
flock 9
[ ! -x "$dir/criu" ] || exit 0
[ "$(uname -m)" = x86_64 ] || not_here "its packages are taken for x86-64 only"
for tool in apt-get apt-cache dpkg-deb; do
	command -v "$tool" >/dev/null || not_here "it comes from Debian's packages, and there is no $tool"
done

# The mirror that this machine uses, or else Debian's own.
mirror=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
	awk '/^URIs:/ && $2 !~ /security/ && $2 ~ /debian\/?$/ { print $2; exit }')
[ -n "$mirror" ] || mirror=$(awk '/^deb / { for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) { print $i; exit } }' \
	/etc/apt/sources.list 2>/dev/null) || true
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keys" ] || not_here "Debian's keys are not here"
mkdir -p "$dir/apt/state" "$dir/apt/cache" "$dir/debs" "$dir/root"
echo "deb [signed-by=$keys] ${mirror:-http://deb.debian.org/debian} trixie main" >"$dir/apt/list"
apt_options="-q -o Dir::Etc::sourcelist=$dir/apt/list -o Dir::Etc::sourceparts=/dev/null
	-o Dir::State=$dir/apt/state -o Dir::Cache=$dir/apt/cache -o APT::Sandbox::User=root"

# shellcheck disable=SC2086 # words
{
	apt-get $apt_options update >"$dir/log" 2>&1 || not_here "its package list could not be fetched"
	packages=$(apt-cache $apt_options depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
		--no-replaces --no-enhances criu | grep -E '^(criu|lib|zlib)' | grep -vE '^lib(python|perl|pam)' | sort -u)
	cd "$dir/debs"
	for package in $packages; do # virtual ones are none
		apt-get $apt_options download "$package" >>"$dir/log" 2>&1 || :
	done
}
for file in *.deb; do
	[ -e "$file" ] || not_here "its packages could not be fetched"
	dpkg-deb -x "$file" "$dir/root"
done
libs=$dir/root/usr/lib/x86_64-linux-gnu
cat >"$dir/criu.new" <<RUN
#!/bin/sh
exec "$libs/ld-linux-x86-64.so.2" --library-path "$libs" "$dir/root/usr/sbin/criu" "\$@"
RUN
chmod +x "$dir/criu.new"
cd "$dir"
rm -rf debs apt
"$dir/criu.new" --version >/dev/null 2>&1 || not_here "what was unpacked does not run"
mv "$dir/criu.new" "$dir/criu"
