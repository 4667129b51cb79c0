/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loss_priv - what loss.c (attaching), loss_sock.c (second object) and loss_read.c (reading) share.
 */
#ifndef TAPLOSS_COLLECTOR_LOSS_LOSS_PRIV_H
#define TAPLOSS_COLLECTOR_LOSS_LOSS_PRIV_H

#include "loss.h"
#include "pins.h"

enum loss_map {
	MAP_LOSSES, MAP_DEVICES, MAP_STATS, MAP_PROGRAMS, MAP_BURSTS,
	MAPS_SHARED,				/* both objects use those above, */
	MAP_MACS = MAPS_SHARED, MAP_MAC_FILTER,	/* the main one also these */
	MAP_COUNT,
};

#define XDP_PROGRAMS 2

struct loss {
	struct pins pins;
	int maps[MAP_COUNT];
	int prog, link;			/* of the main program */
	bool reasons, inherited, attached;
	bool refusals;			/* this kernel has a tracepoint for them; loss_qdisc.c */
	int qdisc;			/* link; -1: none */

	/* loss_sock.c; bits: 1 << module */
	unsigned int builtin;		/* whose types are the kernel's own */
	/* whose types were there at the last load, and it worked out for these */
	unsigned int tried, known;
	int sock_error;
	uint32_t own_fields;		/* bpf/tun_sock.h; 0: not known */

	int xdp[XDP_PROGRAMS];		/* links; loss_xdp.c */
	struct loss_context *context;	/* loss_context.c; NULL: not attached */

	uint64_t per_cpu_offset;	/* bpf/burst.h; 0: unknown */

	/* loss_read.c */
	int cpus;
	struct tl_loss_key *keys;	/* of one batch */
	struct tl_loss_count *counts;	/* [batch][cpus] */
	uint32_t batch;

	struct loss_bursts *bursts;	/* loss_burst.c */

	/* loss_path.c: the addresses in the kernel's map, sorted */
	struct tl_mac *macs;
	uint32_t n_macs;
	bool macs_known;		/* false: an earlier agent may have left others there */
};

struct bpf_map;
struct bpf_program;
struct btf;

/* Makes @n libbpf maps stand for the maps at @fds. */
int loss_reuse(struct bpf_map *const *maps, const int *fds, int n);

/* Puts @prog into the program array. */
int loss_set_slot(const struct loss *l, uint32_t slot, const struct bpf_program *prog);

/* Which modules are loaded or built in: bit 0 tun, bit 1 tap. */
unsigned int loss_modules(const struct loss *l);

void loss_context_close(struct loss *l);

/* Pins a link or a program as @name, where there is a directory for pins; takes such a pin away. */
int loss_pin(const struct loss *l, int fd, const char *name);
void loss_unpin_one(const struct loss *l, const char *name);

/* loss_qdisc.c. Has the kernel that tracepoint? Is its program attached by an earlier agent? */
bool loss_qdisc_there(const struct btf *vmlinux);
bool loss_qdisc_pinned(struct loss *l);
void loss_qdisc_drop(struct loss *l);
int loss_qdisc_attach(struct loss *l, int prog);

/* A pinned object's descriptor, or -errno. */
int loss_open_pinned(const struct loss *l, const char *name);

/* Does this kernel's tracepoint have a reason? -EOPNOTSUPP: there is no such tracepoint. */
int loss_gives_reasons(const struct btf *vmlinux);

/* What bpf/tun_sock.h calls own_fields. */
uint32_t loss_own_fields(const struct btf *vmlinux);

/* Notes in @l which modules' types @vmlinux holds. */
void loss_sock_init(struct loss *l, const struct btf *vmlinux);

int loss_read_init(struct loss *l);

/* loss_burst.c. A read of all counters begins; one CPU's count of a key. */
int loss_bursts_init(struct loss *l);
void loss_bursts_close(struct loss *l);
void loss_bursts_begin(struct loss *l);
int loss_bursts_look(struct loss *l, const struct tl_loss_key *key,
		     const struct tl_loss_count *count, uint32_t cpu);

/* Our pid namespace, as the programs want it: 0 for the first one, whose numbers the kernel uses
 * itself. */
struct pidns {
	uint64_t dev, ino;
};
struct pidns loss_pidns(void);

/* libbpf's last warning, "" when there was none since loss_forget_warning(). */
const char *loss_warning(void);
void loss_forget_warning(void);

#endif
