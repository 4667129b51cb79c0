/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loop - one thread, one epoll: descriptors, one periodic timer each, signals.
 *
 * A handler returns 0, or a negative errno that ends loop_run() with it. Handlers never block. */
#ifndef TAPLOSS_AGENT_LOOP_H
#define TAPLOSS_AGENT_LOOP_H

#include <signal.h>
#include <stdint.h>

struct loop;

typedef int loop_fn(void *arg);
typedef int loop_timer_fn(uint64_t expirations, void *arg);	/* more than 1: the loop was late */
typedef int loop_signal_fn(int signo, void *arg);

int loop_new(struct loop **ret);
struct loop *loop_free(struct loop *l);	/* NULL is fine; returns NULL */

/* Calls @fn whenever @fd is readable. The descriptor stays the caller's, and must outlive the loop.
 */
int loop_add_fd(struct loop *l, int fd, loop_fn *fn, void *arg);

/* Calls @fn every @period_ns from now on. *ret: handle for loop_set_timer(), may be NULL. */
int loop_add_timer(struct loop *l, uint64_t period_ns, loop_timer_fn *fn, void *arg, int *ret);
int loop_set_timer(int timer, uint64_t period_ns);

/* Blocks @set in the calling thread (threads made later inherit that) and delivers the signals
 * here. */
int loop_add_signals(struct loop *l, const sigset_t *set, loop_signal_fn *fn, void *arg);

/* Runs until loop_quit() or a handler fails. */
int loop_run(struct loop *l);
void loop_quit(struct loop *l);

#endif
