/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loss_priv - what the files share that load, attach and read the programs which count losses.
 * loss.c is on top: none of the others calls it. */
#ifndef TAPLOSS_COLLECTOR_LOSS_LOSS_PRIV_H
#define TAPLOSS_COLLECTOR_LOSS_LOSS_PRIV_H

#include "loss.h"
#include "pins.h"

enum loss_map {
	MAP_LOSSES, MAP_DEVICES, MAP_STATS, MAP_PROGRAMS, MAP_BURSTS,
	MAPS_SHARED,				/* all objects use those above, */
	MAP_MACS = MAPS_SHARED, MAP_MAC_FILTER,	/* the main one also these */
	MAP_COUNT,
};

#define XDP_PROGRAMS 2

struct loss {
	struct pins pins;
	int maps[MAP_COUNT];
	int prog, link;			/* of the main program */
	bool reasons, inherited, attached;
	bool refusals;			/* this kernel has a tracepoint for them; qdisc.c */
	int qdisc;			/* link; -1: none */

	/* sock.c; bits: 1 << module */
	unsigned int builtin;		/* whose types are the kernel's own */
	/* whose types were there at the last load, and it worked out for these */
	unsigned int tried, known;
	int sock_error;
	uint32_t own_fields;		/* bpf/tun_sock.h; 0: not known */

	int xdp[XDP_PROGRAMS];		/* links; xdp.c */
	struct loss_context *context;	/* context.c; NULL: not attached */

	uint64_t per_cpu_offset;	/* bpf/burst.h; 0: unknown */

	/* read.c */
	int cpus;
	struct tl_loss_key *keys;	/* of one batch */
	struct tl_loss_count *counts;	/* [batch][cpus] */
	uint32_t batch;

	struct loss_bursts *bursts;	/* burst.c */

	/* path.c: the addresses in the kernel's map, sorted */
	struct tl_mac *macs;
	uint32_t n_macs;
	bool macs_known;		/* false: an earlier agent may have left others there */
};

struct bpf_map;
struct bpf_program;
struct btf;

/* object.c: for every BPF object. */

/* Makes @n libbpf maps stand for the maps at @fds. */
int loss_reuse(struct bpf_map *const *maps, const int *fds, int n);

/* Puts @prog into the program array. */
int loss_set_slot(const struct loss *l, uint32_t slot, const struct bpf_program *prog);

/* Pins a link or a program as @name; removes such a pin; a pinned object's descriptor, or -errno.
 * Without a directory for pins nothing happens. */
int loss_pin(const struct loss *l, int fd, const char *name);
void loss_unpin_one(const struct loss *l, const char *name);
int loss_open_pinned(const struct loss *l, const char *name);

/* Our pid namespace, as the programs want it: 0 for the first one, whose numbers the kernel uses
 * itself. */
struct pidns {
	uint64_t dev, ino;
};
struct pidns loss_pidns(void);

/* From here on libbpf's warnings are kept in place of printed. The last one, "" when there was none
 * since loss_forget_warning(). */
void loss_keep_warnings(void);
const char *loss_warning(void);
void loss_forget_warning(void);

/* context.c */
void loss_context_close(struct loss *l);

/* qdisc.c. Is its program attached by an earlier agent? */
bool loss_qdisc_pinned(struct loss *l);
void loss_qdisc_drop(struct loss *l);
int loss_qdisc_attach(struct loss *l, int prog);

/* sock.c. Which modules are loaded or built in: bit 0 tun, bit 1 tap. */
unsigned int loss_modules(const struct loss *l);

/* Notes in @l which modules' types @vmlinux holds. */
void loss_sock_init(struct loss *l, const struct btf *vmlinux);

/* read.c */
int loss_read_init(struct loss *l);

/* burst.c. A read of all counters begins; one CPU's count of a key. */
int loss_bursts_init(struct loss *l);
void loss_bursts_close(struct loss *l);
void loss_bursts_begin(struct loss *l);
int loss_bursts_look(struct loss *l, const struct tl_loss_key *key,
		     const struct tl_loss_count *count, uint32_t cpu);

#endif
