/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pins - the directory below a bpffs where link, programs and maps outlive the agent.
 *
 * Layout: DIR/v<ABI>/{losses,devices,stats,programs,program,link}. Maps are pinned before the link
 * and removed after it, so whatever dies when: a link that is there has its maps there too, or is
 * of no use and goes. The lock is on DIR. */
#ifndef TAPLOSS_COLLECTOR_LOSS_PINS_H
#define TAPLOSS_COLLECTOR_LOSS_PINS_H

#include <stdbool.h>

#define PINS_PATH 512

struct pins {
	char path[PINS_PATH];	/* DIR/v<ABI>, "" without pinning */
	int lock;		/* -1: none */
};

/* Makes the directories below a bpffs, takes the lock, removes what a build with another ABI has
 * pinned. When nothing is mounted at /sys/fs/bpf and @dir lies below it, mounts a bpffs there.
 * -EBUSY: another agent holds it; -EOPNOTSUPP: not on a bpffs; -errno. All with words in @why. */
int pins_open(const char *dir, struct pins *ret, char why[static 256]);
void pins_close(struct pins *p);

/* DIR/v<ABI>/NAME */
void pins_name(const struct pins *p, const char *name, char ret[static PINS_PATH]);

/* Removes everything pinned under @dir, of every ABI, and @dir. 0 also when there was nothing;
 * -EBUSY as above. */
int pins_remove(const char *dir);

#endif
