/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sink - where a capture goes: a file, a row of files, or standard output. Bytes are collected,
 * long frames stay where they are (in the ring) until sink_flush(). Whatever was flushed is in the
 * file even when the program is killed. */
#ifndef TAPLOSS_COLLECTOR_CAPTURE_SINK_H
#define TAPLOSS_COLLECTOR_CAPTURE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink;

/* @path "-": standard output. With @numbered, "name_00001.ext" and so on, of which the newest @keep
 * stay (0: all). -errno of open(). */
int sink_open(const char *path, bool numbered, unsigned int keep, struct sink **ret);
struct sink *sink_free(struct sink *s);	/* NULL is fine; returns NULL; does not flush */

/* Room for @bytes (32 KiB at most) in one piece; up to that many can then be put, and room asked
 * for again, without a flush in between: so that flushes fall between blocks. */
uint8_t *sink_room(struct sink *s, size_t bytes);
void sink_put(struct sink *s, size_t bytes);

/* Bytes that stay valid until the next flush. */
void sink_refer(struct sink *s, const uint8_t *data, size_t bytes);

/* What was referred to goes away: flushes when there is any of it that waits. As sink_flush(). */
int sink_let_go(struct sink *s);

/* 0, or the -errno of the first write that failed, again and again. The file is then cut to whole
 * pcapng blocks. */
int sink_flush(struct sink *s);

/* After -ENOSPC: a few last words may still fit. 0: try once more. */
int sink_retry(struct sink *s);

/* The next file of the row, after a flush. */
int sink_next(struct sink *s);

uint64_t sink_bytes(const struct sink *s);	/* in the file at hand, unflushed ones included */
uint64_t sink_total(const struct sink *s);	/* in all files */
const char *sink_path(const struct sink *s);

#endif
