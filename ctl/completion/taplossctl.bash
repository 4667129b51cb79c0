# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for taplossctl. Commands and options are read from --help, so that they are
# always those of the installed version.

# The words of the command line that are no options: the command, its verb, VMs.
_taplossctl_plain() {
	local i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--store | --color) ((i++)) ;;
		-*) ;;
		*) printf '%s\n' "${COMP_WORDS[i]}" ;;
		esac
	done
}

_taplossctl_vms() {
	taplossctl --csv vms 2>/dev/null | sed -e 1d -e 's/,.*//' -e 's/^"\(.*\)"$/\1/' | sort -u
}

# The values of option $1, when there are few or can be listed. Fails when it takes none known.
_taplossctl_values() {
	case $1 in
	--color) echo auto always never ;;
	--direction) echo rx tx in out ;;
	--kind) echo capacity fault policy lifecycle unknown ;;
	--timestamp) echo kernel device ;;
	--accel) echo auto kvm tcg ;;
	--by) echo vm nic queue direction class reason kind site place from ;;
	--vm) _taplossctl_vms ;;
	--nic | --from | --to) ls /sys/class/net ;;
	--ring | --version) echo 1 2 3 ;;
	*) return 1 ;;
	esac
}

_taplossctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} help words plain
	COMPREPLY=()
	mapfile -t plain < <(_taplossctl_plain)
	case $prev in
	--store | --modules | backup)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	-w | --write | -o | --output | --kernel | --probe)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	if words=$(_taplossctl_values "$prev"); then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		return
	fi
	help=$(taplossctl ${plain[0]:+"${plain[0]}"} --help 2>/dev/null)
	if [[ $cur == -* ]]; then
		words=$(grep -oE -- '(^|[ (])--?[a-z][a-z-]*' <<< "$help" | tr -d ' (')
	elif ((${#plain[@]} == 0)); then
		words=$(sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p' <<< "$help")
	elif [[ $help =~ ^usage:[^$'\n']*\ ([a-z]+(\|[a-z]+)+)(\ [A-Z]+)?(\|[a-z]+)? ]] &&
		((${#plain[@]} == 1)); then
		words=$(sed -n '1{s/.*\] //;s/[A-Z]*//g;s/|/ /g;p}' <<< "$help")
	elif [[ ${plain[0]} == gaps ]]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	else
		words=$(_taplossctl_vms)
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _taplossctl taplossctl
