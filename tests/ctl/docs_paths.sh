#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every file that README.md, CHANGELOG.md, docs/ and the folders' README.md files name is there.
#
# A name is a path from the root, a test's name (netns/full_ring, unit/collector/loss,
# vm/kvm/causes), the target of a link, or the name of a file in the folder named last before it:
# `tests/probe/rates.sh`, `forced.sh`.
# plain
# shellcheck disable=SC2016	# the backquotes are Markdown's
set -euo pipefail
cd "$(dirname "$0")/../.."

FOLDERS='agent|bpf|collector|ctl|docs|schema|tests|debian'
LEVELS='unit|netns|libvirt|capture|probe|vm|kvm'
PATTERN="(?<![\\w/.-])($FOLDERS)/([\\w./*-]*[\\w*])?"
PATTERN+="|(?<![\\w/.-])($LEVELS)/[a-z]\\w+(?:/\\w+)?(?![\\w./])"
PATTERN+='|(?<=`)[\w-]+\.(sh|[ch]|md|sql|txt)(?=`)|(?<=\]\()[^):]+(?=\))'

# exists NAME FOLDER: from the root, as a test, or in FOLDER or the folder named last
exists() {
	local at

	for at in "$1" "tests/$1" "tests/${1%/*}/test_${1##*/}" "tests/vm/$1" "$2/$1" \
		"$last/$1"; do
		[[ -e $at || -e $at.sh || -e $at.c || -e $at.h ]] || compgen -G "$at" > /dev/null ||
			continue
		if [[ -d $at ]]; then
			last=$at
		elif [[ $1 == */* ]]; then
			last=$(dirname "$at")
		fi
		return 0
	done
	return 1
}

missing=0 checked=0
for file in README.md CHANGELOG.md docs/*.md $(git ls-files '*/README.md' 2> /dev/null); do
	last=.
	while IFS=: read -r line name; do
		checked=$((checked + 1))
		exists "${name%%#*}" "$(dirname "$file")" && continue
		echo "$file:$line: no $name"
		missing=$((missing + 1))
	done < <(grep -noP "$PATTERN" "$file")
done
echo "$checked names, $missing of them missing"
((missing == 0 && checked > 100))
