/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nic_info.h"

#include <stdio.h>
#include <string.h>

static void mac_text(char ret[18], const uint8_t mac[6])
{
	snprintf(ret, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
}

static const uint8_t *guest_mac(const struct link_info *tap, const struct claim *c)
{
	static const uint8_t none[6];

	if (c->configured && memcmp(c->configured->mac, none, 6) != 0)
		return c->configured->mac;
	if (c->held && memcmp(c->held->mac, none, 6) != 0)
		return c->held->mac;
	/* a macvtap has its guest's address */
	return tap->kind == TL_KIND_TUN ? none : tap->mac;
}

static int queues_of(const struct link_info *tap, const struct claim *c)
{
	int n = tap->queues + tap->queues_disabled;

	if (n)
		return n;
	if (c->held && c->held->queues)
		return c->held->queues;
	return c->configured && c->configured->queues ? c->configured->queues : -1;
}

static const char *network_of(const struct link_info *tap, const struct claim *c)
{
	if (tap->bridge[0])
		return tap->bridge;
	if (tap->lower[0])
		return tap->lower;
	if (c->configured && c->configured->network[0])
		return c->configured->network;
	return NULL;
}

static const char *backend_of(const struct claim *c)
{
	if (c->held && c->held->backend[0])
		return c->held->backend;	/* what is, before what was asked for */
	return c->configured && c->configured->backend[0] ? c->configured->backend : NULL;
}

void nic_info(const struct link_info *tap, const struct claim *c, struct nic_info *ret)
{
	static const uint8_t none[6];
	const uint8_t *addr = guest_mac(tap, c);
	const char *backend = backend_of(c), *network = network_of(tap, c);

	memset(ret, 0, sizeof(*ret));
	if (memcmp(addr, none, 6) != 0)
		mac_text(ret->mac, addr);
	memcpy(ret->addr, addr, 6);
	snprintf(ret->backend, sizeof(ret->backend), "%s", backend ? backend : "");
	snprintf(ret->bridge, sizeof(ret->bridge), "%s", network ? network : "");
	ret->queues = queues_of(tap, c);
	ret->ring_frames = (int)tap->ring_frames;
}
