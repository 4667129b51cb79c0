#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A scheduled probe of an agent that is a service runs in a unit of its own: the agent's hides the
# kernel's modules.
# plain
. "$(dirname "$0")/../lib/test.sh"
[[ -e /usr/bin/systemd-run ]] || skip 'needs systemd-run'

cat > systemd-run << 'EOF'
#!/bin/sh
echo "$@" > /run/t/ran
EOF
chmod 755 systemd-run
mount --bind systemd-run /usr/bin/systemd-run
mkdir -p /run/systemd/system
printf '[probe]\nwhere = bridge:br9\nfirst_s = 0\nbudget_s = 30\n' > probe.conf
INVOCATION_ID=0 agent_start --config probe.conf
wait_for 10 test -s ran
has "$(cat ran)" '-p PartOf=taplossd.service -p RuntimeMaxSec=40 -- '
has "$(cat ran)" "/taplossctl --store $STORE --json probe run bridge:br9 \
--connect qemu:///system --frames 5000 --rate 2000"
agent_stop

# By hand it is a process of the agent.
rm ran
printf '[agent]\nlog = info\n' >> probe.conf
agent_start --config probe.conf
wait_for 20 grep -q 'probe of bridge:br9 failed' agent.log
[[ ! -e ran ]] || fail 'an agent that is no service asked for a unit'
