/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that are lost because a kernel function fails, as it does for want of memory. The test
 * host's module (tests/vm/fault) makes it fail. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>

#include "taptool.h"

#define ORDERS "/sys/module/fault/parameters/fail"
#define MTU 9000
#define LARGE 6000	/* more than a page: what follows its headers lies in pages of its own */

/* @function shall fail with @result, @times. Whoever calls it: a frame may be received by another
 * process than its sender. */
static void order(const char *function, int result, unsigned int times)
{
	char line[128];
	int fd = open(ORDERS, O_WRONLY | O_CLOEXEC);
	int n = snprintf(line, sizeof(line), "%s %d %u *", function, result, times);

	if (fd < 0)
		die("the module that makes functions fail is not there");
	if (write(fd, line, (size_t)n) != n)
		die("%s cannot be made to fail", function);
	close(fd);
}

/* Dies unless it failed as often as was ordered: else something else lost the frames. */
static void obeyed(unsigned int times)
{
	char text[16] = "";
	int fd = open(ORDERS, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	errno = 0;
	if (n <= 0 || strtoul(text, NULL, 10) != times)
		die("the function failed %s times of %u", text, times);
}

static void tap_with(struct fault *f, int flags)
{
	f->fd = tap_open(f->dev, IFF_TAP | IFF_VNET_HDR | flags);
	run("ip link set %s mtu %d", f->dev, MTU);
	device_up(f->dev);
}

static void tap(struct fault *f)
{
	tap_with(f, 0);
}

static void tap_of_frags(struct fault *f)
{
	tap_with(f, IFF_NAPI | IFF_NAPI_FRAGS);
}

/* The Ethernet header has to be pulled out of the second part of the guest's frame. */
static unsigned int pull(struct fault *f)
{
	uint8_t b[VNET_HDR + 60] = { 0 };
	const struct iovec parts[] = { { b, VNET_HDR + 4 }, { b + VNET_HDR + 4, 56 } };

	frame_test(b + VNET_HDR, broadcast, 60, 0);
	order("__pskb_pull_tail", 0, f->count);
	for (unsigned int i = 0; i < f->count; i++)
		if (writev(f->fd, parts, 2) >= 0)
			die("a write that should have failed");
	obeyed(f->count);
	return f->count;
}

static void write_small(const struct fault *f)
{
	uint8_t b[VNET_HDR + 60] = { 0 };

	frame_test(b + VNET_HDR, broadcast, 60, 0);
	for (unsigned int i = 0; i < f->count; i++)
		if (tap_write(f->fd, b, sizeof(b)))
			die("a write that should have failed");
}

static unsigned int no_skb(struct fault *f)
{
	fcntl(f->fd, F_SETFL, O_NONBLOCK);
	order("build_skb", 0, f->count);
	write_small(f);
	obeyed(f->count);
	return f->count;
}

static void trimmed_to_40(struct fault *f)
{
	const struct bpf_insn some[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 40 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (uintptr_t)some,
		.insn_cnt = ARRAY_SIZE(some),
		.license = (uintptr_t) "GPL",
	};
	int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	tap(f);
	if (program < 0 || ioctl(f->fd, TUNSETFILTEREBPF, &program) < 0)
		die("eBPF filter");
}

/* @n frames with a virtio-net header each, out of @device. */
static void send_with_header(const char *device, const uint8_t *bytes, size_t len, unsigned int n)
{
	int fd = packet_socket(device, false), one = 1;

	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) < 0)
		die("virtio-net header");
	for (unsigned int i = 0; i < n; i++)
		if (!packet_send(fd, bytes, len))
			die("send to %s", device);
	close(fd);
}

static unsigned int trim(struct fault *f)
{
	static uint8_t b[VNET_HDR + LARGE];

	frame_test(b + VNET_HDR, broadcast, LARGE, 0);
	order("___pskb_trim", -ENOMEM, f->count);
	send_with_header(f->dev, b, sizeof(b), f->count);
	obeyed(f->count);
	return f->count;
}

/* The host's own pages, which the guest must not keep: they are copied before the frame goes into
 * the ring. */
static unsigned int copy_out(struct fault *f)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = inet_addr("192.0.2.2"),
	};
	static uint8_t b[LARGE];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;

	run("ip addr add 192.0.2.1/24 dev %s && ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:07 "
	    "dev %s",
	    f->dev, f->dev);
	if (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)) < 0)
		die("zero copy");
	order("skb_copy_ubufs", -ENOMEM, f->count);
	for (unsigned int i = 0; i < f->count; i++)
		if (sendto(fd, b, sizeof(b), MSG_ZEROCOPY, (const struct sockaddr *)&to,
			   sizeof(to)) < 0)
			die("send");
	obeyed(f->count);
	close(fd);
	run("ip addr del 192.0.2.1/24 dev %s", f->dev);
	return f->count;
}

static void macvtap_of_plain_frames(struct fault *f)
{
	macvtap_make(f);
	if (ioctl(f->fd, TUNSETOFFLOAD, 0) < 0)
		die("offload");
}

/* Its guest takes no frames without a checksum: one has to be made. */
static unsigned int sum_up(struct fault *f)
{
	uint8_t b[VNET_HDR + 256], mac[6];
	char far[16];
	size_t len;

	device_mac(f->dev, mac);
	len = frame_tcp(b + VNET_HDR, mac, 100, 5);
	vnet_put(b, &(struct vnet){
			    .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			    .csum_start = 34,
			    .csum_offset = 16,
		    });
	snprintf(far, sizeof(far), "%.14sp", f->dev);
	order("skb_checksum_help", -ENOMEM, f->count);
	send_with_header(far, b, VNET_HDR + len, f->count);
	obeyed(f->count);
	return f->count;
}

const struct fault_case cases_forced[] = {
	{ "hdr_trunc", "the guest's Ethernet header cannot be pulled together", "tap", tap_of_frags,
	  pull },
	{ "no_skb", "no memory for a guest's small frame", "tap", tap, no_skb },
	{ "no_memory", "no memory to cut a frame as a filter says", "tap", trimmed_to_40, trim },
	{ "copy_out", "no memory to copy the host's own pages for the guest", "tap", tap,
	  copy_out },
	{ "mvt_checksum", "a checksum that the guest wants cannot be made", "macvtap",
	  macvtap_of_plain_frames, sum_up },
	{ 0 },
};
