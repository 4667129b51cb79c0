/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capacity - the planner's answers as one JSON document: who loses, how much, why, at what load;
 * who is close; who will be, and when. The report as HTML, CSV and text is made of it and of
 * nothing else.
 *
 *   capacity_loss   loss over time, by kind, class and VM
 *   capacity_nics   demand, knee, headroom, growth and date of each NIC and direction (knee.h,
 * trend.h) capacity_pressure   what VMs' threads got of the processors, and waited for
 *   capacity_verdicts   what was wrong with those who lose most, and how that changed (diagnosis.h)
 */
#ifndef TAPLOSS_CTL_REPORT_CAPACITY_H
#define TAPLOSS_CTL_REPORT_CAPACITY_H

#include <jansson.h>

#include "ctl/query/filter.h"
#include "ctl/query/window.h"

struct capacity_options {
	struct window window;
	struct filter filter;		/* which VMs */
	/* each NIC's days and rates as well: for pages of single VMs */
	bool detail;
	bool verdicts;			/* the verdicts on those who lost most as well */
};

/* New reference; NULL: reader_error() says why. */
json_t *capacity_make(struct reader *v, const struct capacity_options *o);

/* Those VMs that lost most frames that did harm, the first one most. */
#define CAPACITY_TOP 5
struct capacity_top {
	int64_t vms[CAPACITY_TOP];
	unsigned int n;
};

/* What stands in the document; each an array of flat objects or one object. 0, or -errno and
 * reader_error(). */
int capacity_add_loss(json_t *root, struct reader *v, const struct capacity_options *o,
		      struct capacity_top *ret);
int capacity_add_nics(json_t *root, struct reader *v, const struct capacity_options *o);
int capacity_add_pressure(json_t *root, struct reader *v, const struct capacity_options *o);
int capacity_add_verdicts(json_t *root, struct reader *v, const struct capacity_options *o,
			  const struct capacity_top *top);

/* Whose report, when and by what it was made; whether its history is made up. 0, or -errno and
 * reader_error(). */
int capacity_add_host(json_t *root, struct reader *v, const struct window *w);

#endif
