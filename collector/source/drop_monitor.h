/* SPDX-License-Identifier: GPL-2.0-or-later */
/* drop_monitor - the kernel's drop monitor (NET_DM, drop_monitor.ko) in packet mode: a message for
 * each dropped packet.
 *
 * There is one monitor in the whole system, for all its network namespaces, and it belongs to
 * nobody: it goes on when who started it is killed, and then copies each dropped packet for no one.
 * So whoever starts it leaves word in a file (netdm_mark()), and finds it there the next time. Only
 * the first network namespace has it. Loop thread only. */
#ifndef TAPLOSS_COLLECTOR_SOURCE_DROP_MONITOR_H
#define TAPLOSS_COLLECTOR_SOURCE_DROP_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#define NETDM_FILE "netdm"	/* in the directory of netdm_mark() */
#define NETDM_PAYLOAD 64	/* of each packet, from its Ethernet header on */

struct netdm;

/* Borrowed, for the length of the call. */
struct netdm_drop {
	const char *symbol;		/* "tun_net_xmit+0x2e1/0x5d0 [tun]" */
	/* "FULL_RING"; NULL: this kernel gives none (before 5.18) */
	const char *reason;
	uint32_t in_ifindex;		/* skb_iif, in a namespace that nobody names; 0: none */
	uint32_t bytes;
	const uint8_t *payload;
	uint32_t payload_len;
};
typedef void netdm_fn(const struct netdm_drop *drop, void *arg);

/* Configures and starts it. @dir: where a killed agent would have left word; NULL: nowhere. -EPERM;
 * -ENOENT: this kernel has none, or this is not the first network namespace; -EALREADY: another
 * program monitors. @why says it in a sentence. */
int netdm_open(const char *dir, struct netdm **ret, char why[static 256]);

/* Stops it and removes the word that was left. NULL is fine; returns NULL. */
struct netdm *netdm_close(struct netdm *n);

/* Leaves word in @dir that a monitor is running for this process. */
int netdm_mark(struct netdm *n, const char *dir);

/* Stops what a killed agent left running, by its word in @dir. 0 also when there was none. */
int netdm_sweep(const char *dir);

/* Becomes readable when packets were dropped. */
int netdm_fd(const struct netdm *n);

/* Takes at most @max messages. 0, or -errno. Messages that found no room are counted, netdm_lost().
 */
int netdm_receive(struct netdm *n, unsigned int max, netdm_fn *fn, void *arg);

/* Drops, of any device, that were not told since netdm_open(): no room in the monitor's queues, no
 * room in our socket. */
int netdm_lost(struct netdm *n, uint64_t *ret_queue, uint64_t *ret_socket);

#endif
