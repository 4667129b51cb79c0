/* SPDX-License-Identifier: GPL-2.0-or-later */
/* share - which sum a series belongs to: what VMs lost at their taps, or what is shown beside it.
 */
#ifndef TAPLOSS_CTL_QUERY_SHARE_H
#define TAPLOSS_CTL_QUERY_SHARE_H

#include "reader.h"

/* Loss of the VM's tap is one sum. What else there is stands beside it and is never added. */
enum share {
	LOST,	 /* at the tap */
	ON_PATH, /* above it (class PATH) */
	EMPTIED, /* in rings that were emptied (PURGE) */
	COPIED,	 /* only a capture's copies (CAPTURE): nothing that the VM lost */
};
enum share share_of(const struct reader_series *s);

#endif
