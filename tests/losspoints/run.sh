#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every case of taptool on the kernel that runs this: each frame that is offered is delivered, still
# queued, refused or lost, and what is lost is counted as expect.txt says, for the VM and the queue
# that owners.txt says, and leaves nothing unexplained in the audit. Prints one line per case,
# "case|cell of the table in docs/KERNELS.md|frames lost/frames counted", and "DONE N cases".
#
#   run.sh [show] [PATTERN]      show: print what was seen in place of comparing it; PATTERN: an
#                                extended regular expression for cases
. "$(dirname "$0")/../lib/test.sh"
need tc jq

show=
[[ ${1:-} != show ]] || show=1
pattern=${2:-.}
[[ -n $show ]] || pattern=${1:-.}
count=20 ring=16 storm=${STORM:-2000000}
IFS=. read -r major minor _ <<< "$(uname -r)"
kernel=$major.$minor
case $kernel in
5.10 | 6.1 | 6.12 | 7.2) ;;
*) kernel=here ;;
esac

declare -A class direction kind frames witness note dev_of
names=() no_vhost=
while read -r name kernels c d k f w text; do
	[[ -n $name && $name != \#* ]] || continue
	[[ $kernels == all || ,$kernels, == *,$kernel,* ]] || continue
	[[ $name != vhost_\* ]] || { no_vhost=$text; continue; }
	[[ -z ${class[$name]:-} ]] || continue		# the first line that fits
	[[ $name != vhost_* || -z $no_vhost ]] || f=absent text=$no_vhost
	class[$name]=$c direction[$name]=$d kind[$name]=$k frames[$name]=$f witness[$name]=$w \
		note[$name]=$text
done < "$TESTS/losspoints/expect.txt"

declare -A vm_of queues_of
while read -r name kernels vm queues; do
	[[ -n $name && $name != \#* && -z ${vm_of[$name]:-} ]] || continue
	[[ $kernels == all || ,$kernels, == *,$kernel,* ]] || continue
	vm_of[$name]=$vm queues_of[$name]=$queues
done < "$TESTS/losspoints/owners.txt"

# set_up CASE DEV MAC: as a VMM would, that stays; it loses nothing yet
set_up() {
	local words=("-name" "guest=$1") fd

	[[ $1 != path_* ]] || words+=(-netdev "tap,id=n0,ifname=$2"
		-device "virtio-net-pci,netdev=n0,mac=$3")
	exec {fd}< <(exec -a qemu-system-x86_64 taptool case "$1" dev "$2" count $count mac "$3" \
		wait stay -- "${words[@]}" 2> "error.$2")
	pid_of[$1]=$! output_of[$1]=$fd
	says "$1" "$2" READY
}

# says CASE DEV WORD: waits for it, or for the case's end
says() {
	local line

	while read -r line <&"${output_of[$1]}"; do
		echo "$line" >> "case.$2"
		[[ $line != *$3* ]] || break
	done
}

lose() {	# lose CASE DEV
	kill -USR1 "${pid_of[$1]}" 2> /dev/null || return 0	# it could not be set up
	says "$1" "$2" sent
}

# The agent has seen every case's VM.
all_known() {
	ctl --json vms | jq -r '.vms[].name' > known
	for name in "${names[@]}"; do
		[[ ${vm_of[$name]:-own} != own ]] || ! kill -0 "${pid_of[$name]}" 2> /dev/null ||
			grep -x "$name" known || return
	done
}

[[ ! -e /t/fault.ko ]] || insmod /t/fault.ko

# Programs that tell whose a vhost worker's frames are stay attached: else the first ones are the
# VM's, and of no device.
printf '[bpf]\ncontext = on\n' > conf
agent_spawn --interval 1000 --config conf
wait_for 120 agent_ticks	# a test host under load takes its time
declare -A pid_of output_of
nr=0
while read -r name _; do
	[[ -n ${class[$name]:-} || -n $show ]] || fail "expect.txt says nothing of $name on $kernel"
	nr=$((nr + 1)) dev=$(printf '%s%03d' "$TAP" $nr)
	dev_of[$name]=$dev
	names+=("$name")
	set_up "$name" "$dev" "$(printf '52:54:00:%s:%s:%02x' "${TAG:1:2}" "${TAG:3:2}" $nr)"
done < <(taptool cases | grep -E "^($pattern)")
[[ -n $show ]] || wait_for 60 all_known
wait_for 60 ticks_since "$(date +%s%N)" 2	# and the kernel knows their addresses
for name in "${names[@]}"; do
	lose "$name" "${dev_of[$name]}"
done

# A storm: more drops than anybody's queue holds.
hold_as qemu-system-x86_64 "$TAP2" ring 16 -- -name guest=storm
taptool flood "$TAP2" "$storm" > storm.json
wait_for 180 ticks_since "$(date +%s%N)" 2
ctl --json loss --masked --by nic,vm,queue,direction,class,reason,kind,site,place > loss.json
ctl --json audit > audit.json

declare -A lost seen all_lost vms queues unexplained open
while IFS=$'\t' read -r nic c d k n vm queue reason site; do
	lost[$nic,$c,$d,$k]=$((${lost[$nic,$c,$d,$k]:-0} + n))
	all_lost[$nic]=$((${all_lost[$nic]:-0} + n))
	vms[$nic]+=$vm$'\n' queues[$nic]+=$queue$'\n'
	seen[$nic]+=" $c/$d/$k/$reason@$site=$n"
done < <(jq -r --arg tag "$TAG" '.rows[] | select((.nic // "-") | . == "-" or (.[1:] |
	startswith($tag)))
	| [.nic // "none", .class + (if .class == "PATH" then ":" + (.place |
	split(" ")[0]) else "" end), .direction, .kind, .frames, .vm // "none", .queue // "none",
	.kernel_reason, .site] | @tsv' loss.json)
while IFS=$'\t' read -r nic counter n; do
	unexplained[$nic,$counter]=$n
	((n == 0)) || open[$nic]+="$counter=$n "
done < <(jq -r '.rows[] | select(.nic) | [.nic, .counter, .unexplained_frames // 0] | @tsv' \
	audit.json)

declare -A must moved
while IFS=$'\t' read -r nic sent delivered left refused rx tx; do
	must[$nic]=$((sent - delivered - left - refused))
	moved[$nic,rx_dropped]=$rx moved[$nic,tx_dropped]=$tx
done < <(jq -r '[.dev, .sent, .delivered, .left, .refused, .rx_dropped, .tx_dropped] | @tsv' \
	<(grep -h '^{' case.*))

bad=0
wrong() {
	echo "$*" >&2
	bad=$((bad + 1))
}

# check CASE DEV: prints its cell
check() {
	local name=$1 nic=$2 n=${must[$2]:-} got=${all_lost[$2]:-0} sum=0 c d k w=${witness[$1]}

	if [[ ${frames[$name]} == absent ]]; then
		[[ -z $n ]] || wrong "$name can be provoked here, and expect.txt says that it \
cannot"
		cell "$name" "not on this kernel: ${note[$name]}"
		return
	fi
	if [[ -z $n ]]; then
		wrong "$name: $(cat "error.$nic")"
		return
	fi
	((n >= 0)) || wrong "$name: $n frames lost of those that were sent"
	[[ $w == - ]] || same_or_wrong "$name: $w" "${moved[$nic,$w]}" "$n"
	if [[ ${frames[$name]} == none ]]; then
		same_or_wrong "$name: frames counted (${seen[$nic]:-})" "$got" 0
		if ((n == 0)); then
			cell "$name" "${note[$name]:-no loss}"
		elif [[ $w == - ]]; then
			cell "$name" "not visible: ${note[$name]}" "$n/0"
		else
			same_or_wrong "$name: unexplained $w of the audit" \
				"${unexplained[$nic,$w]:-0}" "$n"
			cell "$name" "only by $w, $n of $n: ${note[$name]}" "$n/0"
		fi
		[[ $w != - ]] || same_or_wrong "$name: unexplained by the audit" "${open[$nic]:-}" \
			''
		return
	fi
	for c in ${class[$name]//+/ }; do
		for d in ${direction[$name]//+/ }; do
			for k in ${kind[$name]//+/ }; do
				sum=$((sum + ${lost[$nic,$c,$d,$k]:-0}))
			done
		done
	done
	if [[ ${frames[$name]} == freed && -z ${lost[$nic,PURGE,rx,lifecycle]:-} ]]; then
		n=$((n - ring)) queues_of[$name]=0
		echo "$name: what its ring held is nobody's, or another device's"
	fi
	same_or_wrong "$name: ${class[$name]} ${direction[$name]} ${kind[$name]} (seen: \
${seen[$nic]:-nothing})" "$sum" "$n"
	same_or_wrong "$name: all that was counted (${seen[$nic]:-nothing})" "$got" "$n"
	((n > 0)) || wrong "$name: nothing was lost"
	[[ ${vm_of[$name]:-} == any ]] || same_or_wrong "$name: unexplained by the audit" \
		"${open[$nic]:-}" ''
	check_owner "$name" "$nic"
	cell "$name" "${class[$name]/:/ at } exact" "$n/$got"
}

# all_of LINES: each once, in order, with commas between
all_of() {
	sort -u <<< "${1%$'\n'}" | paste -sd ,
}

# check_owner CASE DEV: the VM and the queues that lost the frames
check_owner() {
	local name=$1 nic=$2 vm=${vm_of[$1]:-own} wanted=${queues_of[$1]:-0}

	[[ $vm != own ]] || vm=$name
	[[ $vm == any ]] || same_or_wrong "$name: VM" "$(all_of "${vms[$nic]:-}")" "$vm"
	[[ $wanted == any ]] || same_or_wrong "$name: queues" "$(all_of "${queues[$nic]:-}")" \
		"$wanted"
}

cell() {	# cell CASE WORDS [FRAMES LOST/FRAMES COUNTED]
	echo "$1|$2|${3:-}"
	echo "$1|$2" >> cells
}

same_or_wrong() {
	[[ $2 == "$3" ]] || wrong "$1: got $2, not $3"
}

if [[ -n $show ]]; then
	for name in "${names[@]}"; do
		nic=${dev_of[$name]}
		moves="rx ${moved[$nic,rx_dropped]:-} tx ${moved[$nic,tx_dropped]:-}"
		owner="$(all_of "${vms[$nic]:-}") $(all_of "${queues[$nic]:-}")"
		echo "$name|must ${must[$nic]:--} $moves |${seen[$nic]:-}|$owner|${open[$nic]:-}$(
			head -c 150 "error.$nic")"
	done
	echo "nobody's:${seen[none]:-}"
else
	for name in "${names[@]}"; do
		check "$name" "${dev_of[$name]}"
	done
fi
sent=$(jq '.sent + .refused' storm.json)
same "$sent" "$storm" 'frames of the storm'
same "${lost[$TAP2,PTR_FULL,rx,capacity]:-0}" $((storm - 16)) 'the storm: frames lost'
same "$(counter "$TAP2" tx_dropped)" $((storm - 16)) 'the storm: tx_dropped'
same "${unexplained[$TAP2,tx_dropped]:-0}" 0 'the storm: unexplained'
cell storm 'PTR_FULL exact' "$((storm - 16))/${lost[$TAP2,PTR_FULL,rx,capacity]}"
same $bad 0 'cases that went wrong'

# The document says of this kernel what was seen just now.
documented() {
	awk -F' [|] ' -v want="$kernel" '
		/^\| case/ { for (i = 3; i <= NF; i++) { head = $i; sub(/ .*/, "", head);
		if (head == want) column = i } }
		/^\| `/ && column { gsub(/^\| `|`$/, "", $1); sub(/ \|$/, "", $column);
		print $1 "|" $column }' "$TESTS/../docs/KERNELS.md"
}
if [[ -z $show && $pattern == . ]]; then
	diff cells <(documented) ||
		fail "docs/KERNELS.md (right) is not what this kernel ($kernel) shows (left); see \
losspoints/table.sh"
fi
echo "DONE ${#names[@]} cases"
