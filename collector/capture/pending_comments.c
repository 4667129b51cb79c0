/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pending_comments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"

int notes_add(struct notes *notes, const char *text)
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

char *notes_take(struct notes *notes)
{
	char *text;

	if (!notes->n)
		return NULL;
	text = TAKE_PTR(notes->texts[notes->head]);
	notes->head = (notes->head + 1) % NOTES_MAX;
	notes->n--;
	return text;
}

void notes_clear(struct notes *notes)
{
	while (notes->n)
		free(notes_take(notes));
	free(notes->texts);
	*notes = (struct notes){ 0 };
}
