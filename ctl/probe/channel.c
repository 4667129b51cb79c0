/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "channel.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "collector/base.h"
#include "stop.h"
#include "ctl/print/when.h"

int channel_open(struct channel *c, const char *path, int timeout_ms)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	uint64_t end = now_ns() + (uint64_t)timeout_ms * NSEC_PER_MSEC;

	*c = (struct channel){ .fd = -1 };
	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path));
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return -errno;
	while (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		int r = -errno;

		if (probe_stop_asked())
			r = -ECANCELED;
		if ((r != -EAGAIN && r != -ENOENT && r != -ECONNREFUSED) || now_ns() > end) {
			c->fd = close_fd(c->fd);
			return r;
		}
		usleep(10000);
	}
	return 0;
}

void channel_close(struct channel *c)
{
	c->fd = close_fd(c->fd);
}

static int wait_until(const struct channel *c, short events, uint64_t end)
{
	struct pollfd p = { .fd = c->fd, .events = events };
	int r = 0;

	while (r == 0) {
		uint64_t now = now_ns(), left = now >= end ? 0 : (end - now) / NSEC_PER_MSEC + 1;

		if (probe_stop_asked())
			return -ECANCELED;
		r = poll(&p, 1, left > PROBE_STOP_MS ? PROBE_STOP_MS : (int)left);
		if (r == 0 && !left)
			return -ETIMEDOUT;
		if (r < 0 && errno == EINTR)
			r = 0;
	}
	return r < 0 ? -errno : 0;
}

int channel_send(struct channel *c, const char *line, int timeout_ms)
{
	uint64_t end = now_ns() + (uint64_t)timeout_ms * NSEC_PER_MSEC;
	char text[WIRE_LINE + 1];
	size_t n = (size_t)snprintf(text, sizeof(text), "%.*s\n", WIRE_LINE - 2, line), at = 0;

	while (at < n) {
		ssize_t w = send(c->fd, text + at, n - at, MSG_NOSIGNAL);
		int r;

		if (w >= 0) {
			at += (size_t)w;
			continue;
		}
		if (errno != EAGAIN)
			return -errno;
		r = wait_until(c, POLLOUT, end);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A whole line out of the buffer: 1; 0: there is none yet. */
static int cut_line(struct channel *c, char ret[static WIRE_LINE])
{
	const char *end = memchr(c->buf + c->from, '\n', c->to - c->from);
	size_t n = end ? (size_t)(end - (c->buf + c->from)) : (size_t)(c->to - c->from);

	if (n >= WIRE_LINE)
		return -EMSGSIZE;
	if (!end)
		return 0;
	memcpy(ret, c->buf + c->from, n);
	ret[n] = '\0';
	c->from += n + 1;
	for (size_t i = 0; i < n; i++)
		if (ret[i] < ' ' || ret[i] > '~')
			return -EBADMSG;
	return 1;
}

int channel_line(struct channel *c, char ret[static WIRE_LINE], int timeout_ms)
{
	uint64_t end = now_ns() + (uint64_t)timeout_ms * NSEC_PER_MSEC;
	ssize_t n;
	int r;

	while ((r = cut_line(c, ret)) == 0) {
		memmove(c->buf, c->buf + c->from, c->to - c->from);
		c->to -= c->from;
		c->from = 0;
		r = wait_until(c, POLLIN, end);
		if (r < 0)
			return r;
		n = read(c->fd, c->buf + c->to, sizeof(c->buf) - c->to);
		if (n == 0)
			return -EPIPE;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		c->to += n > 0 ? (size_t)n : 0;
	}
	return r < 0 ? r : 0;
}

int channel_ask(struct channel *c, const char *line, char *ret, char text[static WIRE_LINE],
		int timeout_ms)
{
	char got[WIRE_LINE];
	int r = channel_send(c, line, timeout_ms);

	text[0] = '\0';
	for (int i = 0; r == 0 && i < 3; i++) {
		r = channel_line(c, got, timeout_ms);
		if (r < 0)
			return r;
		if (!strcmp(got, "ok"))
			return 0;
		if (!strncmp(got, "error ", 6)) {
			memcpy(text, got + 6, strlen(got + 6) + 1);
			return -EREMOTEIO;
		}
		if (ret)
			memcpy(ret, got, strlen(got) + 1);
	}
	return r < 0 ? r : -EBADMSG;
}
