/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tapmap - the taps of this host, whose they are, and since when.
 *
 * The kernel names a loss by (netns, ifindex), and that pair is used again: a VM stops, the next
 * one gets its ifindex. A struct tap is one lifetime of a device; a dead one is kept for a minute,
 * because losses (and owners) can come to light late. What is known here reaches the store in
 * tapmap_reconcile(), which may fail and be called again: memory holds what should be, the store
 * follows. Loop thread only; times are UTC ns. */
#ifndef TAPLOSS_AGENT_OWNERS_TAPMAP_H
#define TAPLOSS_AGENT_OWNERS_TAPMAP_H

#include <uthash.h>

#include "nic_info.h"
#include "agent/store/store.h"

struct tap_key {
	uint32_t netns, ifindex;
};

#define TAP_TICKS 12

/* One lifetime of a device. Fields are for reading; the counters are the sampler's. */
struct tap {
	struct tap_key key;
	struct link_info info;
	uint64_t since_ns;
	uint64_t gone_ns;		/* 0: alive */
	bool ended;			/* the store knows that it is gone */
	/* rtnetlink showed it to this agent; else only the counters or the store named it */
	bool seen;
	uint64_t shown_ns;		/* when rtnetlink showed it last */
	struct lifetime life;		/* the same on the clock of the lists */
	int64_t device_id;		/* 0: the store does not know it yet */

	int64_t attachment_id, vm_id;	/* 0: nobody's */
	char *ident;			/* of the owner; NULL: nobody's */
	int holder;			/* the process that holds it; 0 unknown */
	uint64_t holder_since_ns;	/* when it began; 0 unknown */
	uint64_t free_since_ns;		/* when the last owner let go; 0: never had one */
	bool stale;			/* who owns it, or how, is to be looked at again */
	struct nic_info stored;		/* what the store knows of the attachment */

	struct {
		/* newest; up to where it is stored; at the tick before */
		struct link_counters now, stored, tick;
		uint64_t stored_ns;
		/* the newest row of traffic, while it may still grow; 0: it may not */
		uint64_t row_ns, row_from_ns;
		/* in the tick at hand, [0] rx [1] tx: delivered, lost, lost for want of capacity */
		uint64_t got[2], missed[2], full[2];
		struct {
			uint64_t from_ns, offered[2];
		} ticks[TAP_TICKS];
			/* the newest ones: a second's worth at the shortest interval */
		unsigned int next_tick;
		uint64_t tick_ns;		/* end of the newest one */
		uint64_t peak[2];		/* frames/s in the busiest second since stored_ns */
		/* macvtap, ipvtap: rx_frames - rx_dropped, up to where it is stored */
		uint64_t taken;
		bool known, based;	/* now is set; stored is set */
		uint8_t wanted;		/* enum extra_counter: to be read in the tick at hand */
		uint64_t looked_ns;	/* when the extra ones were read last */
		uint64_t errors_ns;	/* when its holder's descriptors were last gone through */
		/* frames in the tick at hand: store the traffic beside them */
		bool lost;
		/* what the device had counted in all when its queueing discipline was read */
		uint64_t qdisc_frames;
	} counted;

	struct {
		int holder;		/* whose descriptors were gone through for its rings */
		uint64_t looked_ns;	/* when that was */
		/* in the newest look: read, and how many the device has */
		unsigned int rings, queues;
		/* of these: frames, in so many places; size 0: none could be read */
		uint32_t fullest, size;
		struct store_headroom now;	/* since counted.stored_ns */
	} occupancy;

	struct tap *next;		/* tapmap::dead */
	UT_hash_handle hh;		/* tapmap::live */
};

/* Newest link statistics. What they do not have keeps its value. */
void tap_counters(struct tap *t, const struct link_counters *c);

struct tapmap;

int tapmap_new(struct store *s, const char *boot_id, uint32_t own_netns, struct tapmap **ret);
struct tapmap *tapmap_free(struct tapmap *m);	/* NULL is fine; returns NULL */

/* Takes up the devices and owners that the store says are there. Call once, before the first
 * links_dump(); then tapmap_prune() with what the dump did not show. */
int tapmap_resume(struct tapmap *m);

/* A link as rtnetlink shows it. 1: a device that was not known; 0; -ENOMEM. With @gone the tap
 * dies: losses found until now are still its own. */
int tapmap_link(struct tapmap *m, const struct link_info *info, bool gone, uint64_t now_ns);

/* Every live tap of @netns that no tapmap_link() named at or after @mark_ns is gone. */
void tapmap_prune(struct tapmap *m, uint32_t netns, uint64_t mark_ns, uint64_t now_ns);

/* Phantoms in foreign namespaces that nothing has shown for a minute are gone. */
void tapmap_prune_placeholders(struct tapmap *m, uint64_t now_ns);

/* Did a tap with this key die whose last losses are not stored yet? Then take a tick before a new
 * one gets its key. */
bool tapmap_unexpired(const struct tapmap *m, uint32_t netns, uint32_t ifindex);

/* The tap that had this key at last: the live one, else the newest dead one, else NULL. */
struct tap *tapmap_find(struct tapmap *m, uint32_t netns, uint32_t ifindex);

/* A device that only the kernel's counters know. NULL: no memory. */
struct tap *tapmap_placeholder(struct tapmap *m, const struct link_info *info, uint64_t since_ns);

/* New lists of owners. True: a tap goes from one owner to another or to nobody; what was counted
 * until now belongs to the old one, so take a tick before tapmap_reconcile(). */
bool tapmap_owners(struct tapmap *m, const struct resolve_owner_lists *lists);

/* Brings the store up to what is known here. 0, or the store's error: call again later. */
int tapmap_reconcile(struct tapmap *m, const struct resolve_owner_lists *lists, uint64_t now_ns);

/* After the tick of @tick_ns was stored: tells the store which taps are gone. Their attachments end
 * with that tick, which holds the last that was counted for them. */
int tapmap_end_gone(struct tapmap *m, uint64_t tick_ns);

/* Calls @fn for each dead tap that nothing can happen to any more, then frees it. */
typedef void tapmap_dead_fn(struct tap *t, void *arg);
void tapmap_expire(struct tapmap *m, uint64_t now_ns, tapmap_dead_fn *fn, void *arg);

typedef void tapmap_each_fn(struct tap *t, void *arg);
/* live ones, then dead ones */
void tapmap_each(struct tapmap *m, tapmap_each_fn *fn, void *arg);

/* Is there a live tap without an owner that came to be known in the last 10 s? Later ones wait for
 * the next look around. */
bool tapmap_orphans(const struct tapmap *m);

/* The store's id of a VM that some list names, 0 for any other. */
int64_t tapmap_vm_id(const struct tapmap *m, const char *ident);

/* The only live tap of @vm_id of this kind (TL_KIND_TUN, or any that is not). NULL: it has none, or
 * several. */
const struct tap *tapmap_only(const struct tapmap *m, int64_t vm_id, bool tun);

/* Has a process that held a tap ended? A tap that stays behind says nothing of it. */
bool tapmap_let_go(const struct tapmap *m);

unsigned int tapmap_count(const struct tapmap *m);

#endif
