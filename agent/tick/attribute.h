/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attribute - whose frames does one of the kernel's counters count, where were they lost, and who
 * sent them? Loop thread only. */
#ifndef TAPLOSS_AGENT_TICK_ATTRIBUTE_H
#define TAPLOSS_AGENT_TICK_ATTRIBUTE_H

#include "loss_counter.h"
#include "sampler.h"

void whose(const struct sampler_options *o, const struct loss_counter *line,
	   struct line_owner *ret);

#endif
