/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pending_comments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"

int pending_comments_add(struct pending_comments *p, const char *text)
{
	char *copy;

	if (p->n == PENDING_COMMENTS_MAX)
		return -ENOSPC;
	if (!p->texts)
		p->texts = calloc(PENDING_COMMENTS_MAX, sizeof(*p->texts));
	copy = p->texts ? strndup(text, PENDING_COMMENT_BYTES - 1) : NULL;
	if (!copy)
		return -ENOMEM;
	p->texts[(p->head + p->n++) % PENDING_COMMENTS_MAX] = copy;
	return 0;
}

char *pending_comments_take(struct pending_comments *p)
{
	char *text;

	if (!p->n)
		return NULL;
	text = TAKE_PTR(p->texts[p->head]);
	p->head = (p->head + 1) % PENDING_COMMENTS_MAX;
	p->n--;
	return text;
}

void pending_comments_clear(struct pending_comments *p)
{
	while (p->n)
		free(pending_comments_take(p));
	free(p->texts);
	*p = (struct pending_comments){ 0 };
}
