#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every command on stores that an earlier version made answers in JSON and CSV what that version
# answered, to the byte, with the same exit status: tests/golden/README.md.
# limit 240
. "$(dirname "$0")/../lib/store.sh"
GOLDEN=$ROOT/tests/golden

mkdir "$W/wanted"
tar xJf "$GOLDEN/expected.tar.xz" -C "$W/wanted"
"$GOLDEN/record.sh" "$TAPLOSSCTL" "$W/got" || exit $?
for form in json csv; do
	[[ $(find "$W/wanted" -name "*.$form" -size +0 | wc -l) -gt 90 ]] ||
		fail "too few answers in $form to compare with"
done
(cd "$W" && diff -r wanted got) > "$W/differences" ||
	fail "answers differ from those of $(< "$GOLDEN/version"): $(head -c 4000 "$W/differences")"
