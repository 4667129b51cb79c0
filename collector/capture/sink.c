/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "collector/base.h"

#define STAGING (128 << 10)	/* stays in a cache on its way from the ring to the file */
#define MAX_PIECES 512

struct sink {
	int fd, error;
	char *path, *pattern;		/* pattern NULL: one file */
	unsigned int number, keep;
	uint8_t *staging;
	size_t used, pieced;		/* of staging: in use, and already in a piece */
	struct iovec pieces[MAX_PIECES];
	int n;
	uint64_t waiting, file, total;	/* bytes not yet written; of this file; of all */
	uint64_t whole;			/* length of the file up to the last flush that went well */
};

static void sink_freep(struct sink **s)
{
	*s = sink_free(*s);
}

struct sink *sink_free(struct sink *s)
{
	if (!s)
		return NULL;
	if (s->fd != STDOUT_FILENO)
		close_fd(s->fd);
	free(s->path);
	free(s->pattern);
	free(s->staging);
	free(s);
	return NULL;
}

static char *numbered_path(const struct sink *s, unsigned int number)
{
	const char *slash = strrchr(s->pattern, '/'),
		   *dot = strrchr(slash ? slash : s->pattern, '.');
	size_t stem = dot ? (size_t)(dot - s->pattern) : strlen(s->pattern);
	char *path = NULL;

	return asprintf(&path, "%.*s_%05u%s", (int)stem, s->pattern, number, dot ? dot : "") < 0
		       ? NULL
		       : path;
}

static int open_file(struct sink *s)
{
	if (!strcmp(s->path, "-")) {
		s->fd = STDOUT_FILENO;
		return 0;
	}
	s->fd = open(s->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return s->fd < 0 ? -errno : 0;
}

int sink_open(const char *path, bool numbered, unsigned int keep, struct sink **ret)
{
	_cleanup_(sink_freep) struct sink *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	*s = (struct sink){
		.fd = -1,
		.keep = keep,
		.number = 1,
		.staging = malloc(STAGING),
		.pattern = numbered ? strdup(path) : NULL,
	};
	s->path = s->pattern ? numbered_path(s, 1) : strdup(path);
	if (!s->staging || !s->path)
		return -ENOMEM;
	r = open_file(s);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

static void end_piece(struct sink *s)
{
	if (s->used == s->pieced)
		return;
	s->pieces[s->n++] = (struct iovec){ s->staging + s->pieced, s->used - s->pieced };
	s->pieced = s->used;
}

uint8_t *sink_room(struct sink *s, size_t bytes)
{
	if (s->used + bytes > STAGING || s->n > MAX_PIECES - 8)
		sink_flush(s);
	return s->staging + s->used;
}

void sink_put(struct sink *s, size_t bytes)
{
	s->used += bytes;
	s->waiting += bytes;
}

void sink_refer(struct sink *s, const uint8_t *data, size_t bytes)
{
	end_piece(s);
	s->pieces[s->n++] = (struct iovec){ (void *)data, bytes };
	s->waiting += bytes;
}

static int write_pieces(struct sink *s)
{
	struct iovec *at = s->pieces;

	while (s->n) {
		ssize_t r = writev(s->fd, at, s->n);

		if (r < 0 && errno == EAGAIN)	/* somebody made the pipe non-blocking */
			poll(&(struct pollfd){ s->fd, POLLOUT, 0 }, 1, 1000);
		if (r < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (r < 0)
			return -errno;
		s->file += (uint64_t)r;
		s->total += (uint64_t)r;
		s->waiting -= (uint64_t)r;
		for (; s->n && (size_t)r >= at->iov_len; at++, s->n--)
			r -= (ssize_t)at->iov_len;
		if (s->n) {
			at->iov_base = (char *)at->iov_base + r;
			at->iov_len -= (size_t)r;
		}
	}
	return 0;
}

/* After a write that failed half way: no half block, or every reader would complain. The length of
 * a pcapng block stands behind its type. */
static void cut_to_blocks(struct sink *s)
{
	uint32_t head[2];

	while (pread(s->fd, head, sizeof(head), (off_t)s->whole) == sizeof(head) && head[1] >= 12 &&
	       s->whole + head[1] <= s->file)
		s->whole += head[1];
	if (ftruncate(s->fd, (off_t)s->whole) == 0)
		lseek(s->fd, (off_t)s->whole, SEEK_SET);
}

int sink_flush(struct sink *s)
{
	end_piece(s);
	if (!s->error) {
		s->error = write_pieces(s);
		if (!s->error)
			s->whole = s->file;
		else if (s->fd != STDOUT_FILENO)
			cut_to_blocks(s);
	}
	s->n = 0;
	s->used = s->pieced = s->waiting = 0;
	return s->error;
}

int sink_let_go(struct sink *s)
{
	return s->n ? sink_flush(s) : s->error;
}

int sink_retry(struct sink *s)
{
	if (s->error != -ENOSPC || s->fd == STDOUT_FILENO)
		return s->error;
	s->error = 0;
	s->file = s->whole;
	return 0;
}

int sink_next(struct sink *s)
{
	char *path;
	int r;

	if (s->error)
		return s->error;
	s->fd = close_fd(s->fd);
	if (s->keep && s->number >= s->keep) {
		char *old = numbered_path(s, s->number - s->keep + 1);

		if (old)
			unlink(old);
		free(old);
	}
	path = numbered_path(s, ++s->number);
	if (!path)
		return s->error = -ENOMEM;
	free(s->path);
	s->path = path;
	s->file = s->whole = 0;
	r = open_file(s);
	return r < 0 ? (s->error = r) : 0;
}

uint64_t sink_bytes(const struct sink *s)
{
	return s->file + s->waiting;
}

uint64_t sink_total(const struct sink *s)
{
	return s->total + s->waiting;
}

const char *sink_path(const struct sink *s)
{
	return s->path;
}
