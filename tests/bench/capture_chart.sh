#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The figures of capture.sh's rings as a picture: capture_chart.sh CAPTURE.TXT > FILE.svg
set -eu
grep -q '^rings V3 ' "$1" || { echo "capture_chart.sh: $1 has no figures of rings" >&2; exit 1; }
awk '
function median(key,	n, i, k, t) {
	n = count[key]
	for (i = 2; i <= n; i++)
		for (k = i; k > 1 && value[key, k - 1] > value[key, k]; k--) {
			t = value[key, k]; value[key, k] = value[key, k - 1]; value[key, k - 1] = t
		}
	return n ? value[key, int((n + 1) / 2)] : 0
}
function keep(key, x) { value[key, ++count[key]] = x }
function text(x, y, anchor, size, words) {
	printf "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\" font-size=\"%d\">%s</text>\n",
		x, y, anchor, size, words
}
function panel(left, title, note, phase, format, scale,		v, x, most, h) {
	text(left, 40, "start", 14, title)
	text(left, 57, "start", 11, note)
	for (v = 1; v <= 3; v++)
		most = median(phase "V" v) > most ? median(phase "V" v) : most
	for (v = 1; v <= 3; v++) {
		x = left + (v - 1) * 70
		h = most ? median(phase "V" v) * 130 / most : 0
		printf "<rect x=\"%d\" y=\"%.1f\" width=\"52\" height=\"%.1f\" fill=\"%s\"/>\n",
			x, 220 - h, h < 1 ? 1 : h, v == 3 ? "#1b6e4a" : "#9aa5b1"
		text(x + 26, 214 - h, "middle", 12, sprintf(format, median(phase "V" v) / scale))
		text(x + 26, 238, "middle", 12, "V" v)
	}
}
$1 == "rings" { keep("rate" $2, $4); keep("cpu" $2, $6) }
$1 == "stall" { keep("lost" $2, $5) }
END {
	print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 256\" width=\"720\" height=\"256\" font-family=\"sans-serif\" fill=\"#1f2933\" role=\"img\">"
	print "<title>TPACKET V1, V2 and V3 side by side: 64-byte frames, rings of 64 MiB</title>"
	print "<rect width=\"720\" height=\"256\" fill=\"#ffffff\"/>"
	panel(24, "captured, million frames/s", "the sender as fast as it can", "rate", "%.2f", 1e6)
	panel(264, "CPU, ns a frame", "of the reader", "cpu", "%.0f", 1)
	panel(504, "lost, %", "500,000/s, 100 ms stall each second", "lost", "%.1f", 1)
	print "</svg>"
}' "$1"
