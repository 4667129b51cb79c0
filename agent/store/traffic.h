/* SPDX-License-Identifier: GPL-2.0-or-later */
/* traffic - the columns that traffic and traffic_hour share, and how their values add up. */
#ifndef TAPLOSS_AGENT_STORE_TRAFFIC_H
#define TAPLOSS_AGENT_STORE_TRAFFIC_H

#include "store.h"

/* The values of a row, in the order of the columns. */
#define TRAFFIC_VALUES                                                                    \
	":t_ns, :device, :span_ns, :rx_frames, :rx_bytes, :tx_frames, :tx_bytes, "        \
	":rx_peak, :tx_peak, :rx_lost, :tx_lost, :ring_peak, :ring_free, :ring_samples, " \
	":ring_sum, :qdisc_peak"

void traffic_bind(struct sql *q, uint64_t t_ns, const struct store_traffic *x);

#endif
