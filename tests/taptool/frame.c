/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames and the sockets that send them. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>

#include "taptool.h"

const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t from[6] = { 0x02, 0, 0, 0, 0, 0x09 };

void frame_mac(const char *text, uint8_t ret[static 6])
{
	if (!text)
		memcpy(ret, from, 6);
	else if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", ret, ret + 1, ret + 2, ret + 3,
			ret + 4, ret + 5) != 6)
		die("not an Ethernet address: %s", text);
}

static void put16(uint8_t *b, unsigned int v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static void ethernet(uint8_t *b, const uint8_t *dst, size_t len, unsigned int type)
{
	memset(b, 0, len);
	memcpy(b, dst, 6);
	memcpy(b + 6, from, 6);
	put16(b + 12, type);
}

void frame_test(uint8_t *b, const uint8_t *dst, size_t len, uint32_t seq)
{
	ethernet(b, dst, len, TEST_ETHERTYPE);
	put16(b + 14, seq >> 16);
	put16(b + 16, seq & 0xffff);
}

static unsigned int ip_checksum(const uint8_t *header)
{
	unsigned int sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (unsigned int)header[i] << 8 | header[i + 1];
	while (sum >> 16)
		sum = (sum >> 16) + (sum & 0xffff);
	return ~sum & 0xffff;
}

/* 10.0.0.2 to 10.0.0.1; @total: header and payload. */
static void ipv4(uint8_t *ip, size_t total, uint8_t protocol)
{
	ip[0] = 0x45;
	put16(ip + 2, (unsigned int)total);
	ip[8] = 64;
	ip[9] = protocol;
	memcpy(ip + 12, "\x0a\x00\x00\x02\x0a\x00\x00\x01", 8);
	put16(ip + 10, ip_checksum(ip));
}

void frame_udp(uint8_t *b, const uint8_t *dst, size_t len, uint16_t flow)
{
	ethernet(b, dst, len, ETH_P_IP);
	ipv4(b + 14, len - 14, IPPROTO_UDP);
	put16(b + 34, 1024U + flow);
	put16(b + 36, 9);
	put16(b + 38, (unsigned int)(len - 34));
}

size_t frame_tcp(uint8_t *b, const uint8_t *dst, size_t payload, unsigned int doff)
{
	size_t len = 54 + payload;

	ethernet(b, dst, len, ETH_P_IP);
	ipv4(b + 14, len - 14, IPPROTO_TCP);
	put16(b + 34, 1024);
	put16(b + 36, 9);
	b[46] = (uint8_t)(doff << 4);
	return len;
}

void vnet_put(uint8_t b[static VNET_HDR], const struct vnet *v)
{
	const struct virtio_net_hdr h = {
		.flags = v->flags, .gso_type = v->gso_type, .hdr_len = v->hdr_len,
		.gso_size = v->gso_size, .csum_start = v->csum_start, .csum_offset = v->csum_offset,
	};

	_Static_assert(sizeof(h) == VNET_HDR, "the legacy header");
	memcpy(b, &h, sizeof(h));
}

int packet_socket(const char *device, bool bypass_qdisc)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = device_index(device) };
	int room = 1 << 30, one = 1;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);	/* protocol 0: receives nothing */

	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("packet socket on %s", device);
	/* A macvtap's ring holds frames on the sender's account. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0)
		die("send buffer");
	if (bypass_qdisc && setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) < 0)
		die("qdisc bypass");
	return fd;
}

/* ENOBUFS is the device's answer: it lost the frame. */
bool packet_send(int fd, const void *frame, size_t len)
{
	return send(fd, frame, len, 0) == (ssize_t)len || errno == ENOBUFS;
}

void packet_send_many(const char *device, const uint8_t *dst, unsigned int n, size_t len)
{
	uint8_t b[2048];
	int fd = packet_socket(device, false);

	for (uint32_t seq = 0; seq < n; seq++) {
		frame_test(b, dst, len, seq);
		if (!packet_send(fd, b, len))
			die("send to %s", device);
	}
	close(fd);
}

bool tap_write(int fd, const void *bytes, size_t len)
{
	return write(fd, bytes, len) == (ssize_t)len;
}
