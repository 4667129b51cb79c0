/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "send.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "collector/base.h"
#include "collector/clock.h"

uint64_t send_clock_ns(void)
{
	return boot_ns();
}

bool send_lengths(const char *text, struct send_order *o)
{
	o->n_lengths = 0;
	do {
		char *end;
		unsigned long n = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;

		if (n < WIRE_MIN_LEN || n > WIRE_MAX_LEN || o->n_lengths == WIRE_LENGTHS)
			return false;
		o->lengths[o->n_lengths++] = (uint32_t)n;
		text = end;
	} while (*text++ == ',');
	return !text[-1];
}

int sender_open(struct sender *s, const struct send_order *o)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_ifindex = o->ifindex };
	struct wire_head *head = (struct wire_head *)(void *)s->frame;

	*s = (struct sender){ .o = *o, .began_ns = send_clock_ns() };
	s->ended_ns = s->began_ns;
	memcpy(head->to, o->to, 6);
	memcpy(head->from, o->from, 6);
	head->ethertype = htons(o->flows > 1 ? ETH_P_IP : WIRE_ETHERTYPE);
	s->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -errno;
	return bind(s->fd, (struct sockaddr *)&at, sizeof(at)) < 0 ? -errno : 0;
}

void sender_close(struct sender *s)
{
	s->fd = close_fd(s->fd);
}

bool sender_done(const struct sender *s)
{
	return s->sent == s->o.frames;
}

uint64_t sender_due(const struct sender *s)
{
	return s->o.pps ? s->began_ns + (uint64_t)s->sent * NSEC_PER_SEC / s->o.pps : 0;
}

/* RFC 791: from 198.18.FLOW, to 198.19.0.1, for one hop. */
static void put_ip(uint8_t *ip, uint32_t flow, uint32_t len)
{
	const uint8_t head[WIRE_IP_LEN] = { 0x45,
					    0,
					    (uint8_t)(len >> 8),
					    (uint8_t)len,
					    0,
					    0,
					    0,
					    0,
					    1,
					    WIRE_IP_PROTOCOL,
					    0,
					    0,
					    198,
					    18,
					    (uint8_t)(flow >> 8),
					    (uint8_t)flow,
					    198,
					    19,
					    0,
					    1 };
	uint32_t sum = 0;

	memcpy(ip, head, sizeof(head));
	for (int i = 0; i < WIRE_IP_LEN; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

static uint32_t put_frame(struct sender *s, uint32_t seq)
{
	struct wire_mark mark = { htonl(WIRE_MAGIC), htonl(s->o.run), htonl(seq) };
	uint32_t len = s->o.lengths[seq % s->o.n_lengths];
	uint8_t *at = s->frame + sizeof(struct wire_head);

	if (s->o.flows > 1) {
		put_ip(at, seq % s->o.flows, len - (uint32_t)sizeof(struct wire_head));
		at += WIRE_IP_LEN;
	}
	memcpy(at, &mark, sizeof(mark));
	return len;
}

/* One frame a call: of several in one call, the one that was refused cannot be told from one that
 * was not tried. ENOBUFS is what the stack answers when it has taken the frame and dropped it
 * (net_xmit_errno()). */
int sender_batch(struct sender *s)
{
	for (int i = 0; i < SEND_BATCH && !sender_done(s); i++, s->sent++) {
		uint32_t len = put_frame(s, s->o.first + s->sent);

		if (send(s->fd, s->frame, len, 0) >= 0)
			continue;
		if (errno != ENOBUFS)
			return -errno;
		s->refused++;
	}
	s->ended_ns = send_clock_ns();
	return 0;
}
