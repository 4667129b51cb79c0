/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base.h - ownership and arithmetic helpers; header only, the one file everybody may include.
 *
 * Every owner is tagged `_cleanup_(xfreep)`, initialised, and leaves its function only through
 * TAKE_PTR or TAKE_FD. */
#ifndef TAPLOSS_COLLECTOR_BASE_H
#define TAPLOSS_COLLECTOR_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((__cleanup__(f)))
#define _printf_(a, b) __attribute__((__format__(__printf__, a, b)))
#define _unused_ __attribute__((__unused__))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

#define NSEC_PER_USEC 1000ULL
#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_SEC 1000000000ULL
#define NSEC_PER_MIN (60 * NSEC_PER_SEC)
#define NSEC_PER_HOUR (3600 * NSEC_PER_SEC)
#define NSEC_PER_DAY (86400 * NSEC_PER_SEC)

/* The value, and NULL (-1) in its place: ownership moves to whoever takes the result. */
#define TAKE_PTR(p) ({ __auto_type take_ptr_ = (p); (p) = NULL; take_ptr_; })
#define TAKE_FD(fd) ({ int take_fd_ = (fd); (fd) = -1; take_fd_; })

static inline void freep(void *p)
{
	free(*(void **)p);
}

/* Closes unless negative; always returns -1, so that `fd = close_fd(fd)` leaves nothing to close
 * twice. */
static inline int close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
	return -1;
}

static inline void close_fdp(int *fd)
{
	*fd = close_fd(*fd);
}

#endif
