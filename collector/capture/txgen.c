/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "txgen.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include "collector/base.h"

#define SLOT 2048
#define SLOTS 1024
#define BLOCK (64 << 10)
#define BURST 64
/* where tpacket_snd() looks for the frame */
#define DATA (TPACKET2_HDRLEN - sizeof(struct sockaddr_ll))

struct txgen {
	struct txgen_options o;
	int fd;
	uint8_t *ring;
	uint64_t next, begin_ns;
	unsigned int slot;
};

static void txgen_freep(struct txgen **g)
{
	*g = txgen_free(*g);
}

struct txgen *txgen_free(struct txgen *g)
{
	if (!g)
		return NULL;
	if (g->ring)
		munmap(g->ring, SLOT * SLOTS);
	close_fd(g->fd);
	free(g);
	return NULL;
}

static int make_ring(struct txgen *g)
{
	struct tpacket_req req = {
		.tp_block_size = BLOCK,
		.tp_block_nr = SLOT * SLOTS / BLOCK,
		.tp_frame_size = SLOT,
		.tp_frame_nr = SLOTS,
	};
	int version = TPACKET_V2, bypass = g->o.qdisc_bypass;
	void *at;

	if (setsockopt(g->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
	    setsockopt(g->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof(bypass)) < 0 ||
	    setsockopt(g->fd, SOL_PACKET, PACKET_TX_RING, &req, sizeof(req)) < 0)
		return -errno;
	at = mmap(NULL, SLOT * SLOTS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, g->fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	g->ring = at;
	return 0;
}

int txgen_open(uint32_t ifindex, const struct txgen_options *o, struct txgen **ret)
{
	_cleanup_(txgen_freep) struct txgen *g = calloc(1, sizeof(*g));
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)ifindex };
	int r;

	if (!g)
		return -ENOMEM;
	g->o = *o;
	g->next = o->first;
	if (!o->n_sizes || o->n_sizes > ARRAY_SIZE(o->sizes))
		return -EINVAL;
	for (unsigned int i = 0; i < o->n_sizes; i++)
		if (o->sizes[i] < TXGEN_MIN + (o->vlan ? 4 : 0) || o->sizes[i] > SLOT - DATA)
			return -EINVAL;
	/* protocol 0: it receives nothing */
	g->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (g->fd < 0)
		return -errno;
	r = make_ring(g);
	if (r < 0)
		return r;
	if (bind(g->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	*ret = TAKE_PTR(g);
	return 0;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static uint32_t fill(struct txgen *g, uint8_t *at, uint64_t number, uint64_t t_ns)
{
	uint32_t bytes = g->o.sizes[number % g->o.n_sizes];
	uint16_t type = htons(TXGEN_TYPE), tag[] = { htons(0x8100), htons(g->o.vlan) };
	uint64_t values[] = { htobe64(number), htobe64(t_ns) };

	memcpy(at, g->o.to, 6);
	memcpy(at + 6, g->o.from, 6);
	at += 12;
	if (g->o.vlan) {
		memcpy(at, tag, sizeof(tag));
		at += sizeof(tag);
	}
	memcpy(at, &type, sizeof(type));
	memcpy(at + 2, values, sizeof(values));
	return bytes;
}

/* The kernel sends what is ready; it must be told once for each burst. */
static int kick(struct txgen *g)
{
	while (send(g->fd, NULL, 0, 0) < 0) {
		if (errno == ENOBUFS || errno == EAGAIN)	/* the device's queue is full */
			poll(&(struct pollfd){ g->fd, POLLOUT, 0 }, 1, 10);
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static int wait_slot(struct txgen *g, struct tpacket2_hdr *h)
{
	uint32_t status;

	while ((status = __atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE)) != TP_STATUS_AVAILABLE) {
		int r;

		if (status & TP_STATUS_WRONG_FORMAT)
			return -EINVAL;
		r = kick(g);
		if (r < 0)
			return r;
		if (__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) != TP_STATUS_AVAILABLE)
			poll(&(struct pollfd){ g->fd, POLLOUT, 0 }, 1, 10);
	}
	return 0;
}

static void pace(const struct txgen *g, uint64_t sent)
{
	uint64_t due = g->begin_ns + (uint64_t)((double)sent * 1e9 / (double)g->o.pps), now;
	struct timespec t;

	while ((now = clock_ns(CLOCK_MONOTONIC)) < due) {
		t = (struct timespec){ (time_t)((due - now) / NSEC_PER_SEC),
				       (long)((due - now) % NSEC_PER_SEC) };
		clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	}
}

int txgen_send(struct txgen *g, uint64_t frames, uint64_t *ret_sent)
{
	uint64_t sent = 0, burst = g->o.pps && g->o.pps < 100000 ? 1 : BURST;
	int r = 0;

	g->begin_ns = clock_ns(CLOCK_MONOTONIC);
	*ret_sent = 0;
	while (sent < frames && r >= 0) {
		uint64_t t_ns = clock_ns(CLOCK_REALTIME);

		for (uint64_t i = 0; i < burst && sent < frames && r >= 0; i++) {
			struct tpacket2_hdr *h = (void *)(g->ring + (size_t)g->slot * SLOT);

			r = wait_slot(g, h);
			if (r < 0)
				break;
			h->tp_len = fill(g, (uint8_t *)h + DATA, g->next, t_ns);
			__atomic_store_n(&h->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
			g->slot = (g->slot + 1) % SLOTS;
			g->next++;
			sent++;
		}
		if (r >= 0)
			r = kick(g);
		if (g->o.pps)
			pace(g, sent);
	}
	*ret_sent = sent;
	return r;
}
