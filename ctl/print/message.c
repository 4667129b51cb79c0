/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "message.h"

#include <stdarg.h>
#include <stdio.h>

#include "collector/base.h"
#include "text.h"

static char *redirected; /* NULL: to standard error */
static size_t redirected_size;

void message_redirect(char *buf, size_t size)
{
	redirected = buf;
	redirected_size = size;
}

void message_error(const char *fmt, ...)
{
	_cleanup_(freep) char *safe = NULL;
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	safe = text_safe(text);
	if (redirected)
		snprintf(redirected, redirected_size, "%s", safe);
	else
		fprintf(stderr, "taplossctl: %s\n", safe);
}
