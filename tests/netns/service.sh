#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The service manager's protocol: READY, WATCHDOG and STOPPING are said; SIGHUP takes over a good
# configuration and refuses a bad one.
. "$(dirname "$0")/../lib/test.sh"
need perl

perl -MIO::Socket::UNIX -e \
	'$| = 1; my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "notify") or die;
	while (defined $s->recv(my $m, 4096)) { print "$m\n" }' > said &
wait_for 10 test -S notify
conf() {
	printf '[agent]\ninterval_ms = %s\n[libvirt]\nuri = none\n' "$1" > taploss.conf
}
said() {
	grep -qx "$1" said
}
interval_is() {
	[[ $(ctl --json status | jq .agent.interval_ns) == "$1" ]]
}

conf 200
NOTIFY_SOCKET=$W/notify WATCHDOG_USEC=1000000 taplossd --store "$STORE" --config taploss.conf \
	>> agent.log 2>&1 &
AGENT=$!
wait_for 20 said READY=1
wait_for 10 said WATCHDOG=1
wait_for 10 interval_is 200000000

conf 300
kill -HUP "$AGENT"
wait_for 10 interval_is 300000000
has "$(cat agent.log)" 'interval 300 ms'
conf 50
kill -HUP "$AGENT"
wait_for 10 grep -q 'taploss.conf:2: agent.interval_ms: 50 is not a whole number' agent.log
interval_is 300000000 || fail 'a bad configuration was taken over'
settled
! said STOPPING=1 || fail 'STOPPING too early'
agent_stop
wait_for 10 said STOPPING=1
