/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbered frames through collector/txgen: seqframes DEVICE FRAMES [PPS [SIZE[,SIZE]... [VLAN
 * [FIRST]]]]; prints how many were sent. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/capture/txgen.h"

int main(int argc, char **argv)
{
	struct txgen_options o = {
		.to = { 2, 0, 0, 0, 0, 2 },
		.from = { 2, 0, 0, 0, 0, 1 },
		.sizes = { 64 },
		.n_sizes = 1,
		.qdisc_bypass = true,
	};
	struct txgen *g = NULL;
	uint64_t sent = 0;
	char *word;
	int r;

	if (argc < 3)
		return 2;
	o.pps = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	if (argc > 4)
		for (o.n_sizes = 0, word = strtok(argv[4], ","); word && o.n_sizes < 16;
		     word = strtok(NULL, ","))
			o.sizes[o.n_sizes++] = (uint32_t)strtoul(word, NULL, 10);
	o.vlan = argc > 5 ? (uint16_t)strtoul(argv[5], NULL, 10) : 0;
	o.first = argc > 6 ? strtoull(argv[6], NULL, 10) : 0;
	r = txgen_open(if_nametoindex(argv[1]), &o, &g);
	if (r >= 0)
		r = txgen_send(g, strtoull(argv[2], NULL, 10), &sent);
	txgen_free(g);
	printf("%llu\n", (unsigned long long)sent);
	if (r < 0)
		fprintf(stderr, "seqframes: %s\n", strerror(-r));
	return r < 0;
}
