/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "traffic.h"

void traffic_bind(struct sql *q, uint64_t t_ns, const struct store_traffic *x)
{
	const struct store_headroom *h = &x->headroom;

	sql_bind_uint64(q, ":t_ns", t_ns);
	sql_bind_int64(q, ":device", x->device_id);
	sql_bind_uint64(q, ":span_ns", x->span_ns);
	sql_bind_uint64(q, ":rx_frames", x->rx_frames);
	sql_bind_uint64(q, ":rx_bytes", x->rx_bytes);
	sql_bind_uint64(q, ":tx_frames", x->tx_frames);
	sql_bind_uint64(q, ":tx_bytes", x->tx_bytes);
	sql_bind_uint64(q, ":rx_peak", x->rx_peak);
	sql_bind_uint64(q, ":tx_peak", x->tx_peak);
	sql_bind_uint64(q, ":rx_lost", x->rx_lost);
	sql_bind_uint64(q, ":tx_lost", x->tx_lost);
	sql_bind_known(q, ":ring_peak", h->known, (int64_t)h->peak);
	sql_bind_known(q, ":ring_free", h->known, (int64_t)h->free);
	sql_bind_uint64(q, ":ring_samples", h->samples);
	sql_bind_uint64(q, ":ring_sum", h->sum);
	sql_bind_known(q, ":qdisc_peak", h->qdisc_peak, (int64_t)h->qdisc_peak);
}

void store_headroom_add(struct store_headroom *sum, const struct store_headroom *x)
{
	if (x->known) {
		sum->peak = sum->known && sum->peak > x->peak ? sum->peak : x->peak;
		sum->free = sum->known && sum->free < x->free ? sum->free : x->free;
		sum->known = true;
	}
	sum->samples += x->samples;
	sum->sum += x->sum;
	sum->qdisc_peak = sum->qdisc_peak > x->qdisc_peak ? sum->qdisc_peak : x->qdisc_peak;
}
