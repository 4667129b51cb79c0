/* SPDX-License-Identifier: GPL-2.0-or-later */
/* downsample - a closed day without its ticks: loss and device counters by the minute, traffic and
 * pressure by the hour. A new file is written beside the old one and replaces it by rename(2); who
 * reads the old one goes on with that. */
#ifndef TAPLOSS_SCHEMA_DOWNSAMPLE_H
#define TAPLOSS_SCHEMA_DOWNSAMPLE_H

#include <stdatomic.h>

#include "schema.h"

/* Roll the day up first. -EINTR: @stop (which may be NULL) became true; else as schema_open() and
 * schema_create(). The old file is there then. */
int downsample_day(const char *dir, const struct schema_day *day, const atomic_bool *stop,
		   char why[static SCHEMA_WHY]);

#endif
