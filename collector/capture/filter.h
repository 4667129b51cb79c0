/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter - a packet filter in pcap's words, compiled for one device; the kernel runs it. */
#ifndef TAPLOSS_COLLECTOR_CAPTURE_FILTER_H
#define TAPLOSS_COLLECTOR_CAPTURE_FILTER_H

#include <linux/filter.h>
#include <stdint.h>

struct filter {
	struct sock_filter *code;
	unsigned short length;
};

/* @text NULL or "": every frame. Looks at @device for what its frames begin with and how tags are
 * to be found: by opening it for a moment. -EINVAL, -EPERM, or another error of libpcap, and its
 * words. filter_clear() is the caller's. */
int filter_compile(const char *device, const char *text, uint32_t snaplen, struct filter *ret,
		   char why[static 256]);
void filter_clear(struct filter *f);

#endif
