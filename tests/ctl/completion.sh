#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is offered on Tab, in each shell that is here: every command, and every option that --help of
# a command has.
. "$(dirname "$0")/../lib/test.sh"

D=$TESTS/../ctl/completion
commands() {
	taplossctl --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p'
}
options() {	# options COMMAND: those at the beginning of a line of its help, and after a comma
	taplossctl "$1" --help | sed -n 's/^ *\(-.*\)/\1/p' | sed 's/  .*//' |
		grep -oE -- '--[a-z][a-z-]*' | sort -u
}

with_bash() {	# with_bash WORD...: the last one is completed
	bash -c '. "$0"; COMP_WORDS=(taplossctl "$@"); COMP_CWORD=$#; compopt() { :; }
		_taplossctl; printf "%s\n" "${COMPREPLY[@]}"' "$D/taplossctl.bash" "$@"
}
with_fish() {
	# shellcheck disable=SC2016	# fish expands them
	fish -c 'source $argv[1]; complete -C "taplossctl $argv[2]"' "$D/taplossctl.fish" "$*" |
		cut -f1
}
with_zsh() {	# the function itself, with stand-ins for zsh's own
	zsh -f -c 'compadd() { if [[ $1 == -a ]]; then print -l -- ${(P)2}
			else print -l -- $@; fi }
		_files() { : }
		compdef=1; file=$1; shift; words=(taplossctl "$@"); CURRENT=$#words
		setopt extendedglob; . $file' zsh "$D/_taplossctl" "$@"
}

offers() {	# offers SHELL WANTED WORD...
	local shell=$1 wanted=$2 got
	shift 2

	got=$("with_$shell" "$@")
	same "$(comm -23 <(sort -u <<< "$wanted") <(sort -u <<< "$got") | paste -sd ' ')" '' \
		"$shell offers for '$*' too little"
}

at_least "$(commands | wc -l)" 15 commands
at_least "$(options loss | wc -l)" 10 'options of loss'
for shell in bash fish zsh; do
	command -v "$shell" > /dev/null || continue
	offers "$shell" "$(commands)" ''
	for command in $(commands); do
		offers "$shell" "$(options "$command")" "$command" --
	done
	offers "$shell" $'capacity\ncompare' report ''
	offers "$shell" $'check\nsize\nprune\nbackup\nexport' db ''
done
same "$(with_bash loss --direction '' | paste -sd ' ')" 'rx tx in out'

# The configuration that is installed has each key, with its default, commented out.
defaults() {
	taplossd --config /dev/null --print-config | sed -e 's/^[a-z]/#&/' -e 's/ $//'
}
how="taplossd --config /dev/null --print-config | sed -e 's/^[a-z]/#&/' -e 's/ \$//'"
same "$(diff <(defaults) "$TESTS/../agent/taploss.conf")" '' "agent/taploss.conf is old: $how"
# The package is of the version that is built, and is built with what building needs here.
same "$(sed -n '1s/taploss (\(.*\)) .*/\1/p' "$TESTS/../debian/changelog")" \
	"$(taplossctl --version | sed 's/.* //')" 'version in debian/changelog'
same "$(sed -n 's/^Version: *//p' "$TESTS/../debian/taploss.spec")" \
	"$(taplossctl --version | sed 's/.* //')" 'version in debian/taploss.spec'
