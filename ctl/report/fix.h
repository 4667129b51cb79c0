/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fix - what helps against loss, by its class. */
#ifndef TAPLOSS_CTL_REPORT_FIX_H
#define TAPLOSS_CTL_REPORT_FIX_H

/* What to change, and what it takes; NULL: nothing is known. */
const char *fix_of_class(const char *class);

#endif
