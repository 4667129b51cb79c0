/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmdline - what a VMM's command line says of it: name, UUID, and for each NIC the tap (by name or
 * descriptor) and the MAC.
 *
 * QEMU in both spellings (key=value with doubled commas, JSON), also as Proxmox starts it;
 * cloud-hypervisor, crosvm, Firecracker (and its jailer), kvmtool; any other program by -name,
 * --name or --id. What a process says of itself is a claim: who believes it is resolve_owner.h's
 * business. Pure. */
#ifndef TAPLOSS_AGENT_OWNERS_CMDLINE_H
#define TAPLOSS_AGENT_OWNERS_CMDLINE_H

#include <stddef.h>
#include <stdint.h>

struct cmdline_nic {
	char id[64];		/* of the netdev: what joins -netdev and -device */
	char ifname[16];	/* "" when the tap came as a descriptor */
	int fd;			/* the first one of fd=, fds=; -1: none */
	uint8_t mac[6];		/* all 0: unknown */
};

struct cmdline {
	char *name;		/* NULL: none given; cleaned UTF-8 */
	char uuid[37];		/* "" : none given; lower case; -uuid, else the one of -smbios */
	char smbios_uuid[37];
	char vmid[16];		/* Proxmox's number of the VM; "": none */
	struct cmdline_nic *nics;
	unsigned int n_nics;
};

/* @text: /proc/PID/cmdline as it is, NUL-separated, @len bytes. -ENOMEM. */
int cmdline_parse(const char *text, size_t len, struct cmdline *ret);
void cmdline_free(struct cmdline *c);

#endif
