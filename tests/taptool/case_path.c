/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames of a guest that are lost above its tap: on a bridge, or in the uplink beside it, one end
 * of a veth pair. */
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <linux/if_tun.h>

#include "taptool.h"

#define LEN 200
#define OUTSIDE "02:00:00:00:00:77"	/* whom the guest sends to, behind the uplink */

static const char *named(const struct fault *f, char part)
{
	static char names[4][16];
	static unsigned int next;
	char *name = names[next++ % ARRAY_SIZE(names)];

	snprintf(name, sizeof(names[0]), "%.14s%c", f->dev, part);
	return name;
}

static const char *bridge(const struct fault *f)
{
	return named(f, 'b');
}

static const char *uplink(const struct fault *f)
{
	return named(f, 'u');
}

static const char *far_end(const struct fault *f)
{
	return named(f, 'f');
}

static void join(const struct fault *f, const char *port, const char *mac)
{
	run("ip link set %s master %s && ip link set %s up && bridge fdb add %s dev %s master "
	    "static",
	    port, bridge(f), port, mac, port);
}

/* A port takes frames a moment after its carrier. */
static void wait_for_port(const char *port)
{
	run("for i in $(seq 500); do bridge -j link show dev %s | jq -e '.[0].state == "
	    "\"forwarding\"' > /dev/null && exit; sleep 0.02; done; exit 1",
	    port);
}

static void network(struct fault *f)
{
	char mac[18];

	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", f->mac[0], f->mac[1], f->mac[2],
		 f->mac[3], f->mac[4], f->mac[5]);
	f->fd = tap_open(f->dev, IFF_TAP | IFF_VNET_HDR);
	run("ip link add %s type bridge mcast_snooping 0 && ip link add %s type veth peer name %s",
	    bridge(f), uplink(f), far_end(f));
	device_up(bridge(f));
	device_up(far_end(f));
	join(f, f->dev, mac);
	join(f, uplink(f), OUTSIDE);
	wait_for_port(f->dev);
	wait_for_port(uplink(f));
}

static unsigned int send_in(struct fault *f)
{
	packet_send_many(far_end(f), f->mac, f->count, LEN);
	return f->count;
}

static unsigned int send_out(struct fault *f, unsigned int n, size_t len)
{
	uint8_t b[VNET_HDR + 2048] = { 0 }, outside[6];

	frame_mac(OUTSIDE, outside);
	for (unsigned int i = 0; i < n; i++) {
		frame_test(b + VNET_HDR, outside, len, i);
		memcpy(b + VNET_HDR + 6, f->mac, 6);
		if (!tap_write(f->fd, b, VNET_HDR + len))
			die("write");
	}
	return n;
}

static unsigned int netfilter(struct fault *f)
{
	run("nft add table bridge %s && nft add chain bridge %s in '{ type filter hook prerouting "
	    "priority 0; }' && "
	    "nft add rule bridge %s in iifname %s drop",
	    f->dev, f->dev, f->dev, uplink(f));
	return send_in(f);
}

static unsigned int tc(struct fault *f)
{
	run("tc qdisc add dev %s clsact && tc filter add dev %s ingress matchall action drop",
	    uplink(f), uplink(f));
	return send_in(f);
}

/* Isolated ports give each other nothing. */
static unsigned int isolated(struct fault *f)
{
	run("bridge link set dev %s isolated on && bridge link set dev %s isolated on", uplink(f),
	    f->dev);
	return send_in(f);
}

static unsigned int mtu(struct fault *f)
{
	run("ip link set %s mtu 1000", uplink(f));
	return send_out(f, f->count, 1400);
}

/* A discipline that lets few frames go and holds few. */
static unsigned int qdisc(struct fault *f)
{
	struct counters before = { 0 }, after = { 0 };

	run("tc qdisc add dev %s root tbf rate 8bit burst 300 limit 1000", uplink(f));
	counters_read(uplink(f), &before);
	send_out(f, 100, LEN);
	counters_read(uplink(f), &after);
	f->left = qdisc_backlog(uplink(f));
	f->delivered = (unsigned int)(after.tx_packets - before.tx_packets);
	return 100;
}

const struct fault_case cases_path[] = {
	{ "path_netfilter", "a filter of the bridge drops what comes in by the uplink", "tap",
	  network, netfilter },
	{ "path_tc", "tc drops what comes in by the uplink", "tap", network, tc },
	{ "path_isolated", "the bridge keeps the guest and the uplink apart", "tap", network,
	  isolated },
	{ "path_mtu", "the guest's frames are longer than the uplink takes", "tap", network, mtu },
	{ "path_qdisc", "the uplink's queueing discipline is full", "tap", network, qdisc },
	{ 0 },
};
