/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loop.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "collector/base.h"

/* One thing to wait for. Timers and signal descriptors are the loop's own. */
struct source {
	int fd;
	bool own;
	loop_fn *on_fd;
	loop_timer_fn *on_timer;
	loop_signal_fn *on_signal;
	void *arg;
	struct source *next;	/* loop::sources */
};

struct loop {
	int epoll;
	bool quit;
	struct source *sources;
};

int loop_new(struct loop **ret)
{
	_cleanup_(freep) struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		return -errno;
	*ret = TAKE_PTR(l);
	return 0;
}

struct loop *loop_free(struct loop *l)
{
	if (!l)
		return NULL;
	while (l->sources) {
		struct source *s = l->sources;

		l->sources = s->next;
		if (s->own)
			close_fd(s->fd);
		free(s);
	}
	close_fd(l->epoll);
	free(l);
	return NULL;
}

static int add(struct loop *l, const struct source *proto)
{
	_cleanup_(freep) struct source *s = malloc(sizeof(*s));
	struct epoll_event ev = { .events = EPOLLIN };

	if (!s)
		return -ENOMEM;
	*s = *proto;
	ev.data.ptr = s;
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, s->fd, &ev) < 0)
		return -errno;
	s->next = l->sources;
	l->sources = s;
	TAKE_PTR(s);
	return 0;
}

int loop_add_fd(struct loop *l, int fd, loop_fn *fn, void *arg)
{
	return add(l, &(struct source){ .fd = fd, .on_fd = fn, .arg = arg });
}

int loop_set_timer(int timer, uint64_t period_ns)
{
	struct itimerspec it = {
		.it_interval.tv_sec = (time_t)(period_ns / NSEC_PER_SEC),
		.it_interval.tv_nsec = (long)(period_ns % NSEC_PER_SEC),
	};

	it.it_value = it.it_interval;
	return timerfd_settime(timer, 0, &it, NULL) < 0 ? -errno : 0;
}

int loop_add_timer(struct loop *l, uint64_t period_ns, loop_timer_fn *fn, void *arg, int *ret)
{
	_cleanup_(close_fdp) int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int r;

	if (fd < 0)
		return -errno;
	r = loop_set_timer(fd, period_ns);
	if (r < 0)
		return r;
	r = add(l, &(struct source){ .fd = fd, .own = true, .on_timer = fn, .arg = arg });
	if (r < 0)
		return r;
	if (ret)
		*ret = fd;
	TAKE_FD(fd);
	return 0;
}

int loop_add_signals(struct loop *l, const sigset_t *set, loop_signal_fn *fn, void *arg)
{
	_cleanup_(close_fdp) int fd = -1;
	int r;

	r = pthread_sigmask(SIG_BLOCK, set, NULL);
	if (r)
		return -r;
	fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	r = add(l, &(struct source){ .fd = fd, .own = true, .on_signal = fn, .arg = arg });
	if (r < 0)
		return r;
	TAKE_FD(fd);
	return 0;
}

static int dispatch(struct source *s)
{
	struct signalfd_siginfo si;
	uint64_t n;

	if (s->on_fd)
		return s->on_fd(s->arg);
	if (s->on_timer)
		return read(s->fd, &n, sizeof(n)) == sizeof(n) ? s->on_timer(n, s->arg) : 0;
	return read(s->fd, &si, sizeof(si)) == sizeof(si) ? s->on_signal((int)si.ssi_signo, s->arg)
							  : 0;
}

int loop_run(struct loop *l)
{
	struct epoll_event ev[16];

	while (!l->quit) {
		int n = epoll_wait(l->epoll, ev, ARRAY_SIZE(ev), -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n && !l->quit; i++) {
			int r = dispatch(ev[i].data.ptr);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

void loop_quit(struct loop *l)
{
	l->quit = true;
}
