/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One ring and nothing else: frames are taken, looked at and given back, for what the kinds of ring
 * cost and lose by themselves.
 *
 * ring_rate DEVICE VERSION [key=value]...: block=BYTES blocks=N retire=MS; stall=MS of every second
 * it stands still; slow=NS it works on each batch; check=1: frames are tapframes', and the gaps in
 * their numbers are held against what the ring says. Prints "ready"; from then on until SIGINT it
 * captures; then one line, key=value. */
#include <endian.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collector/base.h"
#include "collector/capture/rx_ring.h"

#define NUMBER_AT 14
#define MOST_GAPS 2000000
#define DRAIN_MS 500

struct list {
	struct gap *gaps;	/* of true ones only @before and @lost */
	size_t n;
};

struct run {
	struct ring_shape shape;
	uint64_t stall_ms, slow_ns, next_stall_ns;
	bool check;
	struct rx_ring *port;
	uint64_t next_number;
	struct list told, real;
};

static volatile sig_atomic_t enough;

static void on_signal(int sig)
{
	(void)sig;
	enough = 1;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static int option(struct run *r, const char *word)
{
	struct {
		const char *key;
		uint64_t *value;
	} keys[] = { { "block=", &r->shape.block_bytes },
		     { "blocks=", &r->shape.blocks },
		     { "retire=", &r->shape.retire_ms },
		     { "stall=", &r->stall_ms },
		     { "slow=", &r->slow_ns } };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strncmp(word, keys[i].key, strlen(keys[i].key))) {
			*keys[i].value = strtoull(word + strlen(keys[i].key), NULL, 10);
			return 0;
		}
	r->check = !strcmp(word, "check=1");
	return r->check ? 0 : -1;
}

static void note(struct list *l, const struct gap *g)
{
	if (l->n == MOST_GAPS) {
		fprintf(stderr, "ring_rate: too many gaps\n");
		exit(1);
	}
	l->gaps[l->n++] = *g;
}

static void look(struct run *r)
{
	struct rx_ring_frame f;
	struct gap gap = { .before = rx_ring_stats(r->port)->captured + 1 };
	uint64_t number;

	rx_ring_peek(r->port, &f, 1);
	memcpy(&number, f.data + NUMBER_AT, sizeof(number));
	number = be64toh(number);
	if (number != r->next_number) {
		gap.lost = number - r->next_number;
		note(&r->real, &gap);
	}
	r->next_number = number + 1;
	if (rx_ring_gap(r->port, &gap))
		note(&r->told, &gap);
}

static void work(uint64_t ns)
{
	uint64_t until = clock_ns(CLOCK_MONOTONIC) + ns;

	while (clock_ns(CLOCK_MONOTONIC) < until)
		;
}

static void take_all(struct run *r)
{
	uint32_t n;

	while ((n = rx_ring_take(r->port))) {
		for (uint32_t i = 0; r->check && i < n; i++) {
			look(r);
			rx_ring_next(r->port, 1);
		}
		if (!r->check)
			rx_ring_next(r->port, n);
		if (r->slow_ns)
			work(r->slow_ns);
		rx_ring_release(r->port);
		if (r->stall_ms && clock_ns(CLOCK_MONOTONIC) >= r->next_stall_ns) {
			usleep((useconds_t)r->stall_ms * 1000);
			r->next_stall_ns = clock_ns(CLOCK_MONOTONIC) - r->stall_ms * NSEC_PER_MSEC +
					   NSEC_PER_SEC;
		}
	}
}

static void capture(struct run *r)
{
	struct pollfd p = { rx_ring_fd(r->port), POLLIN, 0 };
	uint64_t until;

	while (!enough) {
		take_all(r);
		poll(&p, 1, 100);
	}
	r->stall_ms = r->slow_ns = 0;
	until = clock_ns(CLOCK_MONOTONIC) + DRAIN_MS * NSEC_PER_MSEC;
	while (clock_ns(CLOCK_MONOTONIC) < until && !rx_ring_drained(r->port)) {
		take_all(r);
		poll(&p, 1, 10);
	}
	take_all(r);
}

/* A true gap is exact when one of its place and size was told; else a told one that is not exact
 * must have room for it. */
static void judge(const struct run *r, uint64_t *ret_exact, uint64_t *ret_inside)
{
	size_t t = 0;

	*ret_exact = *ret_inside = 0;
	for (size_t i = 0; i < r->real.n; i++) {
		const struct gap *real = &r->real.gaps[i];
		bool inside = false;

		while (t < r->told.n && r->told.gaps[t].hi < real->before)
			t++;
		for (size_t k = t; k < r->told.n && r->told.gaps[k].lo <= real->before; k++) {
			const struct gap *told = &r->told.gaps[k];

			if (told->before == real->before && told->lost == real->lost) {
				++*ret_exact;
				inside = false;
				break;
			}
			inside = inside || (!told->exact && told->lo <= real->before &&
					    real->before <= told->hi);
		}
		*ret_inside += inside;
	}
}

static void report(const struct run *r, uint64_t cpu_ns, bool closed)
{
	const struct rx_ring_stats *st = rx_ring_stats(r->port);
	uint64_t exact, inside, flagged = 0, told = 0, real = 0;

	judge(r, &exact, &inside);
	for (size_t i = 0; i < r->told.n; i++) {
		flagged += !r->told.gaps[i].exact;
		told += r->told.gaps[i].lost;
	}
	for (size_t i = 0; i < r->real.n; i++)
		real += r->real.gaps[i].lost;
	printf("captured=%llu lost=%llu offered=%llu freezes=%llu cpu_ns=%llu closed=%d gaps=%zu "
	       "exact=%llu inside=%llu told_gaps=%zu flagged=%llu "
	       "lost_in_gaps=%llu told_in_gaps=%llu\n",
	       (unsigned long long)st->captured, (unsigned long long)st->lost,
	       (unsigned long long)st->offered, (unsigned long long)st->freezes,
	       (unsigned long long)cpu_ns, closed, r->real.n, (unsigned long long)exact,
	       (unsigned long long)inside, r->told.n, (unsigned long long)flagged,
	       (unsigned long long)real, (unsigned long long)told);
}

int main(int argc, char **argv)
{
	struct run r = {
		.told.gaps = calloc(MOST_GAPS, sizeof(struct gap)),
		.real.gaps = calloc(MOST_GAPS, sizeof(struct gap)),
	};
	struct rx_ring_options o = { .fanout = -1 };
	struct sigaction sa = { .sa_handler = on_signal };
	uint64_t cpu;
	int e;

	if (argc < 3 || !r.told.gaps || !r.real.gaps)
		return 2;
	r.shape = ring_default((enum ring_version)atoi(argv[2]));
	for (int i = 3; i < argc; i++)
		if (option(&r, argv[i]) < 0)
			return 2;
	o.shape = r.shape;
	sigaction(SIGINT, &sa, NULL);
	e = rx_ring_open(if_nametoindex(argv[1]), &o, &r.port);
	if (e < 0) {
		fprintf(stderr, "ring_rate: %s: %s\n", argv[1], strerror(-e));
		return 1;
	}
	puts("ready");
	fflush(stdout);
	cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	capture(&r);
	cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	e = rx_ring_close_ledger(r.port);
	report(&r, cpu, e);
	rx_ring_free(r.port);
	free(r.told.gaps);
	free(r.real.gaps);
	return 0;
}
