/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices of a capture: their rings, in whatever namespace, and the blocks that describe them.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "collector/base.h"
#include "capture_priv.h"
#include "pcapng.h"

uint64_t capture_clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

void capture_write_interface(struct capture *c, const struct input *in)
{
	const struct pcapng_interface i = {
		.name = in->name,
		.description = in->description,
		.filter = c->o.filter,
		.linktype = in->linktype,
		.snaplen = c->o.snaplen,
		.speed = in->speed,
	};

	sink_put(c->sink, pcapng_interface(sink_room(c->sink, 4096), &i));
}

static int refuse(int error, const char *device, char why[static 256])
{
	switch (error) {
	case -EPERM:
	case -EACCES:
		snprintf(why, 256, "capturing needs CAP_NET_RAW; run taplossctl as root");
		break;
	case -ENODEV:
		snprintf(why, 256, "there is no network device \"%.60s\" here", device);
		break;
	case -ENOMEM:
		snprintf(why, 256,
			 "%.60s: the kernel has no memory for this ring; take fewer blocks",
			 device);
		break;
	default:
		snprintf(why, 256, "%.60s: %s", device, strerror(-error));
	}
	return error;
}

static uint64_t speed_of(const char *device)
{
	char path[96];
	long long mbit = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%.20s/speed", device);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%lld", &mbit) != 1 || mbit < 0)
		mbit = 0;
	fclose(f);
	return (uint64_t)mbit * 1000000;
}

static int linktype_of(uint16_t hardware, uint16_t *ret)
{
	if (hardware == ARPHRD_ETHER || hardware == ARPHRD_LOOPBACK)
		*ret = 1;	/* LINKTYPE_ETHERNET */
	else if (hardware == ARPHRD_NONE)
		*ret = 101;	/* LINKTYPE_RAW: a tun */
	else
		return -EAFNOSUPPORT;
	return 0;
}

static int add_ring(struct capture *c, struct input *in, const struct rx_ring_options *po)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.ptr = in };
	int r = rx_ring_open(in->ifindex, po, &in->ring);

	if (r < 0)
		return r;
	r = linktype_of(rx_ring_hardware(in->ring), &in->linktype);
	if (r >= 0 && epoll_ctl(c->epoll, EPOLL_CTL_ADD, rx_ring_fd(in->ring), &ev) < 0)
		r = -errno;
	if (r < 0) {
		in->ring = rx_ring_free(in->ring);
		return r;
	}
	in->from_ns = capture_clock_ns();
	capture_write_interface(c, in);
	c->n++;
	return 0;
}

static bool is_of(const struct input *in, uint32_t netns, uint32_t ifindex)
{
	return in->netns == netns && in->ifindex == ifindex;
}

static bool has_open(const struct capture *c, const struct capture_device *d)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (c->inputs[i].ring && !c->inputs[i].leaving &&
		    is_of(&c->inputs[i], d->netns, d->ifindex))
			return true;
	return false;
}

bool capture_has(const struct capture *c, uint32_t netns, uint32_t ifindex)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (is_of(&c->inputs[i], netns, ifindex))
			return true;
	return false;
}

static void describe(const struct capture *c, const struct capture_device *d, unsigned int member,
		     struct input *ret)
{
	const char *whose = d->description ? d->description : "";

	*ret = (struct input){
		.netns = d->netns,
		.ifindex = d->ifindex,
		.number = c->n,
		.queue = -1,
		/* /sys shows our namespace */
		.speed = d->netns_fd < 0 ? speed_of(d->name) : 0,
	};
	snprintf(ret->name, sizeof(ret->name), "%s", d->name);
	snprintf(ret->description, sizeof(ret->description), "%s", whose);
	if (c->o.members > 1)
		snprintf(ret->description, sizeof(ret->description), "%.200s%sring %u of %u", whose,
			 *whose ? ", " : "", member, c->o.members);
	if (c->o.fanout == PACKET_FANOUT_QM)
		ret->queue = (int)member;
}

/* What is the same for all devices is made with the first of them. */
static int prepare(struct capture *c, const char *device, char why[static 256])
{
	int r;

	if (c->filtered)
		return 0;
	r = filter_compile(device, c->o.filter, c->o.snaplen, &c->filter, why);
	if (r < 0)
		return r == -EINVAL ? r : refuse(r, device, why);
	c->filtered = true;
	if (!c->o.fanout_program)
		return 0;
	c->fanout_program = bpf_obj_get(c->o.fanout_program);
	if (c->fanout_program >= 0)
		return 0;
	r = -errno;
	snprintf(why, 256, "the program pinned at %.150s: %s", c->o.fanout_program, strerror(-r));
	return r;
}

/* In the device's own namespace. */
static int add_rings(struct capture *c, const struct capture_device *d, char why[static 256])
{
	int group = -1, r = 0;
	struct rx_ring_options po = {
		.shape = c->o.shape,
		.ignore_outgoing = c->o.ignore_outgoing,
		.device_time = c->o.device_time,
		.copy_threshold = c->o.copy_threshold,
		.fanout = c->o.fanout,
		.fanout_group = &group,
	};

	if (if_nametoindex(d->name) != d->ifindex)
		return refuse(-ENODEV, d->name, why);
	r = prepare(c, d->name, why);
	if (r < 0)
		return r;
	po.fanout_program = c->fanout_program;
	po.filter = c->filter.code;
	po.filter_length = c->filter.length;
	for (unsigned int m = 0; m < c->o.members && r >= 0; m++) {
		if (c->n == MAX_INPUTS)
			return refuse(-ENOSPC, d->name, why);
		describe(c, d, m, &c->inputs[c->n]);
		r = add_ring(c, &c->inputs[c->n], &po);
	}
	if (r < 0)
		return refuse(r, d->name, why);
	if (c->o.device_time && !rx_ring_stamps(d->name))
		snprintf(why, 256,
			 "%.60s does not stamp frames itself: their times are the kernel's",
			 d->name);
	return 0;
}

int capture_add(struct capture *c, const struct capture_device *d, char why[static 256])
{
	_cleanup_(close_fdp) int home = -1;
	int r;

	if (!d->ifindex)
		return refuse(-ENODEV, d->name, why);
	if (has_open(c, d))
		return -EALREADY;
	if (d->netns_fd < 0)
		return add_rings(c, d, why);
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0 || setns(d->netns_fd, CLONE_NEWNET) < 0) {
		r = -errno;
		snprintf(why, 256,
			 "%.60s: entering its network namespace needs CAP_SYS_ADMIN; run "
			 "taplossctl as root",
			 d->name);
		return r == -EPERM ? r : refuse(r, d->name, why);
	}
	r = add_rings(c, d, why);
	if (setns(home, CLONE_NEWNET) < 0)
		/* in a namespace that is not ours nothing would be right any more */
		abort();
	return r;
}

void capture_write_note(struct capture *c, const struct input *in, const char *text)
{
	sink_put(c->sink,
		 pcapng_note(sink_room(c->sink, 4096), in->number, capture_clock_ns(), text));
}

int capture_note(struct capture *c, uint32_t netns, uint32_t ifindex, const char *text)
{
	for (uint32_t i = c->n; i--;) {
		struct input *in = &c->inputs[i];

		if (!is_of(in, netns, ifindex) ||
		    (i && c->inputs[i - 1].ring && is_of(&c->inputs[i - 1], netns, ifindex)))
			continue;	/* of a fanout's rings the first */
		if (in->ring)
			return pending_comments_add(&in->notes, text);
		capture_write_note(c, in, text);
		return 0;
	}
	return -ENOENT;
}
