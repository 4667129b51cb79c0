/* SPDX-License-Identifier: GPL-2.0-or-later */
/* taptool - holds taps as a VMM would, sends counted frames, and loses them on purpose in every way
 * this kernel allows.
 *
 * Everything happens in the network namespace of the caller. A failed set-up ends the program with
 * a line that says what failed: this is a tool for tests, nothing is repaired here. */
#ifndef TAPLOSS_TAPTOOL_H
#define TAPLOSS_TAPTOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/base.h"

#define TEST_ETHERTYPE 0x88b5	/* local experimental: nobody takes such frames */
#define VNET_HDR 10		/* bytes of the virtio-net header that the taps here use */
#define MAX_FRAME 65536

/* errno's words are added unless errno is 0 */
_Noreturn _printf_(1, 2) void die(const char *format, ...);

/* Arguments: "NAME key value flag ...", and after "--" words that are only for /proc/PID/cmdline to
 * show. */
struct args {
	char **words;
	int n;
};

const char *args_value(const struct args *a, const char *key);	/* the word after @key, or NULL */
bool args_flag(const struct args *a, const char *flag);
unsigned long args_number(const struct args *a, const char *key, unsigned long otherwise);
const char *args_name(const struct args *a, int i, const char *otherwise);	/* the i-th word */

/* Devices (device.c). */

_printf_(1, 2) void run(const char *format, ...);	/* a shell command; dies when it fails */

/* Opens a queue of tap @name, which is made when it is not there. @flags: IFF_TAP or IFF_TUN,
 * IFF_VNET_HDR, ... */
int tap_open(const char *name, int flags);

/* Opens a queue of the macvtap @name, whose /dev/tapN may be about to appear. */
int macvtap_open(const char *name, int flags);

void device_up(const char *name);
/* before a queue is opened, or it is resized */
void device_set_ring(const char *name, unsigned int frames);
void device_mac(const char *name, uint8_t ret[static 6]);
int device_index(const char *name);
unsigned int qdisc_backlog(const char *name);	/* frames in the root discipline */
unsigned int tap_read_all(int fd);	/* until there is nothing; frames */
/* tests/helpers/xdp, until the namespace ends */
void xdp_attach(const char *name, const char *answer);

/* The device's own counters, device terms. */
struct counters {
	uint64_t rx_packets, tx_packets, rx_dropped, tx_dropped, rx_errors, tx_errors,
		rx_frame_errors;
};

/* left as it was when the device is gone */
void counters_read(const char *name, struct counters *ret);
/* JSON members, the moves */
void counters_print(const struct counters *from, const struct counters *to);

/* Frames (frame.c). */

extern const uint8_t broadcast[6];

/* An Ethernet frame of @len bytes with @seq in its first payload bytes. */
/* NULL: the address that frames come from when nothing is said */
void frame_mac(const char *text, uint8_t ret[static 6]);
void frame_test(uint8_t *b, const uint8_t *dst, size_t len, uint32_t seq);

/* An IPv4 frame of @len bytes: flow @flow differs from others in its UDP source port. */
void frame_udp(uint8_t *b, const uint8_t *dst, size_t len, uint16_t flow);

/* An IPv4 TCP frame with @payload bytes; @doff 5 is a sound header. Returns its length. */
size_t frame_tcp(uint8_t *b, const uint8_t *dst, size_t payload, unsigned int doff);

struct vnet {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset;
};

void vnet_put(uint8_t b[static VNET_HDR], const struct vnet *v);

/* room for any number of frames on their way */
int packet_socket(const char *device, bool bypass_qdisc);
/* Sends one frame; true when the device took or lost it, and not the socket. */
bool packet_send(int fd, const void *frame, size_t len);
void packet_send_many(const char *device, const uint8_t *dst, unsigned int n, size_t len);
bool tap_write(int fd, const void *bytes, size_t len);	/* did the kernel take it? */

/* Ways to lose frames (case_*.c). A case is set up once, then loses in rounds. */
struct fault {
	const char *dev;	/* the device that shall lose frames */
	unsigned int count;	/* frames a round */
	int fd, fd2;
	int lower;		/* a second device's queue */
	struct vhost *vhost;
	char other[16];		/* name of a device beside */
	uint8_t mac[6];		/* the guest's address, for what is lost above its tap */
	/* frames for the guest come in at the far end of the lower device */
	bool macvtap;
	/* Of what lose() offered, this was not lost: */
	unsigned int delivered;	/* it reached the guest, or whom the guest sent it to */
	unsigned int left;	/* it waits in a ring still */
	unsigned int refused;	/* whoever sent it was told that it was not taken */
};

struct fault_case {
	const char *name;
	const char *what;
	const char *kind;	/* "tap", "tun", "macvtap": which default name the device has */
	void (*set_up)(struct fault *f);
	unsigned int (*lose)(struct fault *f);	/* returns how many frames it offered */
};

/* Each ends with a NULL name. */
extern const struct fault_case cases_rx[], cases_read[], cases_tx[], cases_stack[], cases_path[],
	cases_macvtap[], cases_forced[], cases_vhost_rx[], cases_vhost_tx[];

/* A macvtap on a veth pair (case_macvtap.c), and frames of @len bytes for its guest. */
void macvtap_make(struct fault *f);
void macvtap_send_in(const struct fault *f, unsigned int n, size_t len);

int cmd_case(const struct args *a);
int cmd_cases(const struct args *a);
int cmd_hold(const struct args *a);
int cmd_drain(const struct args *a);
int cmd_flood(const struct args *a);
int cmd_hog(const struct args *a);

#endif
