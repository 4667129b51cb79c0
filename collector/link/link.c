/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "collector/base.h"
#include "name.h"
#include "collector/kernel/kernel_version.h"

#define EVENT_BUFFER (4 << 20)		/* a thousand taps may come at once */
#define REQUEST_BUFFER (1 << 20)
#define MAX_DUMPS 8			/* of links that keep changing meanwhile */

struct links {
	struct nl_sock *events;
	/* NULL after a failure: the rest of an answer would pass for the next one */
	struct nl_sock *requests;
	int own_ns;			/* the way back from a foreign namespace */
	uint32_t netns;
	/* of all devices here: what a bridge or a lower device is called */
	struct linknames *names;
};

/* What one message means, while it is taken apart. */
struct reading {
	uint32_t netns;
	struct linknames *names;
	link_event_fn *on_link;
	link_stats_fn *on_stats;
	void *arg;
};

static uint64_t inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_ino;
}

/* Sockets. */

/* Past net.core.rmem_max (208 KiB by default, a hundred events) where we may. */
static int set_buffer(struct nl_sock *sk, int size)
{
	if (setsockopt(nl_socket_get_fd(sk), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == 0)
		return 0;
	return nl_socket_set_buffer_size(sk, size, 0);
}

static struct nl_sock *socket_of(int buffer, bool events)
{
	struct nl_sock *sk = nl_socket_alloc();

	if (!sk)
		return NULL;
	if (nl_connect(sk, NETLINK_ROUTE) < 0 || set_buffer(sk, buffer) < 0 ||
	    (events && (nl_socket_add_membership(sk, RTNLGRP_LINK) < 0 ||
			nl_socket_set_nonblocking(sk) < 0))) {
		nl_socket_free(sk);
		return NULL;
	}
	nl_socket_set_msg_buf_size(sk, 65536);
	return sk;
}

static int to_errno(int nl)
{
	switch (-nl) {
	case NLE_NOMEM:		/* what libnl makes of ENOBUFS, too */
		return -ENOBUFS;
	case NLE_PERM:
		return -EPERM;
	case NLE_AGAIN:
		return -EAGAIN;
	case NLE_INTR:
	case NLE_DUMP_INTR:
		return -EINTR;
	default:
		return nl < 0 ? -EIO : 0;
	}
}

struct links *links_free(struct links *l)
{
	if (!l)
		return NULL;
	nl_socket_free(l->events);
	nl_socket_free(l->requests);
	close_fd(l->own_ns);
	linknames_free(l->names);
	free(l);
	return NULL;
}

static void links_freep(struct links **l)
{
	*l = links_free(*l);
}

int links_new(struct links **ret)
{
	_cleanup_(links_freep) struct links *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->own_ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (l->own_ns < 0)
		return -errno;
	l->netns = (uint32_t)inode(l->own_ns);
	l->events = socket_of(EVENT_BUFFER, true);
	l->requests = socket_of(REQUEST_BUFFER, false);
	if (!l->events || !l->requests)
		return -EIO;
	r = linknames_new(&l->names);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(l);
	return 0;
}

uint32_t links_netns(const struct links *l)
{
	return l->netns;
}

int links_fd(const struct links *l)
{
	return nl_socket_get_fd(l->events);
}

/* Messages. */

static uint8_t kind_of(const char *kind)
{
	if (!strcmp(kind, "tun"))
		return TL_KIND_TUN;
	if (!strcmp(kind, "macvtap"))
		return TL_KIND_MACVTAP;
	return strcmp(kind, "ipvtap") ? TL_KIND_NONE : TL_KIND_IPVTAP;
}

static void read_tun(struct nlattr *data, struct link_info *info)
{
	struct nlattr *tb[IFLA_TUN_MAX + 1];

	if (!data || nla_parse_nested(tb, IFLA_TUN_MAX, data, NULL) < 0)
		return;
	if (tb[IFLA_TUN_TYPE])
		info->l3 = nla_get_u8(tb[IFLA_TUN_TYPE]) == IFF_TUN;
	if (tb[IFLA_TUN_PERSIST])
		info->persist = nla_get_u8(tb[IFLA_TUN_PERSIST]);
	if (tb[IFLA_TUN_MULTI_QUEUE])
		info->multi_queue = nla_get_u8(tb[IFLA_TUN_MULTI_QUEUE]);
	if (tb[IFLA_TUN_NUM_QUEUES])	/* only said of multi-queue devices */
		info->queues = (uint16_t)nla_get_u32(tb[IFLA_TUN_NUM_QUEUES]);
	else
		info->queues = 1;
	if (tb[IFLA_TUN_NUM_DISABLED_QUEUES])
		info->queues_disabled = (uint16_t)nla_get_u32(tb[IFLA_TUN_NUM_DISABLED_QUEUES]);
}

/* 497a5757ce4e (5.11) took them from a tap's statistics. */
bool links_frame_errors(void)
{
	static unsigned int running;	/* asked for each device of each dump */

	if (!running)
		running = kernel_version_running();
	return running < RELEASE(5, 11);
}

static void read_counters(struct nlattr *at, struct link_counters *c)
{
	struct rtnl_link_stats64 s = { 0 };
	int len = nla_len(at);

	memcpy(&s, nla_data(at), len < (int)sizeof(s) ? (size_t)len : sizeof(s));
	*c = (struct link_counters){
		s.rx_packets, s.rx_bytes,   s.tx_packets,
		s.tx_bytes,   s.rx_dropped, s.tx_dropped,
		s.rx_errors,  s.tx_errors,  links_frame_errors() ? s.rx_frame_errors : LINK_UNREAD,
		LINK_UNREAD
	};
}

static void read_relatives(const struct reading *rd, struct nlattr **tb, struct link_info *info)
{
	if (tb[IFLA_MASTER])
		linknames_get(rd->names, nla_get_u32(tb[IFLA_MASTER]), info->bridge);
	/* With IFLA_LINK_NETNSID the number below is one of another namespace. */
	if (tb[IFLA_LINK] && info->kind != TL_KIND_TUN && !tb[IFLA_LINK_NETNSID])
		linknames_get(rd->names, nla_get_u32(tb[IFLA_LINK]), info->lower);
}

static bool read_link(const struct reading *rd, struct nlmsghdr *h, struct link_info *info)
{
	struct nlattr *tb[IFLA_MAX + 1], *li[IFLA_INFO_MAX + 1];
	struct ifinfomsg *ifi = nlmsg_data(h);

	*info = (struct link_info){
		.netns = rd->netns,
		.ifindex = (uint32_t)ifi->ifi_index,
		.up = ifi->ifi_flags & IFF_UP,
	};
	if (nlmsg_parse(h, sizeof(*ifi), tb, IFLA_MAX, NULL) < 0 || !tb[IFLA_IFNAME])
		return false;
	nla_strlcpy(info->name, tb[IFLA_IFNAME], sizeof(info->name));
	linknames_put(rd->names, info->ifindex, info->name,
		      tb[IFLA_MASTER] ? nla_get_u32(tb[IFLA_MASTER]) : 0);
	if (!tb[IFLA_LINKINFO] ||
	    nla_parse_nested(li, IFLA_INFO_MAX, tb[IFLA_LINKINFO], NULL) < 0 || !li[IFLA_INFO_KIND])
		return false;
	info->kind = kind_of(nla_get_string(li[IFLA_INFO_KIND]));
	if (!info->kind)
		return false;
	if (info->kind == TL_KIND_TUN)
		read_tun(li[IFLA_INFO_DATA], info);
	info->carrier = tb[IFLA_CARRIER] && nla_get_u8(tb[IFLA_CARRIER]);
	if (tb[IFLA_TXQLEN])
		info->ring_frames = nla_get_u32(tb[IFLA_TXQLEN]);
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == sizeof(info->mac))
		memcpy(info->mac, nla_data(tb[IFLA_ADDRESS]), sizeof(info->mac));
	if (tb[IFLA_STATS64])
		read_counters(tb[IFLA_STATS64], &info->counters);
	read_relatives(rd, tb, info);
	return true;
}

static void read_stats(const struct reading *rd, struct nlmsghdr *h)
{
	struct nlattr *tb[IFLA_STATS_MAX + 1];
	struct if_stats_msg *ifsm = nlmsg_data(h);
	struct link_counters c;

	if (nlmsg_parse(h, sizeof(*ifsm), tb, IFLA_STATS_MAX, NULL) < 0 || !tb[IFLA_STATS_LINK_64])
		return;
	read_counters(tb[IFLA_STATS_LINK_64], &c);
	rd->on_stats(ifsm->ifindex, &c, rd->arg);
}

static int on_message(struct nl_msg *msg, void *arg)
{
	const struct reading *rd = arg;
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct link_info info;

	if (h->nlmsg_type == RTM_NEWSTATS && rd->on_stats) {
		read_stats(rd, h);
		return NL_OK;
	}
	if (h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK)
		return NL_OK;
	/* A bridge tells of its ports in a family of its own: a port that left is not a device that
	 * went. */
	if (((struct ifinfomsg *)nlmsg_data(h))->ifi_family != AF_UNSPEC)
		return NL_OK;
	if (read_link(rd, h, &info) && rd->on_link)
		rd->on_link(&info, h->nlmsg_type == RTM_DELLINK, rd->arg);
	if (h->nlmsg_type == RTM_DELLINK)
		linknames_drop(rd->names, info.ifindex);
	return NL_OK;
}

/* Requests. */

/* Events have sequence numbers of whoever caused them. */
static int any_sequence(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK;
}

static int receive(struct nl_sock *sk, struct reading *rd)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int r;

	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, rd);
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, any_sequence, NULL);
	r = nl_recvmsgs(sk, cb);
	nl_cb_put(cb);
	return to_errno(r);
}

static int dump(struct nl_sock *sk, struct reading *rd, int type, const void *body, size_t len)
{
	int r = nl_send_simple(sk, type, NLM_F_DUMP, (void *)body, len);

	return r < 0 ? to_errno(r) : receive(sk, rd);
}

/* @counters: whether they are wanted as well; without them the kernel has half the work. */
static int dump_links(struct nl_sock *sk, struct reading *rd, bool counters)
{
	struct {
		struct ifinfomsg ifi;
		struct nlattr at;
		uint32_t mask;
	} body = {
		.ifi = { .ifi_family = AF_UNSPEC },
		.at = { .nla_len = NLA_HDRLEN + sizeof(uint32_t), .nla_type = IFLA_EXT_MASK },
		.mask = counters ? 0 : RTEXT_FILTER_SKIP_STATS,
	};
	int r = -EINTR;

	/* A dump that something changed under is done again: a link may be missing in it. Of what
	 * goes on changing the events tell. */
	for (int i = 0; i < MAX_DUMPS && r == -EINTR; i++)
		r = dump(sk, rd, RTM_GETLINK, &body, sizeof(body));
	return r == -EINTR ? 0 : r;
}

static int dump_stats(struct nl_sock *sk, struct reading *rd)
{
	struct if_stats_msg body = { .filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64) };
	int r = dump(sk, rd, RTM_GETSTATS, &body, sizeof(body));

	return r == -EINTR ? 0 : r;	/* what is missing comes with the next tick */
}

int links_dispatch(struct links *l, link_event_fn *fn, void *arg)
{
	struct reading rd = { .netns = l->netns, .names = l->names, .on_link = fn, .arg = arg };
	int r;

	do {
		r = receive(l->events, &rd);
	} while (r >= 0);
	return r == -EAGAIN ? 0 : r;
}

/* Twice: in the first pass a port may come before its bridge. */
static int dump_named(struct nl_sock *sk, struct reading *rd)
{
	link_event_fn *fn = rd->on_link;
	int r;

	rd->on_link = NULL;
	r = dump_links(sk, rd, false);
	rd->on_link = fn;
	return r < 0 ? r : dump_links(sk, rd, true);
}

typedef int dump_fn(struct nl_sock *sk, struct reading *rd);

static int dump_here(struct links *l, struct reading *rd, dump_fn *fn)
{
	int r;

	if (!l->requests)
		l->requests = socket_of(REQUEST_BUFFER, false);
	if (!l->requests)
		return -EIO;
	r = fn(l->requests, rd);
	if (r < 0) {
		nl_socket_free(l->requests);
		l->requests = NULL;
	}
	return r;
}

int links_dump(struct links *l, link_event_fn *fn, void *arg)
{
	struct reading rd = { .netns = l->netns, .names = l->names, .on_link = fn, .arg = arg };

	return dump_here(l, &rd, dump_named);
}

int links_stats(struct links *l, link_stats_fn *fn, void *arg)
{
	struct reading rd = { .netns = l->netns, .names = l->names, .on_stats = fn, .arg = arg };

	return dump_here(l, &rd, dump_stats);
}

void links_place(const struct links *l, uint32_t ifindex, struct link_place *ret)
{
	uint32_t master = linknames_master(l->names, ifindex);

	linknames_get(l->names, ifindex, ret->name);
	linknames_get(l->names, master, ret->master);
}

/* Foreign namespaces. */

/* Makes a request socket in the namespace of @pid; it stays usable after the thread is back in its
 * own. */
static int socket_in(const struct links *l, int pid, struct nl_sock **ret, uint32_t *ret_netns)
{
	_cleanup_(close_fdp) int ns = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	*ret_netns = (uint32_t)inode(ns);
	if (setns(ns, CLONE_NEWNET) < 0)
		return -errno;
	*ret = socket_of(REQUEST_BUFFER, false);
	if (setns(l->own_ns, CLONE_NEWNET) < 0)
		/* nothing that this thread does from here on would be where it should be */
		abort();
	return *ret ? 0 : -EIO;
}

int links_dump_netns(struct links *l, int pid, uint32_t *ret_netns, link_event_fn *fn, void *arg)
{
	struct reading rd = { .on_link = fn, .arg = arg };
	struct nl_sock *sk = NULL;
	int r = linknames_new(&rd.names);

	if (r < 0)
		return r;
	r = socket_in(l, pid, &sk, &rd.netns);
	if (r >= 0)
		r = dump_named(sk, &rd);
	if (r >= 0)
		*ret_netns = rd.netns;
	nl_socket_free(sk);
	linknames_free(rd.names);
	return r;
}

int links_stats_netns(struct links *l, int pid, link_stats_fn *fn, void *arg)
{
	struct reading rd = { .on_stats = fn, .arg = arg };
	struct nl_sock *sk = NULL;
	int r = socket_in(l, pid, &sk, &rd.netns);

	if (r >= 0)
		r = dump_stats(sk, &rd);
	nl_socket_free(sk);
	return r;
}
