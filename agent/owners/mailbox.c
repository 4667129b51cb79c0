/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mailbox.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "collector/clock.h"

int mailbox_init(struct mailbox *m)
{
	*m = (struct mailbox){ .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	if (m->fd < 0)
		return -errno;
	snprintf(m->state.state, sizeof(m->state.state), "connecting");
	return -pthread_mutex_init(&m->lock, NULL);
}

void mailbox_clear(struct mailbox *m)
{
	owner_list_free(m->list);
	m->fd = close_fd(m->fd);
	pthread_mutex_destroy(&m->lock);
}

static void ring(struct mailbox *m)
{
	uint64_t one = 1;

	if (write(m->fd, &one, sizeof(one)) < 0)
		/* the counter is full: the loop was woken more often than it can count */
		return;
}

void mailbox_put(struct mailbox *m, struct owner_list *list)
{
	struct owner_list *old;

	list->at_ns = mono_ns();
	pthread_mutex_lock(&m->lock);
	old = m->list;
	m->list = list;
	m->state = (struct source_state){ .state = "ok", .last_ok_ns = list->at_ns };
	pthread_mutex_unlock(&m->lock);
	owner_list_free(old);
	ring(m);
}

void mailbox_report(struct mailbox *m, const char *state, const char *fmt, ...)
{
	char why[sizeof(m->state.why)] = "";
	va_list ap;

	if (fmt) {
		va_start(ap, fmt);
		vsnprintf(why, sizeof(why), fmt, ap);
		va_end(ap);
	}
	pthread_mutex_lock(&m->lock);
	snprintf(m->state.state, sizeof(m->state.state), "%s", state);
	memcpy(m->state.why, why, sizeof(why));
	if (!strcmp(state, "ok"))
		m->state.last_ok_ns = mono_ns();
	pthread_mutex_unlock(&m->lock);
	ring(m);
}

struct owner_list *mailbox_take(struct mailbox *m)
{
	struct owner_list *list;
	uint64_t n;

	if (read(m->fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		return NULL;
	pthread_mutex_lock(&m->lock);
	list = TAKE_PTR(m->list);
	pthread_mutex_unlock(&m->lock);
	return list;
}

void mailbox_state(struct mailbox *m, struct source_state *ret)
{
	pthread_mutex_lock(&m->lock);
	*ret = m->state;
	pthread_mutex_unlock(&m->lock);
}
