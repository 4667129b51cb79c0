/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loss - the kernel's loss counters: load them, keep them pinned, read them.
 *
 * The BPF programs count every frame freed as lost on a tun, tap, macvtap or ipvtap device from the
 * moment of the first attach, and go on while nobody reads: program link and maps are pinned under
 * @pin_dir. This module hands out running totals; delta.h turns them into what is new. Loop thread
 * only; no logging. */
#ifndef TAPLOSS_COLLECTOR_LOSS_LOSS_H
#define TAPLOSS_COLLECTOR_LOSS_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

struct loss;

struct loss_options {
	/* below a bpffs; NULL: do not pin, counting ends with this process */
	const char *pin_dir;
	uint32_t max_keys;	/* capacity of the loss map, fixed when the map is first made */
};

/* A count with all CPUs added up. */
struct loss_total {
	uint64_t frames, segments, bytes;
	uint64_t born_ns;	/* CLOCK_BOOTTIME; identity of the element, see tl_loss_count */
};

/* What stands behind the totals. They start again from 0 when either of these differs from before.
 */
struct loss_epoch {
	char boot_id[37];
	uint32_t map_id;	/* the kernel's id of the loss map, unique within a boot */
};

/* Loads or takes over the pinned counters and makes sure that they are attached.
 * -EPERM: privilege is missing; -ENOENT: the kernel shows no BTF; -EBUSY: another agent holds
 * @pin_dir; -EOPNOTSUPP: this kernel cannot count (it says why); -EPROTO: pinned maps of another
 * layout.
 * @why then holds one sentence for a person, without a full stop. */
int loss_open(const struct loss_options *opt, struct loss **ret, char why[static 256]);

/* Lets go. What is pinned goes on counting. NULL is fine; returns NULL. */
struct loss *loss_close(struct loss *l);

/* Removes links, programs and maps pinned under @pin_dir, so that nothing of taploss stays in the
 * kernel. 0 also when there was nothing. */
int loss_unpin(const char *pin_dir);

void loss_epoch(const struct loss *l, struct loss_epoch *ret);

/* This boot's id, "" when it cannot be read. */
void loss_boot(char ret[static 37]);

/* True when the maps were there already: what they hold was counted for an earlier agent. */
bool loss_inherited(const struct loss *l);

/* True when they were also being fed when loss_open() came: counting never stopped. */
bool loss_was_attached(const struct loss *l);

/* True when the links and maps are pinned, so that counting survives this process. */
bool loss_pinned(const struct loss *l);

/* How the program hangs on kfree_skb: "tp_btf". */
const char *loss_attach_kind(const struct loss *l);

/* True when the sockets of tun_file / tap_queue can be read as far as their modules are there
 * (second object loaded). Cheap: call it now and then, it loads again when a module has come; @why
 * says why not, or by what makeshift, else "". */
bool loss_sockets_known(struct loss *l, char why[static 256]);

/* Is it told why a queueing discipline drops a frame, by a tracepoint of its own (7.2 and later)?
 */
bool loss_says_refused(const struct loss *l);

/* Does this kernel give reasons (5.17 and later)? */
bool loss_has_reasons(const struct loss *l);

typedef int loss_read_fn(const struct tl_loss_key *key, const struct loss_total *total, void *arg);

/* Every key with its total, by batched reads. Stops at the first non-zero return of @fn and returns
 * it. */
int loss_read(struct loss *l, loss_read_fn *fn, void *arg);

typedef int loss_burst_fn(const struct tl_burst *b, void *arg);

/* Bursts that have ended (or were cut), at most @max, the rest next time: those that the kernel's
 * ring holds, then those that the last loss_read() found quiet for longer than a gap. One may come
 * twice: quiet, and later from the ring; (key, cpu, start_ns) is the same then. They come again
 * until loss_bursts_taken(). Stops at the first non-zero return of @fn and returns it. */
int loss_bursts(struct loss *l, unsigned int max, loss_burst_fn *fn, void *arg);
void loss_bursts_taken(struct loss *l);

/* What had ended before @boot_ns (CLOCK_BOOTTIME) was taken by somebody else; with @all also
 * everything in the ring. */
void loss_bursts_from(struct loss *l, uint64_t boot_ns, bool all);

/* Counters of the programs' own failures: enum tl_stat. Totals. */
int loss_stats(const struct loss *l, uint64_t ret[static TL_STAT_MAX]);

/* Drops that nobody counted because they came while the program was at work on the same CPU (a
 * softirq in a system call's drop): of any device, also nobody's, since the program was loaded. 0
 * before 5.12. */
int loss_missed(const struct loss *l, uint64_t *ret);

/* What @netns/@ifindex was when it first lost a frame. -ENOENT: it never lost one. */
int loss_device(const struct loss *l, uint32_t netns, uint32_t ifindex, struct tl_device *ret);

/* Losses on devices that are no taps are counted for frames to and from these @n Ethernet
 * addresses, the VMs' (TL_KIND_PATH). They replace the ones of the last call; the same ones again
 * cost nothing. -ENOSPC: more than the kernel's map holds (16384), the first ones are watched. */
int loss_watch_macs(struct loss *l, const uint8_t (*macs)[6], uint32_t n);

/* Forgets @key when no frame was added since @last was read; with @gone, also what is known of its
 * device. -EAGAIN: it moved, read it again first. */
int loss_forget(struct loss *l, const struct tl_loss_key *key, const struct loss_total *last,
		bool gone);

#endif
