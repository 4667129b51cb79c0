/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rx_ring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "collector/base.h"
#include "rx_ring_priv.h"

#define PENDING_SPARE 64
#define AHEAD 8	/* frames: from one cache to the next */

static void rx_ring_freep(struct rx_ring **p)
{
	*p = rx_ring_free(*p);
}

struct rx_ring *rx_ring_free(struct rx_ring *p)
{
	if (!p)
		return NULL;
	if (p->ring)
		munmap(p->ring, p->ring_bytes);
	close_fd(p->fd);
	free(p->index);
	free(p->pending);
	free(p->copies);
	free(p);
	return NULL;
}

static int set(const struct rx_ring *p, int option, const void *value, socklen_t length)
{
	return setsockopt(p->fd, SOL_PACKET, option, value, length) < 0 ? -errno : 0;
}

static int set_filter(const struct rx_ring *p, const struct sock_filter *code,
		      unsigned short length)
{
	struct sock_fprog prog = { length, (struct sock_filter *)code };

	return setsockopt(p->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0 ? -errno
											: 0;
}

static int make_ring(struct rx_ring *p)
{
	static const int versions[] = {
		[RING_V1] = TPACKET_V1, [RING_V2] = TPACKET_V2, [RING_V3] = TPACKET_V3
	};
	const struct ring_shape *s = &p->shape;
	struct tpacket_req3 req = {
		.tp_block_size = (unsigned int)s->block_bytes,
		.tp_block_nr = (unsigned int)s->blocks,
		.tp_frame_size = (unsigned int)s->frame_bytes,
		.tp_frame_nr = (unsigned int)(s->block_bytes / s->frame_bytes * s->blocks),
		.tp_retire_blk_tov = (unsigned int)s->retire_ms,
		.tp_sizeof_priv = (unsigned int)s->priv_bytes,
		.tp_feature_req_word = s->rx_hash ? TP_FT_REQ_FILL_RXHASH : 0,
	};
	void *at;
	int r = set(p, PACKET_VERSION, &versions[s->version], sizeof(int));

	if (r >= 0)
		r = set(p, PACKET_RX_RING, &req,
			s->version == RING_V3 ? sizeof(req) : sizeof(struct tpacket_req));
	if (r < 0)
		return r;
	p->ring_bytes = ring_bytes(s);
	at = mmap(NULL, p->ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, p->fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	p->ring = at;
	return 0;
}

/* Which member gets a frame. Without a program of the user's it is the sender's address, its last
 * byte: a guest's frames stay together. */
static int set_fanout_program(const struct rx_ring *p, const struct rx_ring_options *o)
{
	static const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_LL_OFF + 11), BPF_STMT(BPF_RET | BPF_A, 0)
	};
	const struct sock_fprog sender = { ARRAY_SIZE(code), (struct sock_filter *)code };

	if (o->fanout == PACKET_FANOUT_CBPF)
		return set(p, PACKET_FANOUT_DATA, &sender, sizeof(sender));
	if (o->fanout == PACKET_FANOUT_EBPF)
		return set(p, PACKET_FANOUT_DATA, &o->fanout_program, sizeof(o->fanout_program));
	return 0;
}

static int join_fanout(const struct rx_ring *p, const struct rx_ring_options *o)
{
	int group, arg;
	socklen_t length = sizeof(arg);

	if (o->fanout < 0)
		return 0;
	arg = *o->fanout_group < 0 ? (o->fanout | PACKET_FANOUT_FLAG_UNIQUEID) << 16
				   : *o->fanout_group | o->fanout << 16;
	if (setsockopt(p->fd, SOL_PACKET, PACKET_FANOUT, &arg, sizeof(arg)) < 0)
		return -errno;
	if (*o->fanout_group >= 0)
		return 0;
	if (getsockopt(p->fd, SOL_PACKET, PACKET_FANOUT, &group, &length) < 0)
		return -errno;
	*o->fanout_group = group & 0xffff;
	return set_fanout_program(p, o);
}

static int bind_to(struct rx_ring *p)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)p->ifindex,
	};
	socklen_t length = sizeof(to);

	if (bind(p->fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != ENETDOWN)
		return -errno;
	if (getsockname(p->fd, (struct sockaddr *)&to, &length) < 0)
		return -errno;
	p->hardware = to.sll_hatype;
	return 0;
}

static int make_room(struct rx_ring *p)
{
	uint64_t frames =
		p->shape.version == RING_V3 ? ring_frames_per_block(&p->shape, 0) : RX_RING_BATCH;

	p->pending_room = (uint32_t)(2 * p->shape.blocks + PENDING_SPARE);
	if (p->shape.version != RING_V3)
		p->pending_room =
			(uint32_t)(p->shape.block_bytes / p->shape.frame_bytes * p->shape.blocks +
				   PENDING_SPARE);
	p->index = calloc(frames + 1 + AHEAD, sizeof(*p->index));
	p->pending = calloc(p->pending_room, sizeof(*p->pending));
	return p->index && p->pending ? 0 : -ENOMEM;
}

/* Frames that wait beside the ring take room of the socket's buffer. */
static int keep_whole(struct rx_ring *p, uint32_t threshold)
{
	int bytes = RX_RING_BATCH * RX_RING_COPY, at = (int)threshold;

	p->copies = malloc((size_t)bytes);
	if (!p->copies)
		return -ENOMEM;
	if (setsockopt(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return set(p, PACKET_COPY_THRESH, &at, sizeof(at));
}

bool rx_ring_stamps(const char *device)
{
	_cleanup_(close_fdp) int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_ts_info info = { .cmd = ETHTOOL_GET_TS_INFO };
	struct ifreq r = { .ifr_data = (void *)&info };

	strncpy(r.ifr_name, device, sizeof(r.ifr_name) - 1);
	if (s < 0 || ioctl(s, SIOCETHTOOL, &r) < 0)
		return false;
	return (info.so_timestamping & SOF_TIMESTAMPING_RX_HARDWARE) &&
	       (info.so_timestamping & SOF_TIMESTAMPING_RAW_HARDWARE);
}

/* Protocol 0 until the ring is there: what came before would be counted, but never seen. */
int rx_ring_open(uint32_t ifindex, const struct rx_ring_options *o, struct rx_ring **ret)
{
	_cleanup_(rx_ring_freep) struct rx_ring *p = calloc(1, sizeof(*p));
	int one = 1, device_time = SOF_TIMESTAMPING_RAW_HARDWARE, r;
	uint32_t drops, freezes;

	if (!p)
		return -ENOMEM;
	p->ifindex = ifindex;
	p->shape = o->shape;
	p->turn = o->shape.version == RING_V3;
	p->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->fd < 0)
		return -errno;
	r = make_room(p);
	if (r >= 0 && o->filter_length)
		r = set_filter(p, o->filter, o->filter_length);
	if (r >= 0 && o->ignore_outgoing)
		r = set(p, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	if (r >= 0 && o->device_time)
		r = set(p, PACKET_TIMESTAMP, &device_time, sizeof(device_time));
	if (r >= 0 && o->copy_threshold && o->shape.version != RING_V3)
		r = keep_whole(p, o->copy_threshold);
	if (r >= 0)
		r = make_ring(p);
	if (r >= 0)
		r = bind_to(p);
	if (r >= 0)
		r = join_fanout(p, o);
	if (r < 0)
		return r;
	if (o->shape.version != RING_V3)
		rx_ring_count(p, &drops, &freezes);
	*ret = TAKE_PTR(p);
	return 0;
}

int rx_ring_fd(const struct rx_ring *p)
{
	return p->fd;
}

uint32_t rx_ring_ifindex(const struct rx_ring *p)
{
	return p->ifindex;
}

uint16_t rx_ring_hardware(const struct rx_ring *p)
{
	return p->hardware;
}

const struct rx_ring_stats *rx_ring_stats(const struct rx_ring *p)
{
	return &p->stats;
}

double rx_ring_fill(const struct rx_ring *p)
{
	uint64_t ready = 0;

	if (p->shape.version != RING_V3)
		return 0;
	while (ready < p->shape.blocks) {
		const struct tpacket_block_desc *b =
			(const void *)(p->ring + (p->turn - 1 + ready) % p->shape.blocks *
							 p->shape.block_bytes);

		if (!(__atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			break;
		ready++;
	}
	return (double)ready / (double)p->shape.blocks;
}

uint32_t rx_ring_take(struct rx_ring *p)
{
	if (p->taken)
		return p->n - p->at;
	if (p->shape.version != RING_V3)
		return rx_ring_take_v12(p);
	rx_ring_take_v3(p);
	if (p->taken)
		rx_ring_carry(p, p->turn);
	if (p->taken && !p->n)	/* nothing but ghosts */
		rx_ring_release_v3(p);
	return p->n;
}

static void peek_v3(const struct rx_ring *p, uint32_t at, struct rx_ring_frame *ret)
{
	const struct tpacket3_hdr *h = (const void *)(p->base + at);

	ret->data = (const uint8_t *)h + h->tp_mac;
	ret->caplen = h->tp_snaplen;
	ret->len = h->tp_len;
	ret->t_ns = h->tp_sec * NSEC_PER_SEC + h->tp_nsec;
	ret->status = h->tp_status;
	ret->hash = h->hv1.tp_rxhash;
	ret->vlan_tci = (uint16_t)h->hv1.tp_vlan_tci;
	ret->vlan_tpid =
		h->tp_status & TP_STATUS_VLAN_TPID_VALID ? h->hv1.tp_vlan_tpid : ETH_P_8021Q;
	ret->type = ((const struct sockaddr_ll *)(const void *)((const uint8_t *)h +
								TPACKET_ALIGN(sizeof(*h))))
			    ->sll_pkttype;
}

/* V3 loses frames between batches only. */
static uint32_t until_gap(const struct rx_ring *p, uint32_t n)
{
	const struct gap *g = &p->pending[p->pending_head];
	uint64_t in_turn = p->stats.captured + 1;

	if (p->shape.version == RING_V3 || !p->n_pending || g->before >= in_turn + n)
		return n;
	return g->before > in_turn ? (uint32_t)(g->before - in_turn) : 1;
}

uint32_t rx_ring_peek(const struct rx_ring *p, struct rx_ring_frame *ret, uint32_t room)
{
	uint32_t n = until_gap(p, p->n - p->at < room ? p->n - p->at : room);
	const uint32_t *index = p->index + p->at;

	if (p->shape.version == RING_V3)
		for (uint32_t i = 0; i < n; i++) {
			__builtin_prefetch(p->base + index[i + AHEAD]);
			__builtin_prefetch(p->base + index[i + AHEAD] + 64);
			peek_v3(p, index[i], &ret[i]);
		}
	else
		for (uint32_t i = 0; i < n; i++)
			rx_ring_peek_v12(p, index[i], &ret[i]);
	return n;
}

void rx_ring_next(struct rx_ring *p, uint32_t n)
{
	p->at += n;
	p->stats.captured += n;
}

void rx_ring_release(struct rx_ring *p)
{
	if (p->shape.version == RING_V3)
		rx_ring_release_v3(p);
	else
		rx_ring_release_v12(p);
	p->n = p->at = 0;
}

uint64_t rx_ring_frontier(const struct rx_ring *p, uint64_t now_ns)
{
	const struct tpacket_block_desc *b;
	uint64_t opened;

	if (p->shape.version != RING_V3)
		return now_ns - RX_RING_SLACK_NS;
	/* The block in turn is being filled: what is in it came after it was opened. An empty one
	 * says that there is nothing. */
	b = (const void *)(p->ring + (p->turn - 1) % p->shape.blocks * p->shape.block_bytes);
	if (!__atomic_load_n(&b->hdr.bh1.num_pkts, __ATOMIC_ACQUIRE) ||
	    b->hdr.bh1.seq_num != p->turn)
		return now_ns - RX_RING_SLACK_NS;
	opened = b->hdr.bh1.ts_first_pkt.ts_sec * NSEC_PER_SEC + b->hdr.bh1.ts_first_pkt.ts_nsec;
	return (opened < now_ns ? opened : now_ns) - RX_RING_SLACK_NS;
}

int rx_ring_stop(struct rx_ring *p)
{
	static const struct sock_filter nothing[] = { BPF_STMT(BPF_RET | BPF_K, 0) };

	return set_filter(p, nothing, ARRAY_SIZE(nothing));
}

bool rx_ring_drained(const struct rx_ring *p)
{
	const struct tpacket_block_desc *b;
	uint32_t status;

	if (p->taken)
		return false;
	if (p->shape.version != RING_V3)
		return true;
	b = (const void *)(p->ring + (p->turn - 1) % p->shape.blocks * p->shape.block_bytes);
	status = __atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE);
	if (status & TP_STATUS_USER)
		return false;
	/* After it was given back and before it is opened again the count of its last use still
	 * stands there. */
	return b->hdr.bh1.seq_num != p->turn || !b->hdr.bh1.num_pkts;
}

int rx_ring_error(struct rx_ring *p)
{
	struct sockaddr_ll at = { 0 };
	socklen_t length = sizeof(at);
	int error = 0;

	if (getsockname(p->fd, (struct sockaddr *)&at, &length) < 0 ||
	    at.sll_ifindex != (int)p->ifindex)
		return -ENODEV;
	length = sizeof(error);
	if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		return -errno;
	return -error;
}
