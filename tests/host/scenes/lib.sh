# shellcheck shell=bash disable=SC2034	# what is set here is used by the scenes
# SPDX-License-Identifier: GPL-2.0-or-later
# What every scene of a whole system is made of; sourced first. A scene runs as root in the system's
# first network namespace, beside the taplossd that systemd started from the installed package. It
# has the system for itself and leaves everything as it is: the system is forgotten.
TAPLOSS_INSIDE=1
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/test.sh"

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$B
STORE=/var/lib/taploss TAPLOSS_STORE=$STORE
export LIBVIRT_DEFAULT_URI=qemu:///system
journalctl -fu taplossd -o cat -n 3 > agent.log 2>&1 &	# test.sh shows it when something fails

# The NICs, by their addresses: nic0 and nic2 are real hosts', nic1 and nic3 are at their other
# ends.
for dev in /sys/class/net/*/address; do
	address=$(< "$dev")
	dev=${dev%/address}
	[[ $address != 52:54:00:ff:00:0* ]] || ip link set "${dev##*/}" name "nic${address: -1}"
done

# Addresses: of VMs, of somebody outside, of all.
A=52:54:00:00:00:0a C=52:54:00:00:00:0c OUT=02:00:00:00:00:77 ALL=ff:ff:ff:ff:ff:ff

service_counts() {
	ctl --json status | jq -e --argjson pid "$(systemctl show -P MainPID taplossd)" '
		.agent.running and .agent.pid == $pid and (.coverage | length > 0)
		and any(.sources[]; .name == "bpf-sockets" and .state == "ok")'
}

# known NIC...: the agent has a VM for each
known() {
	ctl --json vms | jq -e '[.vms[].nics[].ifname] | contains($ARGS.positional)' --args "$@"
}

# Frames, in hex: frame TO FROM TYPE PAYLOAD, padded to 60 bytes; TYPE may be with a VLAN tag before
# it.
frame() {
	local hex=${1//:/}${2//:/}$3$4

	while ((${#hex} < 120)); do
		hex+=00
	done
	echo "$hex"
}

arp() {	# arp FROM SENDER TARGET: who has TARGET, addresses in hex
	frame $ALL "$1" 0806 "0001080006040001${1//:/}${2}000000000000$3"
}

# ipv4 FROM TO PROTOCOL PAYLOAD [TTL]: a packet, in hex
ipv4() {
	local length=$((20 + ${#4} / 2)) head sum=0 i

	head=4500$(printf %04x $length)00010000${5:-40}${3}0000$1$2
	for ((i = 0; i < 40; i += 4)); do
		sum=$((sum + 16#${head:i:4}))
	done
	while ((sum > 65535)); do
		sum=$(((sum & 65535) + (sum >> 16)))
	done
	printf '%s%04x%s%s' "${head:0:20}" $((65535 - sum)) "${head:24}" "$4"
}

# udp FROM TO PAYLOAD: a datagram, ports in decimal, without a checksum
udp() {
	printf '%04x%04x%04x0000%s' "$1" "$2" $((8 + ${#3} / 2)) "$3"
}

zeros() {
	printf '00%.0s' $(seq "$1")
}

# Guests and neighbours: who speaks and reads by hexguest.

# being NAME COMMAND...: hexguest, told what to do by say
being() {
	local name=$1 in out

	shift
	mkfifo "in.$name"
	"$@" <> "in.$name" > "out.$name" 2>> beings.log &
	printf -v "pid_$name" %s $!
	wait_for 10 grep -qx READY "out.$name"
}

# guest NAME KIND DEVICE MAC [deaf]: a VM of that name, with one NIC
guest() {
	local name=$1 kind=$2 dev=$3 mac=$4

	shift 4
	being "$name" bash -c 'exec -a qemu-system-x86_64 hexguest "$@"' - "$kind" "$dev" "$@" -- \
		-name "guest=$name" -netdev "tap,id=n0,ifname=$dev" \
		-device "virtio-net-pci,netdev=n0,mac=$mac"
	ip link set "$dev" up
}

# say NAME COUNT HEX: when this returns, all are on their way
say() {
	local before

	before=$(wc -l < "out.$1")
	echo "$2 $3" > "in.$1"
	wait_for 20 answered "$1" "$before"
	same "$(tail -n 1 "out.$1")" "sent $2 refused 0" "$1"
}

answered() {
	(($(wc -l < "out.$1") > $2))
}

# heard NAME: how many frames it has read
heard() {
	local before

	before=$(wc -l < "out.$1")
	echo read > "in.$1"
	wait_for 20 answered "$1" "$before"
	tail -n 1 "out.$1" | cut -d ' ' -f 2
}

forwards() {	# forwards PORT: its bridge takes frames from it
	[[ $(bridge -j link show dev "$1" | jq -r '.[0].state') == forwarding ]]
}

# uplink: br0, with a real driver's NIC to the network outside; the being "outside" is there
uplink() {
	ip link add br0 type bridge mcast_snooping 0
	ip link set nic0 master br0
	for dev in br0 nic0; do
		ip link set $dev up
	done
	ip netns add outside
	ip link set nic1 netns outside
	ip -n outside link set nic1 up
	being outside ip netns exec outside hexguest device nic1
	wait_for 10 forwards nic0
}

# losses: each of the rows that the loss reports has, policy and benign ones too
losses() {
	ctl --json loss --masked --by vm,nic,direction,class,place,site,kind |
		jq -c '.rows[] | [.vm, .nic, .direction, .class, .place, .site, .kind, .frames]'
}
