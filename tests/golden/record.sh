#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# record.sh TAPLOSSCTL DIR [FORM]...: what TAPLOSSCTL answers to each line of the file "commands",
# on the stores of stores.tar.xz. Writes DIR/STORE/NAME.FORM for json and csv (or for the forms
# given: text, too), and every exit status into DIR/status. See README.md.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CTL=$(realpath "$1") OUT=$2
FORMS=("${@:3}")
((${#FORMS[@]})) || FORMS=(json csv)
command -v faketime > /dev/null || { echo 'needs faketime'; exit 77; }

mkdir -p "$OUT"
STORES=$(mktemp -d)
trap 'rm -rf "$STORES"' EXIT
tar xJf "$HERE/stores.tar.xz" -C "$STORES"
cd "$STORES"	# stores are named by a relative path, so no answer has another in it
export NO_COLOR=1 LC_ALL=C.UTF-8 TZ=UTC COLUMNS=200 FAKETIME_DONT_FAKE_MONOTONIC=1
# The fake clock is preloaded before the run-time of a sanitized build.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0

# From, to, and the moment at which everything is asked.
declare -A FROM=([small]=1700006400 [made]=1794096000 [lab]=1796078133)
declare -A TO=([small]=1700114400 [made]=1795132800 [lab]=1796078280)
declare -A NOW=([small]='2023-11-16 06:00:10' [made]='2026-11-20 00:00:20'
	[lab]='2026-11-30 22:38:00')

# What may differ between two runs or versions, and is no part of an answer.
normalised() {
	sed -E -e 's/"version": ?"[^"]*"/"version":"V"/'
}

answer() {	# answer STORE NAME FORM WORD...
	local store=$1 name=$2 form=$3 status=0 forms=()
	local now=${NOW[$store]:-2026-11-20 00:00:00}
	shift 3

	[[ $form == text ]] || forms=("--$form")
	[[ $store == - ]] || forms+=(--store "$store")
	mkdir -p "$OUT/$store"
	faketime -f "$now" timeout 30 "$CTL" "${forms[@]}" "$@" > out 2> err < /dev/null ||
		status=$?
	normalised < out > "$OUT/$store/$name.$form"
	[[ $form != text ]] || cat err >> "$OUT/$store/$name.$form"
	echo "$store $name $form $status" >> "$OUT/status"
}

rm -f "$OUT/status"
while read -r store name words; do
	[[ $store != '#'* ]] || continue
	from=@${FROM[$store]:-0} to=@${TO[$store]:-0}
	words=${words//%W/--since $from --until $to}
	words=${words//%S/$from} words=${words//%U/$to}
	read -ra words <<< "$words"
	for form in "${FORMS[@]}"; do
		answer "$store" "$name" "$form" "${words[@]}"
	done
done < "$HERE/commands"
