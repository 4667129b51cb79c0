/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nic_info - what is to be said of a VM's interface, from the three that know of it: the kernel's
 * link, the process that holds it, libvirt's configuration. What is goes before what was asked for.
 * Pure. */
#ifndef TAPLOSS_AGENT_OWNERS_NIC_INFO_H
#define TAPLOSS_AGENT_OWNERS_NIC_INFO_H

#include "resolve_owner.h"

struct nic_info {
	/* "" : unknown; sizes that leave no padding: compared as bytes */
	char mac[20], backend[12], bridge[64];
	int queues, ring_frames;		/* -1: unknown */
	uint8_t addr[8];			/* mac as 6 bytes; 0: unknown */
};

void nic_info(const struct link_info *tap, const struct claim *c, struct nic_info *ret);

#endif
