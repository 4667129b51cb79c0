/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store - the agent's writer of the timeline store (schema/).
 *
 * Holds the store's lock as long as it is open: meanwhile nobody else writes a day file, history.db
 * or a table of meta.db, but those of probes (schema/probe_rows.h), which taplossctl writes.
 *
 * Names and lifetimes (VM, device, attachment, series) go to meta.db, each in a transaction of its
 * own. Then one transaction a tick puts loss, device counters, traffic, coverage and all baselines
 * into the day's file, after meta.db is synced. A failed call leaves the store as it was: do the
 * whole tick again later (-ENOSPC: the disk is full). A power failure loses at most the newest
 * minute. Ids are never used again. Loop thread only; a thread of its own does maintenance. No
 * logging. Times are UTC ns where nothing else is stated. */
#ifndef TAPLOSS_AGENT_STORE_STORE_H
#define TAPLOSS_AGENT_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/link/link.h"
#include "collector/loss/loss.h"
#include "schema/schema.h"

struct store;

struct store_options {
	/* How long each level of detail is kept; see schema/maintain.h. 0: no limit. */
	unsigned int fine_days, retention_days, hour_days;
	uint64_t fine_bytes, max_bytes, history_bytes;
	/* maintenance is done by a thread, not in store_tick() */
	bool background;
};

/* Makes @dir (0750, group taploss where there is one) when missing, takes its lock, opens or
 * creates meta.db, opens the newest day file (the first tick, or store_baselines(), creates
 * the first one), migrates. -EBUSY: another agent holds the store (its pid is in @why); else as
 * schema_open(). Never deletes or recreates a file; only the limits of @opt delete. */
int store_open(const char *dir, const struct store_options *opt, struct store **ret,
	       char why[static SCHEMA_WHY]);

/* Checkpoints, marks the run as clean when one was begun, gives the lock back. NULL is fine;
 * returns NULL. */
struct store *store_close(struct store *s);

/* Renames the day at hand to NAME.damaged-TIME: the next start goes on without it. */
int store_day_set_aside(struct store *s);
/* What was set aside since the start, in words; "": nothing. */
const char *store_set_aside(const struct store *s);

/* The text of the last failure, with the file's name; valid until the next call. */
const char *store_error(const struct store *s);

struct store_run {
	int pid;
	const char *version, *kernel;
	unsigned int reasons;
	uint64_t interval_ns, since_ns;
};
int store_run_begin(struct store *s, const struct store_run *run);
/* The configuration was read again. */
int store_run_interval(struct store *s, uint64_t interval_ns, uint64_t now_ns);

/* The state of a source; written only when state or why differ from the last call's. The store
 * reports its own as source "store": "failed" while a new day's file cannot be created and the old
 * one is still written; and that of maintenance as "history". */
int store_source(struct store *s, const char *name, const char *state, const char *why,
		 uint64_t now_ns);
/* It is not in use any more. */
int store_source_gone(struct store *s, const char *name);

/* A loss that cannot be shown on this host. */
struct limitation_row {
	const char *loss;	/* what is lost, or not reported, without being counted; unique */
	char why[384];
	const char *witness;	/* which counter shows it instead */
};
/* All of them: they replace those of an earlier call. */
int store_limitations(struct store *s, const struct limitation_row *rows, unsigned int n);

/* Names and lifetimes. Each sets *ret to the id. */

struct store_vm {
	/* uuid NULL: none known; a stored one stays */
	const char *ident, *uuid, *name, *state;
};
/* Finds by ident or makes it; brings name (an old one is kept in vm_name) and state up to date. */
int store_vm(struct store *s, const struct store_vm *vm, uint64_t now_ns, int64_t *ret);

/* Every VM there is, to notice the ones that went away unseen. */
typedef int store_each_vm_fn(int64_t id, const char *ident, const char *name, const char *state,
			     void *arg);
int store_each_vm(struct store *s, store_each_vm_fn *fn, void *arg);

struct store_device {
	const char *boot_id, *name, *kind;	/* kind: "tun", "tap", "macvtap", "ipvtap" */
	uint32_t netns, ifindex;
	uint64_t since_ns;
};
/* Finds the open lifetime (until_ns NULL) of (boot_id, netns, ifindex, kind) or makes one; a new
 * name is taken over. *ret_known: it was there already. */
int store_device(struct store *s, const struct store_device *dev, int64_t *ret, bool *ret_known);
int store_device_end(struct store *s, int64_t device_id, uint64_t until_ns);
/* Ends every open device and attachment that belongs to another boot. */
int store_end_other_boots(struct store *s, const char *boot_id, uint64_t until_ns);

struct store_attachment {
	int64_t vm_id, device_id;
	const char *mac, *backend, *bridge;	/* NULL: unknown */
	int queues, ring_frames;		/* -1: unknown */
	uint64_t since_ns;
	/* when it was seen so: what differs from before is an event of then; 0: since_ns */
	uint64_t at_ns;
};
/* Finds the open attachment of (vm_id, device_id) and brings it up to date, or makes one. */
int store_attachment(struct store *s, const struct store_attachment *a, int64_t *ret);
int store_attachment_end(struct store *s, int64_t attachment_id, uint64_t until_ns);

/* All open attachments and open devices of @boot_id, to pick up after a restart. */
typedef int store_device_fn(int64_t device_id, uint32_t netns, uint32_t ifindex, const char *name,
			    const char *kind, uint64_t since_ns, void *arg);
int store_each_device(struct store *s, const char *boot_id, store_device_fn *fn, void *arg);
typedef int store_attachment_fn(int64_t attachment_id, int64_t device_id, int64_t vm_id,
				const char *vm_ident, uint64_t since_ns, void *arg);
int store_each_attachment(struct store *s, store_attachment_fn *fn, void *arg);

/* Forgets events from before @before_ns. */
int store_forget_events(struct store *s, uint64_t before_ns);

struct store_series {
	int64_t vm_id, attachment_id, device_id;	/* 0: none (NULL in the database) */
	int queue;					/* -1: not known */
	const char *direction, *class, *kind, *reason, *site, *counter;	/* counter NULL: none */
	const char *place;				/* NULL: the tap */
	const char *sender;				/* NULL: not known */
	int64_t sender_vm_id;				/* 0: none */
};
/* Finds or makes it. Found ones come from memory. */
int store_series(struct store *s, const struct store_series *key, uint64_t now_ns, int64_t *ret);

/* Loss of @device_id from @since_ns on that was nobody's now belongs to @attachment_id of @vm_id:
 * in every day file, roll-ups included. Loss before @since_ns stays nobody's. Series ids of the
 * device may mean somebody else afterwards: ask store_series() again. What a crash cuts off is
 * finished by the next store_open(). */
int store_attribute(struct store *s, int64_t device_id, int64_t attachment_id, int64_t vm_id,
		    uint64_t since_ns);

/* Baselines. */

/* Calls @fn for each stored baseline when they belong to @epoch; otherwise forgets them all (the
 * counters began anew) and calls nothing. *ret_known says which. Call once, before the first tick.
 */
typedef int store_baseline_fn(const struct tl_loss_key *key, const struct loss_total *total,
			      void *arg);
int store_baselines(struct store *s, const struct loss_epoch *epoch, bool *ret_known,
		    store_baseline_fn *fn, void *arg);

/* -ENOENT: none stored. */
int store_device_baseline(struct store *s, int64_t device_id, struct link_counters *ret);

/* The value of the kernel's counter behind self row @name, as far as it is stored. -ENOENT: no
 * such row. */
int store_self_baseline(struct store *s, const char *name, uint64_t *ret);

/* A tick. */

struct store_loss {
	int64_t series_id;
	uint64_t frames, segments, bytes;	/* new since the last tick */
};
struct store_baseline {
	struct tl_loss_key key;
	struct loss_total total;
};
struct store_witness {
	int64_t device_id;
	const char *counter;
	uint64_t frames;
};
/* How full rings and the queueing discipline were; adds up by the highest, the fewest, and sums.
 * Zero: nothing is known. */
struct store_headroom {
	bool known;				/* peak and free are */
	uint64_t peak, free;			/* most frames in a ring; fewest places left */
	uint64_t samples, sum;			/* looks, frames that the fullest ring held */
	uint64_t qdisc_peak;			/* frames that waited in front; 0: none were seen */
};
void store_headroom_add(struct store_headroom *sum, const struct store_headroom *more);

struct store_traffic {
	int64_t device_id;
	uint64_t span_ns, rx_frames, rx_bytes, tx_frames, tx_bytes;	/* guest's terms */
	uint64_t rx_peak, tx_peak;		/* offered in the busiest second, frames/s */
	uint64_t rx_lost, tx_lost;		/* for want of capacity */
	struct store_headroom headroom;
	/* t_ns of the device's last row, when this one shall lengthen it (within an hour); 0: a row
	 * of its own */
	uint64_t joins_ns;
};
struct store_device_counters {
	int64_t device_id;
	struct link_counters counters;
};
struct store_self {
	const char *name;
	uint64_t add, baseline;
};

struct store_burst {
	int64_t series_id;
	uint32_t cpu;
	uint64_t start_ns, span_ns, frames;
	uint64_t delivered;		/* TL_DELIVERED_NONE: not known */
};

/* What a VM's threads got of the processor in (t_ns - span_ns, t_ns]: run, and runnable but
 * waiting; sums over the threads. */
struct store_pressure {
	int64_t vm_id;
	uint64_t t_ns, span_ns;
	unsigned int vcpus, vhosts;	/* threads */
	uint64_t vcpu_run_ns, vcpu_wait_ns, vhost_run_ns, vhost_wait_ns, emulator_run_ns,
		emulator_wait_ns;
};

/* Arrays are borrowed. Entries of one series add up; a burst that is stored already is passed over.
 */
struct store_tick {
	uint64_t t_ns, span_ns;
	/* how, in coverage: "tick"; or the name of a source that sees less than all. Static */
	const char *how;
	/* the span was counted by the kernel while no agent was there to read */
	bool caught_up;
	bool gap;		/* the span was not counted: coverage starts at t_ns */
	const struct store_loss *loss;
	const struct store_baseline *baselines;
	const struct store_witness *witnesses;
	const struct store_traffic *traffic;
	const struct store_device_counters *counters;
	const struct store_self *self;
	const struct store_burst *bursts;
	const struct store_pressure *pressure;
	const struct tl_loss_key *forget;	/* baselines to delete */
	unsigned int n_loss, n_baselines, n_witnesses, n_traffic, n_counters, n_self, n_bursts,
		n_pressure, n_forget;
};

/* Stores it all or nothing, and extends coverage to t_ns. A tick with nothing in it only touches
 * coverage, and the disk not more often than every 10 s. Turns to the next day's file (with all
 * baselines) when t_ns is in it, closes hours, applies retention; once a minute syncs. -EINVAL:
 * t_ns did not grow. -ESTALE: the disk failed in the middle of the last tick, and it turned out to
 * be stored: the baselines in memory are behind, start again. */
int store_tick(struct store *s, const struct store_tick *tick);

/* End of stored coverage (or of the newest tick), 0 when there is none: where the last agent
 * stopped. */
int store_covered_until(struct store *s, uint64_t *ret);

#endif
