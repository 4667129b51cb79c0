/* SPDX-License-Identifier: GPL-2.0-or-later */
/* owner - what a source of ownership knows: which VMs there are and which taps each one holds.
 *
 * Both sources (virt.h: libvirt, vmm.h: /proc) make these lists in threads of their own and hand
 * over the newest one whole; resolve_owner.h decides between them. A list is never changed after
 * it was handed over. */
#ifndef TAPLOSS_AGENT_OWNERS_OWNER_H
#define TAPLOSS_AGENT_OWNERS_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OWNER_UID_UNKNOWN UINT32_MAX

struct owner_nic {
	char ifname[16];	/* host device; "" when only the ifindex is known (/dev/tapN) */
	/* inode number; 0: the agent's own namespace (libvirt does not say) */
	uint32_t netns;
	uint32_t ifindex;	/* 0: unknown */
	uint8_t mac[6];		/* the guest's address; all 0: unknown */
	uint16_t queues;	/* 0: unknown */
	char backend[12];	/* "vhost", "userspace", "" unknown */
	char network[64];	/* libvirt network or bridge name, "" none */
};

/* A NIC that no tap carries: its frames do not pass where loss is counted. */
struct owner_unseen {
	/* "vhost-user", "hostdev", "vdpa", "passt", "user", "socket", "other" */
	char kind[12];
	uint8_t mac[6];		/* all 0: unknown */
	char detail[128];	/* the socket's path, the PCI address, the device; "" none */
};

/* What people call a VM by besides its name: "project" = "web shop". */
struct owner_label {
	char key[32];
	char *value;		/* UTF-8, at most OWNER_LABEL_BYTES */
};

#define OWNER_LABELS 16		/* of a VM; more are left out */
#define OWNER_LABEL_BYTES 256

struct owner_vm {
	/* stable identity: the UUID in lower case, else "name:NAME", else
	 * "pid:BOOTID:PID:STARTTIME" */
	char *ident;
	char uuid[37];		/* "" when the VM has none */
	/* UTF-8 (invalid bytes replaced), any length, any character but NUL */
	char *name;
	char state[16];		/* "running", "paused", "shutoff", ... */
	int pid;		/* VMM process in the agent's pid namespace, 0 unknown */
	uint32_t uid;		/* its user; OWNER_UID_UNKNOWN */
	/* the process's network namespace, 0 unknown; its taps may be in others */
	uint32_t netns;
	uint64_t start_ticks;	/* of the process, since boot; 0 unknown */
	uint64_t since_ns;	/* UTC ns since which this VM has been running, 0 unknown */
	/* CLOCK_MONOTONIC just before this VM's interfaces were read (not the list's end) */
	uint64_t at_ns;
	struct owner_nic *nics;
	unsigned int n_nics;
	struct owner_unseen *unseen;
	unsigned int n_unseen;
	struct owner_label *labels;	/* in the order in which they were added */
	unsigned int n_labels;
};

struct owner_list {
	struct owner_vm *vms;
	unsigned int n_vms;
	uint64_t at_ns;		/* CLOCK_MONOTONIC when the list was complete */
};

/* How a source of lists is. */
struct source_state {
	/* "ok", "connecting", "stale" (was ok, does not answer now), "failed", "off" */
	char state[12];
	char why[256];		/* one sentence for a person; "" when ok */
	uint64_t last_ok_ns;	/* CLOCK_MONOTONIC of the last answer, 0 never */
};

struct owner_list *owner_list_free(struct owner_list *l);	/* NULL is fine; returns NULL */

/* Moves *vm to the end of the list and clears it. -ENOMEM: *vm is still the caller's. */
int owner_list_add(struct owner_list *l, struct owner_vm *vm);

/* A new, empty NIC of @vm, or NULL; borrowed until the next one. */
struct owner_nic *owner_vm_add_nic(struct owner_vm *vm);

struct owner_unseen *owner_vm_add_unseen(struct owner_vm *vm);

/* Adds a label, or changes it. An empty @value adds none, nor does one too many; a long value is
 * cut between characters. @value is cleaned as names are. -ENOMEM. */
int owner_vm_label(struct owner_vm *vm, const char *key, const char *value);

int owner_vm_copy(const struct owner_vm *from, struct owner_vm *ret);
void owner_vm_free(struct owner_vm *vm);	/* what it holds, not itself */

/* "52:54:00:12:34:56". -EINVAL. */
int owner_parse_mac(const char *text, uint8_t ret[static 6]);

/* @len bytes as UTF-8: what is not well-formed becomes U+FFFD. The caller frees it. NULL: no
 * memory. */
char *owner_clean_name(const char *bytes, size_t len);

#endif
