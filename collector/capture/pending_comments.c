/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pending_comments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"

int pending_comments_add(struct pending_comments *notes, const char *text)
{
	char *copy;

	if (notes->n == NOTES_MAX)
		return -ENOSPC;
	if (!notes->texts)
		notes->texts = calloc(NOTES_MAX, sizeof(*notes->texts));
	copy = notes->texts ? strndup(text, NOTE_BYTES - 1) : NULL;
	if (!copy)
		return -ENOMEM;
	notes->texts[(notes->head + notes->n++) % NOTES_MAX] = copy;
	return 0;
}

char *pending_comments_take(struct pending_comments *notes)
{
	char *text;

	if (!notes->n)
		return NULL;
	text = TAKE_PTR(notes->texts[notes->head]);
	notes->head = (notes->head + 1) % NOTES_MAX;
	notes->n--;
	return text;
}

void pending_comments_clear(struct pending_comments *notes)
{
	while (notes->n)
		free(pending_comments_take(notes));
	free(notes->texts);
	*notes = (struct pending_comments){ 0 };
}
