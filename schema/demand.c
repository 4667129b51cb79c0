/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "demand.h"

#include <errno.h>

#include "collector/base.h"

#define STEPS 32	/* to an octave */

const double demand_shares[DEMAND_SHARES] = { 0, 0.0001, 0.001, 0.01, 0.05 };

/* Below 32 each rate has a bucket of its own. */
unsigned int demand_bucket(uint64_t rate)
{
	unsigned int octave;

	if (rate < STEPS)
		return (unsigned int)rate;
	octave = 63 - (unsigned int)__builtin_clzll(rate) - 5;		/* 32 .. 63 are octave 0 */
	octave = octave * STEPS + (unsigned int)(rate >> octave);
	return octave < DEMAND_BUCKETS ? octave : DEMAND_BUCKETS - 1;
}

double demand_rate(unsigned int bucket)
{
	unsigned int octave = bucket / STEPS ? bucket / STEPS - 1 : 0;
	double width = (double)(1ULL << octave);

	return (double)(bucket - octave * STEPS) * width + (width - 1) / 2;
}

void demand_add(struct demand *d, uint64_t span_ns, uint64_t rate, uint64_t delivered,
		uint64_t lost)
{
	uint32_t seconds = (uint32_t)((span_ns + NSEC_PER_SEC / 2) / NSEC_PER_SEC);
	unsigned int at = demand_bucket(rate);

	if (!rate && !delivered && !lost)
		return;
	seconds = seconds ? seconds : 1;
	d->seconds += seconds;
	*(lost ? &d->lossy[at] : &d->clean[at]) += seconds;
	for (int i = 0; i < DEMAND_SHARES; i++)
		if ((double)lost > demand_shares[i] * (double)(lost + delivered))
			d->over[i] += seconds;
}

double demand_quantile(const struct demand *d, double share)
{
	uint64_t all = 0, sum = 0;
	unsigned int last = 0;

	for (unsigned int i = 0; i < DEMAND_BUCKETS; i++)
		all += (uint64_t)d->clean[i] + d->lossy[i];
	for (unsigned int i = 0; i < DEMAND_BUCKETS && all; i++) {
		sum += (uint64_t)d->clean[i] + d->lossy[i];
		last = d->clean[i] || d->lossy[i] ? i : last;
		if ((double)sum >= share * (double)all && sum)
			break;
	}
	return all ? demand_rate(last) : 0;
}

static unsigned char *put(unsigned char *p, uint32_t n)
{
	for (; n > 127; n >>= 7)
		*p++ = (unsigned char)(n | 128);
	*p++ = (unsigned char)n;
	return p;
}

size_t demand_pack(const struct demand *d, unsigned char *buf)
{
	unsigned char *p = put(buf, d->seconds);
	unsigned int last = 0;

	for (int i = 0; i < DEMAND_SHARES; i++)
		p = put(p, d->over[i]);
	for (unsigned int i = 0; i < DEMAND_BUCKETS; i++) {
		if (!d->clean[i] && !d->lossy[i])
			continue;
		p = put(p, i - last);
		p = put(p, d->clean[i]);
		p = put(p, d->lossy[i]);
		last = i;
	}
	return (size_t)(p - buf);
}

static int get(const unsigned char **p, const unsigned char *end, uint32_t *ret)
{
	uint32_t n = 0;

	for (unsigned int shift = 0; *p < end && shift < 35; shift += 7) {
		unsigned char c = *(*p)++;

		n |= (uint32_t)(c & 127) << shift;
		if (!(c & 128)) {
			*ret = n;
			return 0;
		}
	}
	return -EBADMSG;
}

static int add(const unsigned char **p, const unsigned char *end, uint32_t *to)
{
	uint32_t n = 0;
	int r = get(p, end, &n);

	*to += n;
	return r;
}

int demand_unpack(struct demand *d, const unsigned char *buf, size_t len)
{
	const unsigned char *p = buf, *end = buf + len;
	uint32_t at = 0, step = 0;
	int r = add(&p, end, &d->seconds);

	for (int i = 0; i < DEMAND_SHARES && r >= 0; i++)
		r = add(&p, end, &d->over[i]);
	while (r >= 0 && p < end) {
		r = get(&p, end, &step);
		if (r < 0 || step >= DEMAND_BUCKETS - at)
			return -EBADMSG;
		at += step;
		r = add(&p, end, &d->clean[at]);
		if (r >= 0)
			r = add(&p, end, &d->lossy[at]);
	}
	return r;
}
