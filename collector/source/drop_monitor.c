/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drop_monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/genetlink.h>
#include <linux/net_dropmon.h>
#include <linux/sock_diag.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "collector/base.h"
#include "collector/loss/loss.h"

#define QUEUE_LEN 16384			/* packets a CPU keeps for us */
#define DEFAULT_QUEUE_LEN 1000
#define EVENT_BUFFER (64 << 20)
#define BATCH 64
#define MESSAGE 1024			/* one message fits */

struct netdm {
	struct nl_sock *control, *events;
	int family;
	bool started;
	char mark[PATH_MAX];		/* "": nobody was told */
	uint64_t queue_lost;		/* what the queues had lost when we began */
	unsigned char (*buffers)[MESSAGE];
};

static int to_errno(int nl)
{
	switch (-nl) {
	case 0:
		return 0;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_BUSY:
	case NLE_AGAIN:
		return -EALREADY;
	case NLE_OBJ_NOTFOUND:
	case NLE_OPNOTSUPP:
		return -ENOENT;
	case NLE_NOMEM:
		return -ENOMEM;
	default:
		return nl < 0 ? -EIO : 0;
	}
}

static struct nl_msg *message(const struct netdm *n, int cmd)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg)
		genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, n->family, 0, NLM_F_ACK, (uint8_t)cmd,
			    2);
	return msg;
}

static int switch_to(struct netdm *n, int cmd)
{
	struct nl_msg *msg = message(n, cmd);

	if (!msg)
		return -ENOMEM;
	nla_put_flag(msg, NET_DM_ATTR_SW_DROPS);
	return to_errno(nl_send_sync(n->control, msg));	/* frees it */
}

static int configure(struct netdm *n, uint8_t mode, uint32_t payload, uint32_t queue)
{
	struct nl_msg *msg = message(n, NET_DM_CMD_CONFIG);

	if (!msg)
		return -ENOMEM;
	nla_put_u8(msg, NET_DM_ATTR_ALERT_MODE, mode);
	nla_put_u32(msg, NET_DM_ATTR_TRUNC_LEN, payload);
	nla_put_u32(msg, NET_DM_ATTR_QUEUE_LEN, queue);
	return to_errno(nl_send_sync(n->control, msg));
}

/* Sockets. */

static void netdm_freep(struct netdm **n)
{
	if (!*n)
		return;
	nl_socket_free((*n)->events);
	nl_socket_free((*n)->control);
	free((*n)->buffers);
	free(*n);
}

static int connect_control(struct netdm *n)
{
	n->control = nl_socket_alloc();
	if (!n->control)
		return -ENOMEM;
	if (genl_connect(n->control) < 0)
		return -EIO;
	n->family = genl_ctrl_resolve(n->control, "NET_DM");	/* loads drop_monitor.ko, too */
	return n->family < 0 ? -ENOENT : 0;
}

static int connect_events(struct netdm *n)
{
	int group = genl_ctrl_resolve_grp(n->control, "NET_DM", "events"), size = EVENT_BUFFER;

	n->events = nl_socket_alloc();
	n->buffers = malloc(BATCH * sizeof(*n->buffers));
	if (!n->events || !n->buffers)
		return -ENOMEM;
	if (group < 0 || genl_connect(n->events) < 0 || nl_socket_set_nonblocking(n->events) < 0)
		return -ENOENT;
	if (setsockopt(nl_socket_get_fd(n->events), SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)) < 0)
		return -errno;
	/* CAP_SYS_ADMIN since 6.7 and its backports */
	return to_errno(nl_socket_add_membership(n->events, group));
}

/* The word that is left: "PID BOOT". */

static void mark_path(const char *dir, char ret[static PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%s/" NETDM_FILE, dir);
}

static bool is_agent(int pid)
{
	char path[64], comm[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(comm, sizeof(comm), f))
		comm[0] = '\0';
	fclose(f);
	return !strncmp(comm, "taplossd", 8);
}

/* Is a monitor running for an agent that is no more? */
static bool left_over(const char *dir)
{
	char path[PATH_MAX], boot[37], now[37];
	int pid = 0, n = 0;
	FILE *f;

	mark_path(dir, path);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fscanf(f, "%d %36s", &pid, boot);
	fclose(f);
	loss_boot(now);
	return n == 2 && !strcmp(boot, now) && (pid == (int)getpid() || !is_agent(pid));
}

static void sweep(struct netdm *n, const char *dir)
{
	char path[PATH_MAX];

	if (!dir || !left_over(dir))
		return;
	switch_to(n, NET_DM_CMD_STOP);
	mark_path(dir, path);
	unlink(path);
}

int netdm_sweep(const char *dir)
{
	_cleanup_(netdm_freep) struct netdm *n = NULL;
	int r;

	if (!left_over(dir))
		return 0;
	n = calloc(1, sizeof(*n));
	r = n ? connect_control(n) : -ENOMEM;
	if (r < 0)
		return r;
	sweep(n, dir);
	return 0;
}

int netdm_mark(struct netdm *n, const char *dir)
{
	char boot[37];
	int fd;

	mark_path(dir, n->mark);
	loss_boot(boot);
	fd = open(n->mark, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -errno;
	dprintf(fd, "%d %s\n", (int)getpid(), boot);
	close(fd);
	return 0;
}

/* Opening, closing. */

static int report(int error, char why[static 256])
{
	switch (error) {
	case -EPERM:
		snprintf(why, 256,
			 "the drop monitor (NET_DM) needs CAP_NET_ADMIN and CAP_SYS_ADMIN; run "
			 "taplossd as root");
		break;
	case -ENOENT:
		snprintf(why, 256,
			 "this kernel has no drop monitor (NET_DM, drop_monitor.ko) here; only the "
			 "first network namespace has it");
		break;
	case -EALREADY:
		snprintf(why, 256,
			 "another program monitors drops (NET_DM), and only one can; stop it "
			 "(dropwatch, perf net_dropmonitor)");
		break;
	default:
		snprintf(why, 256, "the drop monitor (NET_DM): %s", strerror(-error));
	}
	return error;
}

static int start(struct netdm *n, const char *dir)
{
	uint64_t socket;
	int r = connect_control(n);

	if (r >= 0)
		r = connect_events(n);
	if (r < 0)
		return r;
	sweep(n, dir);
	r = configure(n, NET_DM_ALERT_MODE_PACKET, NETDM_PAYLOAD, QUEUE_LEN);
	if (r >= 0)
		r = netdm_lost(n, &n->queue_lost, &socket);
	if (r >= 0)
		r = switch_to(n, NET_DM_CMD_START);
	n->started = r >= 0;
	return r;
}

int netdm_open(const char *dir, struct netdm **ret, char why[static 256])
{
	_cleanup_(netdm_freep) struct netdm *n = calloc(1, sizeof(*n));
	int r = n ? start(n, dir) : -ENOMEM;

	if (r < 0)
		return report(r, why);
	*ret = TAKE_PTR(n);
	return 0;
}

struct netdm *netdm_close(struct netdm *n)
{
	if (!n)
		return NULL;
	if (n->started && switch_to(n, NET_DM_CMD_STOP) == 0)
		/* as it was for whoever comes next */
		configure(n, NET_DM_ALERT_MODE_SUMMARY, 0, DEFAULT_QUEUE_LEN);
	if (n->mark[0])
		unlink(n->mark);
	netdm_freep(&n);
	return NULL;
}

int netdm_fd(const struct netdm *n)
{
	return nl_socket_get_fd(n->events);
}

/* Messages. */

/* NET_DM_ATTR_PORT_NETDEV_IFINDEX is attribute 0, which nla_parse() passes over. */
static void read_port(struct nlattr *at, struct netdm_drop *drop)
{
	struct nlattr *first = nla_data(at);

	if (nla_ok(first, nla_len(at)) && nla_type(first) == NET_DM_ATTR_PORT_NETDEV_IFINDEX &&
	    nla_len(first) >= (int)sizeof(uint32_t))
		drop->in_ifindex = nla_get_u32(first);
}

static void take(struct nlmsghdr *h, netdm_fn *fn, void *arg)
{
	struct nlattr *tb[NET_DM_ATTR_MAX + 1];
	struct netdm_drop drop = { 0 };

	if (h->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN ||
	    ((struct genlmsghdr *)nlmsg_data(h))->cmd != NET_DM_CMD_PACKET_ALERT ||
	    genlmsg_parse(h, 0, tb, NET_DM_ATTR_MAX, NULL) < 0 || !tb[NET_DM_ATTR_SYMBOL])
		return;
	drop.symbol = nla_get_string(tb[NET_DM_ATTR_SYMBOL]);
	drop.reason = tb[NET_DM_ATTR_REASON] ? nla_get_string(tb[NET_DM_ATTR_REASON]) : NULL;
	if (tb[NET_DM_ATTR_IN_PORT])
		read_port(tb[NET_DM_ATTR_IN_PORT], &drop);
	if (tb[NET_DM_ATTR_ORIG_LEN])
		drop.bytes = nla_get_u32(tb[NET_DM_ATTR_ORIG_LEN]);
	if (tb[NET_DM_ATTR_PAYLOAD]) {
		drop.payload = nla_data(tb[NET_DM_ATTR_PAYLOAD]);
		drop.payload_len = (uint32_t)nla_len(tb[NET_DM_ATTR_PAYLOAD]);
		if (!tb[NET_DM_ATTR_ORIG_LEN])
			drop.bytes = drop.payload_len;	/* all of it */
	}
	fn(&drop, arg);
}

int netdm_receive(struct netdm *n, unsigned int max, netdm_fn *fn, void *arg)
{
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	unsigned int done = 0;

	for (unsigned int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ n->buffers[i], MESSAGE };
		msgs[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iov[i], .msg_iovlen = 1 } };
	}
	while (done < max) {
		int got = recvmmsg(netdm_fd(n), msgs, BATCH, MSG_DONTWAIT, NULL);

		if (got < 0 && errno == ENOBUFS)
			continue;	/* said once, counted by the socket */
		if (got < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		for (int i = 0; i < got; i++) {
			struct nlmsghdr *h = (struct nlmsghdr *)(void *)n->buffers[i];

			if (nlmsg_ok(h, (int)msgs[i].msg_len))
				take(h, fn, arg);
		}
		done += (unsigned int)got;
	}
	return 0;
}

/* What was lost. */

static int on_stats(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[NET_DM_ATTR_MAX + 1], *at;
	uint64_t *dropped = arg;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, tb, NET_DM_ATTR_MAX, NULL) < 0 ||
	    !tb[NET_DM_ATTR_STATS])
		return NL_OK;
	at = nla_data(tb[NET_DM_ATTR_STATS]);	/* NET_DM_ATTR_STATS_DROPPED is attribute 0 */
	if (nla_ok(at, nla_len(tb[NET_DM_ATTR_STATS])) && nla_len(at) >= (int)sizeof(uint64_t))
		memcpy(dropped, nla_data(at), sizeof(*dropped));
	return NL_OK;
}

static int queue_lost(struct netdm *n, uint64_t *ret)
{
	struct nl_msg *msg = message(n, NET_DM_CMD_STATS_GET);
	int r;

	if (!msg)
		return -ENOMEM;
	nl_socket_modify_cb(n->control, NL_CB_VALID, NL_CB_CUSTOM, on_stats, ret);
	r = nl_send_auto(n->control, msg);
	nlmsg_free(msg);
	if (r >= 0)
		r = nl_recvmsgs_default(n->control);	/* the statistics */
	if (r >= 0)
		r = nl_wait_for_ack(n->control);
	return to_errno(r);
}

int netdm_lost(struct netdm *n, uint64_t *ret_queue, uint64_t *ret_socket)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);
	uint64_t queue = 0;
	int r = queue_lost(n, &queue);

	if (r < 0)
		return r;
	*ret_queue = queue - n->queue_lost;
	*ret_socket = getsockopt(netdm_fd(n), SOL_SOCKET, SO_MEMINFO, info, &len) < 0
			      ? 0
			      : info[SK_MEMINFO_DROPS];
	return 0;
}
