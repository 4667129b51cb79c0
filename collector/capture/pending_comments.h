/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pending_comments - comments that wait for the frame they are written with. One thread. */
#ifndef TAPLOSS_COLLECTOR_CAPTURE_PENDING_COMMENTS_H
#define TAPLOSS_COLLECTOR_CAPTURE_PENDING_COMMENTS_H

#include <stdint.h>

#define PENDING_COMMENTS_MAX 1024		/* more would only wait when no frames come */
#define PENDING_COMMENT_BYTES 320

struct pending_comments {
	char **texts;		/* a queue of PENDING_COMMENTS_MAX */
	uint32_t head, n;
};

/* -ENOSPC: too many wait. @text is copied, PENDING_COMMENT_BYTES - 1 of it at most. */
int pending_comments_add(struct pending_comments *p, const char *text);
/* the oldest, the caller's; NULL: none */
char *pending_comments_take(struct pending_comments *p);
void pending_comments_clear(struct pending_comments *p);

#endif
