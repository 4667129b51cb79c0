/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest - talking with the probe in a guest (collector/probe/wire.h). A guest is not to be
 * believed: every answer is checked and has to come within a time, whatever the guest does. Each
 * failure leaves one sentence in @why. */
#ifndef TAPLOSS_CTL_PROBE_GUEST_H
#define TAPLOSS_CTL_PROBE_GUEST_H

#include "channel.h"
#include "report.h"
#include "vm.h"

struct guest {
	struct probe_vm *vm;
	struct channel channel;
	char *why;		/* 512 bytes */
};

/* What @r means of a guest at @what, into @why. Returns @r. */
int guest_fail(const struct guest *g, int r, const char *what);

/* Connects, and waits for the first answer: it comes when the guest has booted. Its kernel's
 * release into @kernel. -EPROTO: another version. */
int guest_meet(struct guest *g, const char *path, unsigned long seconds,
	       char kernel[static WIRE_LINE]);

/* One line of wire.h; the line before "ok" into @ret if that is not NULL. */
int guest_ask(struct guest *g, const char *line, char *ret, const char *what);

/* How many frames of the run at hand the guest has, and how many others. */
int guest_count(struct guest *g, uint64_t *ret, uint64_t *ret_foreign);

/* What the guest has sent so far. */
struct guest_sent {
	bool busy;
	uint32_t frames, refused;
	uint64_t nic_packets, nic_dropped, cpu_ns, wall_ns, span_ns;
};
int guest_sent(struct guest *g, struct guest_sent *ret);

/* Ends the capture and takes what the guest says of it, which must fit @sent frames. */
int guest_report(struct guest *g, struct probe_report *ret, uint32_t sent);

#endif
