/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "collector/base.h"
#include "receive.h"
#include "send.h"

#define MAX_RING (256U << 20)
#define RETIRE_MS 8
#define SLOT_BYTES 2048

static int set(struct receiver *c, int option, const void *value, socklen_t size, const char **why,
	       const char *what)
{
	*why = what;
	return setsockopt(c->fd, SOL_PACKET, option, value, size) < 0 ? -errno : 0;
}

static int set_ring(struct receiver *c, const char **why)
{
	int version = c->version - 1;	/* TPACKET_V1 is 0 */
	struct tpacket_req3 rq = {
		.tp_block_size = c->block_bytes,
		.tp_block_nr = c->blocks,
		.tp_frame_size = c->frame_bytes,
		.tp_frame_nr = c->frames_in_ring,
		.tp_retire_blk_tov = RETIRE_MS,
	};
	int r = set(c, PACKET_VERSION, &version, sizeof(version), why, "ring version");

	if (r < 0)
		return r;
	return set(c, PACKET_RX_RING, &rq,
		   c->version == 3 ? sizeof(rq) : sizeof(struct tpacket_req), why, "ring size");
}

static int bind_to(struct receiver *c, int ifindex, const char **why)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(c->flows > 1 ? ETH_P_IP : WIRE_ETHERTYPE),
		.sll_ifindex = ifindex,
	};

	*why = "interface";
	return bind(c->fd, (struct sockaddr *)&at, sizeof(at)) < 0 ? -errno : 0;
}

bool receive_possible(const struct receive_order *o)
{
	return o->version >= 1 && o->version <= 3 && o->expect && o->expect <= WIRE_MAX_FRAMES &&
	       o->flows && o->flows <= WIRE_MAX_FLOWS && o->blocks &&
	       o->blocks <= MAX_RING / 4096 && o->block_bytes >= 4096 &&
	       o->block_bytes <= MAX_RING / o->blocks;
}

int receive_open(struct receiver *c, const struct receive_order *o, const char **why)
{
	int r;

	*c = (struct receiver){
		.version = o->version,
		.block_bytes = o->block_bytes,
		.blocks = o->blocks,
		.frame_bytes = SLOT_BYTES,
		.run = o->run,
		.expect = o->expect,
		.flows = o->flows,
	};
	c->frames_in_ring = c->block_bytes / SLOT_BYTES * c->blocks;
	*why = "memory";
	c->seen = calloc(c->expect / 8 + 1, 1);
	c->pending = calloc(2 * (size_t)c->blocks, sizeof(*c->pending));
	c->losses = calloc(WIRE_GAPS, sizeof(*c->losses));
	c->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	r = !c->seen || !c->pending || !c->losses ? -ENOMEM : c->fd < 0 ? -errno : set_ring(c, why);
	if (r < 0)
		return r;
	c->ring = mmap(NULL, (size_t)c->block_bytes * c->blocks, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, c->fd, 0);
	if (c->ring == MAP_FAILED) {
		c->ring = NULL;
		return -errno;
	}
	return bind_to(c, o->ifindex, why);
}

void receive_close(struct receiver *c)
{
	if (c->ring)
		munmap(c->ring, (size_t)c->block_bytes * c->blocks);
	close_fd(c->fd);
	free(c->seen);
	free(c->pending);
	free(c->losses);
	*c = (struct receiver){ .fd = -1 };
}

/* The ring lost frames between the last number seen and @next. */
static void note_loss(struct receiver *c, uint32_t next)
{
	if (c->lost && c->n_losses < WIRE_GAPS)
		c->losses[c->n_losses++] = (struct ring_loss){ c->last, next, c->lost };
	c->lost = 0;
}

static void take_frame(struct receiver *c, const uint8_t *data, uint32_t len)
{
	uint32_t at = sizeof(struct wire_head) + (c->flows > 1 ? WIRE_IP_LEN : 0), seq;
	struct wire_mark m;

	if (len < at + sizeof(m)) {
		c->foreign++;
		return;
	}
	memcpy(&m, data + at, sizeof(m));
	seq = ntohl(m.seq);
	if (ntohl(m.magic) != WIRE_MAGIC || ntohl(m.run) != c->run || seq >= c->expect) {
		c->foreign++;
		return;
	}
	if (c->seen[seq / 8] & 1 << seq % 8) {
		c->repeated++;
		return;
	}
	c->seen[seq / 8] |= (uint8_t)(1 << seq % 8);
	if (c->batch_ns && !c->batch_ns[seq / SEND_BATCH])
		c->batch_ns[seq / SEND_BATCH] = c->now_ns;
	c->frames++;
	c->late += seq < c->last;
	c->top = seq >= c->top ? seq + 1 : c->top;
	if (c->lost)
		note_loss(c, seq);
	c->last = seq;
}

/* Reading clears what it gives. tp_packets holds the drops, too. */
static uint32_t read_drops(struct receiver *c)
{
	struct tpacket_stats_v3 st = { 0 };
	socklen_t size = c->version == 3 ? sizeof(st) : sizeof(struct tpacket_stats);

	if (getsockopt(c->fd, SOL_PACKET, PACKET_STATISTICS, &st, &size) < 0)
		return 0;
	c->ring_frames += st.tp_packets;
	c->ring_drops += st.tp_drops;
	return st.tp_drops;
}

static struct tpacket_block_desc *block(const struct receiver *c, uint32_t i)
{
	return (struct tpacket_block_desc *)(void *)(c->ring +
						     (size_t)(i % c->blocks) * c->block_bytes);
}

static bool filled(struct tpacket_block_desc *b)
{
	return __atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER;
}

/* Where the frames were lost that the ring counted since block @seq was given back: a full ring
 * stops at its end and goes on in the very block that was just released, so they belong before the
 * block one turn later (tpacket_rcv() and prb_freeze_queue()); else behind the newest one that is
 * filled. */
static void place_drops(struct receiver *c, uint64_t seq)
{
	uint32_t drops = read_drops(c);
	uint64_t newest = seq;

	if (!drops)
		return;
	for (uint32_t k = 1; k < c->blocks; k++) {
		struct tpacket_block_desc *b = block(c, c->at + k - 1);

		if (filled(b) && b->hdr.bh1.seq_num == seq + k)
			newest = seq + k;
	}
	c->pending[(newest + 1) % (2 * c->blocks)] += drops;
}

static uint32_t take_block(struct receiver *c, struct tpacket_block_desc *b)
{
	uint64_t seq = b->hdr.bh1.seq_num;
	const uint8_t *at = (uint8_t *)b + b->hdr.bh1.offset_to_first_pkt;
	uint32_t n = b->hdr.bh1.num_pkts;

	c->lost += c->pending[seq % (2 * c->blocks)];
	c->pending[seq % (2 * c->blocks)] = 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct tpacket3_hdr *h = (const void *)at;

		take_frame(c, at + h->tp_mac, h->tp_snaplen);
		at += h->tp_next_offset;
	}
	__atomic_store_n(&b->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_SEQ_CST);
	c->at = (c->at + 1) % c->blocks;
	place_drops(c, seq);
	return n;
}

static uint32_t take_v3(struct receiver *c)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->blocks && filled(block(c, c->at)); i++)
		n += take_block(c, block(c, c->at));
	return n;
}

/* V1, V2: a slot for each frame. One that the ring refused marks the next it takes with
 * TP_STATUS_LOSING. */
static uint32_t take_slots(struct receiver *c)
{
	uint32_t n = 0;

	for (; n < c->frames_in_ring; n++) {
		uint8_t *slot = c->ring + (size_t)c->at * SLOT_BYTES;
		struct tpacket_hdr *h1 = (void *)slot;
		struct tpacket2_hdr *h2 = (void *)slot;
		unsigned long status = c->version == 1
					       ? __atomic_load_n(&h1->tp_status, __ATOMIC_ACQUIRE)
					       : __atomic_load_n(&h2->tp_status, __ATOMIC_ACQUIRE);

		if (!(status & TP_STATUS_USER))
			break;
		if (status & TP_STATUS_LOSING)
			c->lost += read_drops(c);
		take_frame(c, slot + (c->version == 1 ? h1->tp_mac : h2->tp_mac),
			   c->version == 1 ? h1->tp_snaplen : h2->tp_snaplen);
		if (c->version == 1)
			__atomic_store_n(&h1->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		else
			__atomic_store_n(&h2->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		c->at = (c->at + 1) % c->frames_in_ring;
	}
	return n;
}

uint32_t receive_take(struct receiver *c)
{
	if (c->batch_ns)
		c->now_ns = send_clock_ns();
	return c->version == 3 ? take_v3(c) : take_slots(c);
}

void receive_end(struct receiver *c)
{
	for (uint32_t i = 0; i < 2 * c->blocks; i++)
		c->lost += c->pending[i];
	c->lost += read_drops(c);
	note_loss(c, c->expect);
}

uint32_t receive_gap(const struct receiver *c, uint32_t *first)
{
	uint32_t from = *first, n = 0;

	for (uint32_t i = *first; i < c->expect; i++) {
		bool here = c->seen[i / 8] & 1 << i % 8;

		if (here && n) {
			*first = from;
			return n;
		}
		from = here ? i + 1 : from;
		n = here ? 0 : n + 1;
	}
	return 0;
}
