# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for taplossd; the options are read from --help.

_taplossd() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words
	COMPREPLY=()
	case $prev in
	--store | --config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	--libvirt) mapfile -t COMPREPLY < <(compgen -W 'qemu:///system none' -- "$cur") ;;
	--interval) ;;
	*)
		words=$(taplossd --help 2>/dev/null | grep -oE -- '--[a-z-]+')
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		;;
	esac
}
complete -F _taplossd taplossd
