# SPDX-License-Identifier: MIT
#
# kernel-view.awk: a process tree as the kernel's own /proc shows it, one line per thread; settid has no part in it.
#
# Input:  grep -asHE '^(Name|State|Tgid|Pid|PPid|NSpid|NSpgid|NSsid):' /proc/[0-9]*/task/[0-9]*/status
# Set:    root = the tree's root; skip = how many of the outermost levels to leave out of the comparison.
# Output: NSpid (all levels) TAB the numbers below `skip`, "NSpid|ppid|NSpgid|NSsid|state|name"
# ppid is the parent's number at level `skip`; 0 for the root's.

{
	split($0, part, ":")
	file = part[1]
	key = part[2]
	value = substr($0, length(file) + length(key) + 3)
	gsub(/^[ \t]+|[ \t]+$/, "", value)
	gsub(/[ \t]+/, " ", value)
	field[file, key] = value
	if (key == "Tgid") {
		files[++count] = file
	}
	if (key == "PPid") {
		parent[field[file, "Tgid"]] = value
	}
	if (key == "NSpid" && field[file, "Tgid"] == field[file, "Pid"]) {
		own[field[file, "Tgid"]] = inner(value)
	}
}

function inner(numbers,    n, i, out, list) {
	n = split(numbers, list, " ")
	for (i = skip + 1; i <= n; i++) {
		out = out (out == "" ? "" : " ") list[i]
	}
	return out
}

function first(numbers,    list) {
	split(numbers, list, " ")
	return list[1] == "" ? 0 : list[1]
}

function is_in_tree(pid,    depth) {
	for (depth = 0; pid > 1 && depth < 1000; depth++) {
		if (pid == root) {
			return 1
		}
		pid = parent[pid]
	}
	return 0
}

END {
	for (i = 1; i <= count; i++) {
		file = files[i]
		pid = field[file, "Tgid"]
		if (!is_in_tree(pid)) {
			continue
		}
		state = substr(field[file, "State"], 1, 1)
		state = state ~ /[SDRI]/ ? "live" : state ~ /[Tt]/ ? "stopped" : "zombie"
		printf "%s\t%s|%s|%s|%s|%s|%s\n", field[file, "NSpid"], inner(field[file, "NSpid"]),
			pid == root ? 0 : first(own[parent[pid]]), inner(field[file, "NSpgid"]), inner(field[file, "NSsid"]),
			state, field[file, "Name"]
	}
}
