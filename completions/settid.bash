# SPDX-License-Identifier: MIT
# bash completion for settid(1): commands, their options, and the values that can be known.
# Rows of options are repeated in _settid and settid.fish; tests/cmd/completions.sh compares all with --help.

_settid_options() {
	case $1 in
	exec) echo '--pid --set-tid --new-pidns --mount-proc --user --method --pidfile --wait --detach --json --help' ;;
	probe) echo '--json --help' ;;
	dump) echo '--output --freeze --no-commands --help' ;;
	show) echo '--format --json --input --outside --ghost --help' ;;
	convert) echo '--output --input --outside --ghost --help' ;;
	diff) echo '--no-names --no-commands --quiet --json --input --outside --ghost --help' ;;
	restore) echo '--into --hold --exec --method --user --no-prove --no-core --no-verify --keep --pidfile --reservation --timeout --trace --json' \
		'--input --outside --ghost --help' ;;
	plan) echo '--format --json --into --prove --exec --input --outside --ghost --help' ;;
	check) echo '--into --against --user --exec --no-core --method --json --input --outside --ghost --help' ;;
	inventory) echo '--json --help' ;;
	reserve) echo '--for --into --ttl --wait --socket --detach --give --take --end --status --json' \
		'--input --outside --ghost --help' ;;
	model) echo '--profile --levels --json --quiet --help' ;;
	esac
}

# Values of the option before the cursor; 1 = it takes none, or none that can be known.
_settid_values() {
	local command=$1 option=$2 cur=$3
	case $option in
	--method | -m) mapfile -t COMPREPLY < <(compgen -W 'auto clone3 ns_last_pid' -- "$cur") ;;
	--format | -f)
		local formats='text json dot'
		[ "$command" = show ] && formats+=' svg'
		mapfile -t COMPREPLY < <(compgen -W "$formats" -- "$cur")
		;;
	--into)
		local places=current
		[ "$command" != reserve ] && places+=' new'
		places+=" $(_settid_pids)"
		mapfile -t COMPREPLY < <(compgen -W "$places" -- "$cur")
		;;
	--input) mapfile -t COMPREPLY < <(compgen -W 'json criu' -- "$cur") ;;
	--profile)
		mapfile -t COMPREPLY < <(compgen -W '5.5 5.10 5.15 6.1 6.6 6.12 6.18' -- "$cur")
		;;
	--output | -o | --pidfile | --for | --against | --socket | --give | --take | --end | --status | --reservation | --trace) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	--pid | -p | --set-tid | -t | --timeout | --levels | --ttl | --wait | --outside | --ghost) COMPREPLY=() ;;
	*) return 1 ;;
	esac
}

_settid_pids() {
	local dir
	for dir in /proc/[0-9]*; do
		echo "${dir#/proc/}"
	done
}

# The index of exec's command word, or nothing: what follows it is another program's to complete.
_settid_exec_command() {
	local i word
	for ((i = 2; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--)
			echo $((i + 1))
			return
			;;
		--pid | --set-tid | --method | --pidfile | -p | -t | -m) ((i++)) ;;
		=) ((i++)) ;; # bash splits --pid=N in three
		-*) ;;
		*)
			echo "$i"
			return
			;;
		esac
	done
}

_settid() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]-}
	COMPREPLY=()

	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W 'exec probe dump show convert diff restore plan check inventory reserve model help --help --version' -- "$cur")
		return
	fi
	if [ "$cur" = '=' ]; then # bash splits --method=auto in three words
		cur=''
	elif [ "$prev" = '=' ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [ "$command" = exec ]; then
		local at
		at=$(_settid_exec_command)
		if [ -n "$at" ]; then
			if declare -F _command_offset >/dev/null; then
				_command_offset "$at"
			elif [ "$COMP_CWORD" -eq "$at" ]; then
				mapfile -t COMPREPLY < <(compgen -c -- "$cur")
			else
				mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			fi
			return
		fi
	fi
	_settid_values "$command" "$prev" "$cur" && return
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_settid_options "$command")" -- "$cur")
		return
	fi
	case $command in
	exec) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
	dump) mapfile -t COMPREPLY < <(compgen -W "$(_settid_pids)" -- "$cur") ;;
	show | diff) mapfile -t COMPREPLY < <(compgen -f -- "$cur"; compgen -W "$(_settid_pids)" -- "$cur") ;;
	convert | restore | plan | check | model) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	help) mapfile -t COMPREPLY < <(compgen -W 'exec probe dump show convert diff restore plan check inventory reserve model' -- "$cur") ;;
	esac
}

complete -o filenames -F _settid settid
