/* SPDX-License-Identifier: GPL-2.0-or-later */
/* window - the time that is asked about: (since, until]. UTC ns. */
#ifndef TAPLOSS_CTL_QUERY_WINDOW_H
#define TAPLOSS_CTL_QUERY_WINDOW_H

#include <stdint.h>

struct window {
	uint64_t since_ns, until_ns;
	uint64_t now_ns; /* what both are relative to */
};

#endif
