/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames put into a file many at once are, to the byte, what they are one by one; and none is
 * written beyond the room there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>

#include "collector/capture/pcapng.h"

#define FRAMES 64
#define ROOM (FRAMES * (PCAPNG_SHORT + 128))

static uint8_t data[2048];

/* As write_frame() does it. */
static size_t one(uint8_t *at, uint32_t snaplen, const struct rx_ring_frame *f)
{
	const struct pcapng_extra nothing = { .queue = -1 };
	struct pcapng_parts parts;
	uint8_t tail[PCAPNG_TAIL];

	pcapng_frame(at, tail, 3, snaplen, f, &nothing, &parts);
	assert_int_equal(parts.rest_bytes, 0);
	memcpy(at + parts.head_bytes, tail, parts.tail_bytes);
	return parts.head_bytes + parts.tail_bytes;
}

static void make(struct rx_ring_frame *f, uint32_t i, uint32_t caplen)
{
	*f = (struct rx_ring_frame){
		.data = data + i,
		.caplen = caplen,
		.len = caplen + i,
		.t_ns = 0x123456789abcdefULL * (i + 1),
		.status = TP_STATUS_USER | (i % 2 ? TP_STATUS_CSUMNOTREADY : 0) |
			  (i % 3 ? 0 : TP_STATUS_CSUM_VALID),
		.type = (uint8_t)(i % 5),
	};
}

static void same_bytes(void **state)
{
	_Alignas(8) static uint8_t many[ROOM], single[ROOM];
	struct rx_ring_frame frames[FRAMES];

	(void)state;
	for (uint32_t snaplen = 61; snaplen < 262144; snaplen *= 8)
		for (uint32_t size = 1; size + FRAMES < PCAPNG_SHORT; size += 97) {
			size_t bytes, want = 0;

			for (uint32_t i = 0; i < FRAMES; i++) {
				make(&frames[i], i, size + i);
				want += one(single + want, snaplen, &frames[i]);
			}
			memset(many, 0xee, sizeof(many));
			assert_int_equal(pcapng_frames(many, sizeof(many), 3, snaplen, frames,
						       FRAMES, &bytes),
					 FRAMES);
			assert_int_equal(bytes, want);
			assert_memory_equal(many, single, want);
			assert_int_equal(many[bytes], 0xee);
		}
}

/* What it leaves to pcapng_frame(): long ones, those with a tag; and what has no room. */
static void stops(void **state)
{
	_Alignas(8) uint8_t at[8192];
	struct rx_ring_frame frames[8];
	size_t bytes;

	(void)state;
	for (uint32_t i = 0; i < 8; i++)
		make(&frames[i], i, 60);
	frames[5].caplen = PCAPNG_SHORT + 1;
	frames[2].status |= TP_STATUS_VLAN_VALID;
	assert_int_equal(pcapng_frames(at, sizeof(at), 0, 262144, frames, 8, &bytes), 2);
	assert_int_equal(pcapng_frames(at, sizeof(at), 0, 262144, frames + 3, 5, &bytes), 2);
	assert_int_equal(bytes, 2 * (28 + 60 + 16));
	assert_int_equal(pcapng_frames(at, sizeof(at), 0, 262144, frames + 2, 1, &bytes), 0);
	assert_int_equal(bytes, 0);
	frames[2].status = frames[5].status = TP_STATUS_USER;
	frames[5].caplen = 60;
	assert_int_equal(pcapng_frames(at, PCAPNG_SHORT + 44 + 104, 0, 262144, frames, 8, &bytes),
			 2);
	assert_true(bytes <= PCAPNG_SHORT + 44 + 104);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(same_bytes), cmocka_unit_test(stops) };

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(rand() % 255 + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
