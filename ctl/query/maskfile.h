/* SPDX-License-Identifier: GPL-2.0-or-later */
/* maskfile - masks.json in the store's directory, read whole and replaced whole.
 *
 * {"version": 1, "next": N, "masks": [{"id": "1", words or null..., "added_ns": N}], "off":
 * ["built-in mask"]} */
#ifndef TAPLOSS_CTL_QUERY_MASKFILE_H
#define TAPLOSS_CTL_QUERY_MASKFILE_H

#include <jansson.h>

#include "reader.h"

#define MASKFILE "masks.json"

/* *ret has every member of the right type; an empty one when there is no file. 0, or -errno and
 * why. */
int maskfile_read(const char *dir, json_t **ret, char why[static READER_WHY]);

/* Changes the document under a lock; @fn returns 0, or -errno and why: then nothing changes. 0, or
 * -errno and why. */
typedef int maskfile_fn(json_t *doc, void *arg, char why[static READER_WHY]);
int maskfile_change(const char *dir, maskfile_fn *fn, void *arg, char why[static READER_WHY]);

#endif
