#!/bin/sh
# SPDX-License-Identifier: MIT
# Completions say what --help says: no option missing, none invented; and bash's gives what is meant.

. "$(dirname "$0")/tap.sh"

commands() { "$SETTID" --help | sed -n 's/^  \([a-z]\{1,\}\)  .*/\1/p' | grep -v '^help$'; }
options_of() { "$SETTID" "$1" --help | sed -n 's/^  *\(-[a-zA-Z], \)*\(--[a-z][a-z-]*\).*/\2/p'; }

# What a completion file of COMMAND offers, one option a line.
bash_options() { bash -c '. "$1"; _settid_options "$2"' - "$COMPLETIONS/settid.bash" "$1" | tr ' ' '\n'; }
zsh_options() {
	section=$(sed -n "/^\t$1)\$/,/;;/p" "$COMPLETIONS/_settid")
	case $section in
	# the options that several commands share are written once
	*\$inputs*) section="$section $(sed -n '/^inputs=/,/^)/p' "$COMPLETIONS/_settid")" ;;
	esac
	echo "$section" | grep -oE -- '--[a-z]+(-[a-z]+)*'
}
fish_options() {
	{
		grep -E "__settid_is [a-z ]*\b$1\b" "$COMPLETIONS/settid.fish" | grep -oE -- ' -l [a-z-]+' | sed 's/ -l /--/'
	}
}
options_agree() { # SHELL
	[ "$(commands | wc -l)" -ge 4 ]
	for command in $(commands); do
		options_of "$command" | sort -u >help
		grep -q -- --help help
		"$1_options" "$command" | sort -u >offered
		diff help offered || return 1
	done
}
# offers WORD...: what bash offers for the last word.
offers() {
	bash -c '. "$1" || exit; shift; COMP_WORDS=(settid "$@"); COMP_CWORD=$#; _settid; printf "%s\n" "${COMPREPLY[@]}"' \
		- "$COMPLETIONS/settid.bash" "$@"
}
bash_offers() { # WANT WORD...
	want=$1
	shift
	offers "$@" >offered
	is "$(sort offered | tr '\n' ' ')" "$want"
}
bash_offers_files() {
	: >tree.json
	is "$(offers restore tr)" tree.json
}
syntax_is_right() { "$@"; }

it 'bash offers the options of --help' options_agree bash
it 'zsh offers the options of --help' options_agree zsh
it 'fish offers the options of --help' options_agree fish
it 'bash completes commands' bash_offers 'show ' sh
it 'bash completes options' bash_offers '--format ' show --f
it 'bash completes the formats of show' bash_offers 'svg ' show -f s
it 'bash offers no svg for a plan' bash_offers ' ' plan -f s
it 'bash completes after an equals sign' bash_offers 'clone3 ' exec --method = c
it 'bash completes tree files' bash_offers_files
for shell in bash zsh fish; do
	case $shell in
	zsh) file=_settid ;;
	*) file=settid.$shell ;;
	esac
	if command -v $shell >/dev/null; then
		it "$shell reads its completion" syntax_is_right $shell -n "$COMPLETIONS/$file"
	else
		skip "$shell reads its completion" "no $shell here"
	fi
done
tap_end
