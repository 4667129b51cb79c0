/* SPDX-License-Identifier: GPL-2.0-or-later */
/* channel - the host's end of a guest's virtio-serial port: a line there, lines back, each within a
 * time. Nothing that the guest does makes it wait longer or take more than WIRE_LINE bytes a line.
 * -ECANCELED from all: probe_stop_asked(). */
#ifndef TAPLOSS_CTL_PROBE_CHANNEL_H
#define TAPLOSS_CTL_PROBE_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include "collector/probe/wire.h"

struct channel {
	int fd;
	char buf[4096];
	size_t from, to;	/* what was read and is not taken yet */
};

/* @path is the unix socket. -errno. */
int channel_open(struct channel *c, const char *path, int timeout_ms);
void channel_close(struct channel *c);

/* Sends @line. */
int channel_send(struct channel *c, const char *line, int timeout_ms);

/* The next line. -ETIMEDOUT; -EPIPE: the other end is gone; -EMSGSIZE: longer than WIRE_LINE;
 * -EBADMSG: bytes that are no text. */
int channel_line(struct channel *c, char ret[static WIRE_LINE], int timeout_ms);

/* Sends @line and waits for "ok"; a line before it goes to @ret if that is not NULL. -EREMOTEIO:
 * the answer is "error TEXT", and TEXT is in @text. */
int channel_ask(struct channel *c, const char *line, char *ret, char text[static WIRE_LINE],
		int timeout_ms);

#endif
