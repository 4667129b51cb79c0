/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading bursts: the kernel's ring by hand, because a record leaves it only when it is stored
 * (libbpf's reader frees each at once), and what the counters themselves still hold. */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collector/alloc.h"
#include "collector/base.h"
#include "collector/clock.h"
#include "loss_priv.h"

struct loss_bursts {
	size_t page;
	unsigned long *consumer;	/* a page each: ours, the kernel's */
	const unsigned long *producer;
	const uint8_t *data;		/* mapped twice in a row, so that no record is cut */
	unsigned long next;		/* up to where records were given out */

	struct tl_burst *quiet;		/* found by the read at hand */
	unsigned int n_quiet, size;
	uint64_t read_ns;		/* CLOCK_BOOTTIME at which it began */
	uint64_t taken_ns;		/* read_ns of the last one whose bursts were taken */
};

int loss_bursts_init(struct loss *l)
{
	struct loss_bursts *b = calloc(1, sizeof(*b));
	void *p;

	if (!b)
		return -ENOMEM;
	l->bursts = b;
	b->page = (size_t)sysconf(_SC_PAGESIZE);
	p = mmap(NULL, b->page, PROT_READ | PROT_WRITE, MAP_SHARED, l->maps[MAP_BURSTS], 0);
	if (p == MAP_FAILED)
		return -errno;
	b->consumer = p;
	p = mmap(NULL, b->page + 2UL * TL_BURST_BYTES, PROT_READ, MAP_SHARED, l->maps[MAP_BURSTS],
		 (off_t)b->page);
	if (p == MAP_FAILED)
		return -errno;
	b->producer = p;
	b->data = (const uint8_t *)p + b->page;
	return 0;
}

void loss_bursts_close(struct loss *l)
{
	struct loss_bursts *b = l->bursts;

	if (!b)
		return;
	if (b->consumer)
		munmap(b->consumer, b->page);
	if (b->producer)
		munmap((void *)(uintptr_t)b->producer, b->page + 2UL * TL_BURST_BYTES);
	free(b->quiet);
	free(b);
	l->bursts = NULL;
}

void loss_bursts_begin(struct loss *l)
{
	if (!l->bursts)
		return;
	l->bursts->n_quiet = 0;
	l->bursts->read_ns = boot_ns();
}

static int keep(struct loss_bursts *b, const struct tl_burst *burst)
{
	if (alloc_room(b->quiet, b->n_quiet, b->size) < 0)
		return -ENOMEM;
	b->quiet[b->n_quiet++] = *burst;
	return 0;
}

/* Quiet since before this read, but not since before the last one that was taken: that one gave it
 * out. A CPU that begins another burst at this moment may have written its start and not its first
 * frame yet. */
int loss_bursts_look(struct loss *l, const struct tl_loss_key *key,
		     const struct tl_loss_count *count, uint32_t cpu)
{
	struct loss_bursts *b = l->bursts;

	if (!b || !count->burst_ns || count->last_ns < count->burst_ns ||
	    (uint32_t)count->frames == count->burst_base)
		return 0;
	if (count->last_ns + TL_BURST_GAP_NS >= b->read_ns ||
	    count->last_ns + TL_BURST_GAP_NS < b->taken_ns)
		return 0;
	return keep(b, &(struct tl_burst){
			       .key = *key,
			       .start_ns = count->burst_ns,
			       .last_ns = count->last_ns,
			       .cpu = cpu,
			       .frames = (uint32_t)count->frames - count->burst_base,
			       .delivered = count->burst_delivered,
		       });
}

/* The record at b->next; 0: there is none yet. */
static size_t record(const struct loss_bursts *b, const struct tl_burst **ret)
{
	const uint8_t *at = b->data + (b->next & (TL_BURST_BYTES - 1));
	uint32_t len;

	if (b->next >= __atomic_load_n(b->producer, __ATOMIC_ACQUIRE))
		return 0;
	len = __atomic_load_n((const uint32_t *)(const void *)at, __ATOMIC_ACQUIRE);
	if (len & BPF_RINGBUF_BUSY_BIT)
		return 0;
	*ret = len & BPF_RINGBUF_DISCARD_BIT
		       ? NULL
		       : (const struct tl_burst *)(const void *)(at + BPF_RINGBUF_HDR_SZ);
	len &= ~(uint32_t)(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
	return (len + BPF_RINGBUF_HDR_SZ + 7) & ~7UL;
}

int loss_bursts(struct loss *l, unsigned int max, loss_burst_fn *fn, void *arg)
{
	struct loss_bursts *b = l->bursts;
	const struct tl_burst *burst;
	size_t len;
	int r = 0;

	b->next = *b->consumer;
	for (unsigned int n = 0; n < max && !r && (len = record(b, &burst)); n++) {
		r = burst ? fn(burst, arg) : 0;
		b->next += r ? 0 : len;
	}
	for (unsigned int i = 0; i < b->n_quiet && !r; i++)
		r = fn(&b->quiet[i], arg);
	return r;
}

void loss_bursts_taken(struct loss *l)
{
	struct loss_bursts *b = l->bursts;

	__atomic_store_n(b->consumer, b->next, __ATOMIC_RELEASE);
	b->taken_ns = b->read_ns;
}

void loss_bursts_from(struct loss *l, uint64_t boot_ns, bool all)
{
	struct loss_bursts *b = l->bursts;

	b->taken_ns = boot_ns;
	if (all)
		__atomic_store_n(b->consumer, __atomic_load_n(b->producer, __ATOMIC_ACQUIRE),
				 __ATOMIC_RELEASE);
}
