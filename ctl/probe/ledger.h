/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger - where the frames of a probe went:
 *
 *   sent = captured + the entries + unaccounted
 *
 * Each entry is what somebody counted (a ring, an interface, the kernel's drop counters), none is
 * made by subtraction; so what they do not explain is seen as unaccounted, and 0 is expected. It is
 * negative when more was counted as lost than is missing. Pure: no I/O. */
#ifndef TAPLOSS_CTL_PROBE_LEDGER_H
#define TAPLOSS_CTL_PROBE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_ENTRIES 24
#define LEDGER_PARTS 4

struct ledger_entry {
	char place[16];		/* "guest-ring", "guest-nic", "vmm", "tap", "path" */
	char what[64];		/* class, or place and class: "PTR_FULL", "netfilter" */
	uint64_t frames;
};

struct ledger {
	uint64_t sent, captured;
	struct ledger_entry entries[LEDGER_ENTRIES];
	size_t n;
	int64_t unaccounted;
};

/* How an explanation was found: the entry's place in the sequence is known, or when it lost; else
 * it is what was left of it. */
enum ledger_how { BY_POSITION, BY_TIME, BY_TOTAL };

struct ledger_part {
	size_t entry;		/* of the ledger; LEDGER_ENTRIES: unaccounted */
	uint64_t frames;
	enum ledger_how how;
};

struct ledger_gap {
	uint32_t first, count;		/* sequence numbers that are missing */
	uint64_t from_ns, to_ns;	/* when they were sent */
	struct ledger_part parts[LEDGER_PARTS];
	size_t n_parts;
};

/* Part of an entry whose place is known: lost between these sequence numbers, both excluded. */
struct ledger_spot {
	size_t entry;
	int64_t after, before;
	uint64_t frames;
};

/* ... or whose time is. */
struct ledger_burst {
	size_t entry;
	uint64_t from_ns, to_ns, frames;
};

/* Adds to the entry; -ENOSPC: there is no room for one more. Returns its index. */
int ledger_add(struct ledger *l, const char *place, const char *what, uint64_t frames);

/* Sets unaccounted. Returns whether it is 0. */
bool ledger_balance(struct ledger *l);

/* Says for each gap which entries explain it. No entry explains more than it has. Spots and bursts
 * are used up. */
void ledger_explain(const struct ledger *l, struct ledger_gap *gaps, size_t n_gaps,
		    struct ledger_spot *spots, size_t n_spots, struct ledger_burst *bursts,
		    size_t n_bursts, uint64_t slack_ns);

#endif
