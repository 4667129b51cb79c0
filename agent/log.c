/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static enum log_level max_level = LOG_LEVEL_NOTICE;

void log_set_level(enum log_level level)
{
	max_level = level;
}

/* The head of a line: what journald reads, or what a person reads. */
static int head(char *buf, size_t size, enum log_level level)
{
	static const char *const words[] = {
		[LOG_LEVEL_ERROR] = "", [LOG_LEVEL_WARNING] = "warning: ", [LOG_LEVEL_NOTICE] = "",
		[LOG_LEVEL_INFO] = "", [LOG_LEVEL_DEBUG] = "debug: ",
	};

	if (getenv("JOURNAL_STREAM"))
		return snprintf(buf, size, "<%d>", (int)level);
	return snprintf(buf, size, "taplossd: %s", words[level]);
}

/* Copies @text so that a hostile name cannot drive the terminal or fake a line. Returns the bytes
 * written. */
static size_t put_safe(char *out, size_t size, const char *text)
{
	size_t n = 0;

	for (const unsigned char *c = (const unsigned char *)text; *c && n + 5 < size; c++) {
		if (*c < 0x20 || *c == 0x7f)
			n += (size_t)snprintf(out + n, size - n, "\\x%02x", *c);
		else
			out[n++] = (char)*c;
	}
	return n;
}

void log_at(enum log_level level, const char *fmt, ...)
{
	char text[1024], line[2048];
	int saved = errno, len;
	va_list ap;
	size_t n;

	if (level > max_level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	len = head(line, sizeof(line), level);
	n = (size_t)len;
	n += put_safe(line + n, sizeof(line) - n - 1, text);
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		errno = saved;	/* nowhere left to complain to */
	errno = saved;
}
