/* SPDX-License-Identifier: GPL-2.0-or-later */
/* owner - what a source of ownership knows: which VMs there are and which taps each one holds.
 *
 * Both sources (virt.h: libvirt, vmm.h: /proc) make these lists in threads of their own and hand over the newest one
 * whole; tapmap.h weighs them against each other. A list is never changed after it was handed over. */
#ifndef TAPLOSS_AGENT_OWNER_H
#define TAPLOSS_AGENT_OWNER_H

#include <stdbool.h>
#include <stdint.h>

struct owner_nic {
	char ifname[16];	/* host device; "" when only the ifindex is known (/dev/tapN) */
	uint32_t netns;		/* inode number; 0: the agent's own namespace (libvirt does not say) */
	uint32_t ifindex;	/* 0: unknown */
	uint8_t mac[6];		/* the guest's address; all 0: unknown */
	uint16_t queues;	/* 0: unknown */
	char backend[12];	/* "vhost", "userspace", "" unknown */
	char network[64];	/* libvirt network or bridge name, "" none */
};

struct owner_vm {
	char *ident;		/* stable identity: the UUID in lower case, else "name:NAME", else "pid:BOOTID:PID:STARTTIME" */
	char uuid[37];		/* "" when the VM has none */
	char *name;		/* UTF-8 (invalid bytes replaced), any length, any character but NUL */
	char state[16];		/* "running", "paused", "shutoff", ... */
	int pid;		/* VMM process in the agent's pid namespace, 0 unknown */
	uint64_t since_ns;	/* UTC ns since which this VM has been running, 0 unknown */
	uint64_t at_ns;		/* CLOCK_MONOTONIC just before this VM's interfaces were read (not the list's end) */
	struct owner_nic *nics;
	unsigned int n_nics;
};

struct owner_list {
	struct owner_vm *vms;
	unsigned int n_vms;
	uint64_t at_ns;		/* CLOCK_MONOTONIC when the list was complete */
};

struct owner_list *owner_list_free(struct owner_list *l);	/* NULL is fine; returns NULL */

#endif
