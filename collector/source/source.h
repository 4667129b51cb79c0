/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source - one way to learn about lost frames.
 *
 *   bpf        programs at kfree_skb: every frame, with device, queue, reason, function (loss.h)
 *   net-dm     the kernel's drop monitor: a message for each drop, with reason and function; the VM
 *              by the addresses in the frame
 *   counters   what the devices count themselves: how many, in which direction, and no more
 *
 * A source hands out running totals by key, from an epoch on; what a key's numbers mean the source
 * says itself. A tick never asks which source it reads: one that does not know something answers
 * with nothing. Only setting up asks, once, for what goes with one source alone: source_loss(), for
 * the BPF programs besides the one that counts, and the name. Loop thread only; no logging. */
#ifndef TAPLOSS_COLLECTOR_SOURCE_SOURCE_H
#define TAPLOSS_COLLECTOR_SOURCE_SOURCE_H

#include "collector/kernel/ksym.h"
#include "collector/loss/loss.h"

#define SOURCE_WHY 512

struct source_options {
	const char *pin_dir;		/* as loss_options; NULL: do not pin */
	uint32_t max_keys;
	/* where a killed agent may have left word (source_begun()); NULL: nowhere */
	const char *word_dir;
};

/* A VM's tap, and the address by which its frames are known. */
struct source_tap {
	uint32_t netns, ifindex;
	uint8_t kind;			/* enum tl_kind */
	uint8_t mac[6];
};

/* What the source itself could not do. Totals. */
struct source_own {
	uint64_t uncounted;		/* frames of taps that found no room */
	/* frames in bursts that found no room: counted, but in no list of bursts */
	uint64_t unlisted;
	uint64_t missed;		/* drops, of any device, that were not looked at */
};

struct source_text {
	const char *reason;		/* lives as long as the source */
	char site[128];			/* function */
	/* no counter of the device moves with it, whatever its class says */
	bool silent;
};

/* What a source has no op for it does not know, or has no use for. */
struct source_ops {
	const char *name;		/* as in [loss] source; in the store, so it never changes */
	/* the devices' own counters are the loss: there are no totals to read */
	bool by_counters;
	int (*open)(const struct source_options *opt, void **ret, char why[static SOURCE_WHY]);
	void (*close)(void *src);
	struct loss *(*loss)(void *src);
	void (*epoch)(const void *src, struct loss_epoch *ret);
	bool (*inherited)(const void *src);
	bool (*was_attached)(const void *src);
	unsigned int (*reasons)(const void *src);
	bool (*functions)(const void *src);
	struct ksyms *(*syms)(void *src);
	int (*read)(void *src, loss_read_fn *fn, void *arg);
	int (*bursts)(void *src, unsigned int max, loss_burst_fn *fn, void *arg);
	void (*bursts_taken)(void *src);
	void (*bursts_from)(void *src, uint64_t boot_ns, bool all);
	int (*own)(const void *src, struct source_own *ret);
	int (*device)(const void *src, uint32_t netns, uint32_t ifindex, struct tl_device *ret);
	int (*watch)(void *src, const struct source_tap *taps, uint32_t n);
	int (*forget)(void *src, const struct tl_loss_key *key, const struct loss_total *last,
		      bool gone);
	int (*begun)(void *src, const char *dir);
	int (*fd)(const void *src);
	int (*dispatch)(void *src);
	void (*text)(void *src, const struct tl_loss_key *key, struct source_text *ret);
};

extern const struct source_ops source_bpf, source_netdm, source_counters;

struct source {
	const struct source_ops *ops;
	void *impl;
	/* what is amiss with it though it works; "": nothing. open() says it in @why */
	char note[SOURCE_WHY];
	/* why it is not a better one; "": it is the best, or the one asked for */
	char fell[SOURCE_WHY];
};

/* Opens the source called @name, or with "auto" the first that works: bpf, net-dm, counters. That
 * another agent is counting, or that what is pinned cannot be taken over, is no reason to count in
 * another way: -EBUSY, -EPROTO. @why as loss_open(). */
int source_open(const char *name, const struct source_options *opt, struct source **ret,
		char why[static SOURCE_WHY]);
struct source *source_close(struct source *s);	/* NULL is fine; returns NULL */

/* Is there one called so? "auto" counts. */
bool source_known(const char *name);

/* For setting up. The BPF counters behind it; NULL when it is another source. */
struct loss *source_loss(const struct source *s);

/* As the functions of loss.h. */
void source_epoch(const struct source *s, struct loss_epoch *ret);
bool source_inherited(const struct source *s);
bool source_was_attached(const struct source *s);
int source_read(const struct source *s, loss_read_fn *fn, void *arg);
int source_bursts(const struct source *s, unsigned int max, loss_burst_fn *fn, void *arg);
void source_bursts_taken(const struct source *s);
void source_bursts_from(const struct source *s, uint64_t boot_ns, bool all);
int source_own(const struct source *s, struct source_own *ret);
/* -ENOENT: not known */
int source_device(const struct source *s, uint32_t netns, uint32_t ifindex, struct tl_device *ret);
/* all there are; they take the place of the last call's */
int source_watch(const struct source *s, const struct source_tap *taps, uint32_t n);
int source_forget(const struct source *s, const struct tl_loss_key *key,
		  const struct loss_total *last, bool gone);

/* The store in @dir is ours: what a killed agent would leave running in the kernel leaves word
 * there. */
int source_begun(const struct source *s, const char *dir);

/* Becomes readable when source_dispatch() has something to do; -1: never. */
int source_fd(const struct source *s);
int source_dispatch(const struct source *s);

/* Are the devices' own counters the loss (source_counter_key()), in place of totals to read? */
bool source_by_counters(const struct source *s);

/* How coverage of its time is written in the store: "tick", or the source's name when it sees less
 * than all. */
const char *source_how(const struct source *s);

/* How many reasons can it name? 0: it gives none. */
unsigned int source_reasons(const struct source *s);

/* Do the kernel's functions have names? */
bool source_functions(const struct source *s);

/* Their addresses, borrowed; NULL when they have none. */
struct ksyms *source_syms(const struct source *s);

/* The kernel's words for a key. */
void source_text(const struct source *s, const struct tl_loss_key *key, struct source_text *ret);

/* The key under which frames are that the counter @counter of the device counted
 * (source_by_counters()). */
void source_counter_key(const char *counter, uint32_t netns, uint32_t ifindex, uint8_t kind,
			struct tl_loss_key *ret);

#endif
