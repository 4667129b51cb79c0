/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qdisc.h"

#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdbool.h>
#include <string.h>

#include "collector/base.h"

struct qdiscs {
	/* NULL after a failure: the rest of an answer would pass for the next one */
	struct nl_sock *sk;
};

struct answer {
	uint32_t ifindex;
	struct qdisc_counts counts;
	bool found, over;
};

int qdiscs_new(struct qdiscs **ret)
{
	struct qdiscs *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	*ret = q;
	return 0;
}

struct qdiscs *qdiscs_free(struct qdiscs *q)
{
	if (!q)
		return NULL;
	nl_socket_free(q->sk);
	free(q);
	return NULL;
}

static int on_qdisc(struct nl_msg *msg, void *arg)
{
	struct answer *a = arg;
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct tcmsg *tc = nlmsg_data(h);
	struct nlattr *tb[TCA_MAX + 1], *stats[TCA_STATS_MAX + 1];
	struct gnet_stats_queue queue = { 0 };

	if (h->nlmsg_type != RTM_NEWQDISC || (uint32_t)tc->tcm_ifindex != a->ifindex ||
	    tc->tcm_parent != TC_H_ROOT)
		return NL_OK;
	if (nlmsg_parse(h, sizeof(*tc), tb, TCA_MAX, NULL) < 0 || !tb[TCA_STATS2] ||
	    nla_parse_nested(stats, TCA_STATS_MAX, tb[TCA_STATS2], NULL) < 0 ||
	    !stats[TCA_STATS_QUEUE])
		return NL_OK;
	memcpy(&queue, nla_data(stats[TCA_STATS_QUEUE]),
	       (size_t)nla_len(stats[TCA_STATS_QUEUE]) < sizeof(queue)
		       ? (size_t)nla_len(stats[TCA_STATS_QUEUE])
		       : sizeof(queue));
	a->counts = (struct qdisc_counts){ .dropped = queue.drops, .waiting = queue.qlen };
	a->found = true;
	return NL_OK;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct answer *a = arg;

	(void)msg;
	a->over = true;
	return NL_STOP;
}

/* The kernel answers such a request as it tells of a change: whoever watches, and with NLM_F_ECHO
 * the one who asked. */
static int request(struct qdiscs *q, struct answer *a)
{
	struct tcmsg body = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)a->ifindex,
		.tcm_parent = TC_H_ROOT,
	};
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int r;

	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_qdisc, a);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, a);
	r = nl_send_simple(q->sk, RTM_GETQDISC, NLM_F_ECHO | NLM_F_ACK, &body, sizeof(body));
	while (r >= 0 && !a->over)
		r = nl_recvmsgs(q->sk, cb);
	nl_cb_put(cb);
	return r;
}

static struct nl_sock *connect_one(void)
{
	struct nl_sock *sk = nl_socket_alloc();

	if (sk && nl_connect(sk, NETLINK_ROUTE) < 0) {
		nl_socket_free(sk);
		return NULL;
	}
	return sk;
}

int qdisc_read(struct qdiscs *q, uint32_t ifindex, struct qdisc_counts *ret)
{
	struct answer a = { .ifindex = ifindex };
	int r;

	if (!q->sk)
		q->sk = connect_one();
	if (!q->sk)
		return -EIO;
	r = request(q, &a);
	if (r >= 0 && a.found)
		*ret = a.counts;
	/* the kernel's whole answer */
	if (r >= 0 || r == -NLE_OBJ_NOTFOUND || r == -NLE_NODEV)
		return a.found ? 0 : -ENOENT;
	nl_socket_free(q->sk);
	q->sk = NULL;
	return -EIO;
}
