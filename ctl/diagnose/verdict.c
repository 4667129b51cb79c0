/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"

#define BUSY_PCT 70	/* of its time a thread runs: it does nothing else */

static bool is(const char *a, const char *b)
{
	return a && !strcmp(a, b);
}

static bool class_is(const struct evidence *e, const char *class)
{
	return is(e->series->class, class);
}

static bool place_is(const struct evidence *e, const char *way)
{
	return e->series->place && !strncmp(e->series->place, way, strlen(way)) &&
	       e->series->place[strlen(way)] == ' ';
}

static bool lifecycle(const struct evidence *e)
{
	return is(e->series->kind, "lifecycle");
}

static bool ring(const struct evidence *e)
{
	return evidence_ring(e->series);
}

/* Of the time that the bursts took, the share for which threads of @g waited for a processor: above
 * 1 when several did. */
static double waited(const struct evidence *e, enum group g)
{
	return e->pressure && e->lost_ns ? (double)e->wait_ns[g] / (double)e->lost_ns : 0;
}

static bool vhost(const struct evidence *e)
{
	return is(e->backend, "vhost");
}

static int halted(const struct evidence *e)
{
	return ring(e) && e->shape == SHAPE_HALTED ? CONFIDENCE_HIGH : -1;
}

/* Broadcasts that a NIC without a driver gets: few, and none is ever read. */
static int unused(const struct evidence *e)
{
	if (!ring(e) || e->shape != SHAPE_UNREAD || e->delivered)
		return -1;
	return e->usual_rate < 100 ? CONFIDENCE_MEDIUM : -1;
}

static int dead(const struct evidence *e)
{
	if (!ring(e) || e->shape != SHAPE_UNREAD)
		return -1;
	return e->delivered ? CONFIDENCE_MEDIUM : CONFIDENCE_HIGH;
}

/* What stops a whole VM stops its vCPUs: of threads that waited for about as long as these, it is
 * these. */
static bool more_starved(const struct evidence *e, enum group a, enum group b)
{
	double as = a == GROUP_VCPU ? 4.0 / 3 : 1, bs = b == GROUP_VCPU ? 4.0 / 3 : 1;

	return waited(e, a) * as > waited(e, b) * bs;
}

/* Loss that goes on is starving only when the threads waited for longer than they ran: whoever has
 * too much to do waits, too. */
static int starved(const struct evidence *e, enum group g)
{
	double share = waited(e, g);
	bool stall = e->shape == SHAPE_STALL && share >= 0.4,
	     steady = e->shape == SHAPE_STEADY && share >= 0.1 && e->wait_ns[g] > e->run_ns[g];

	if (!ring(e) || (!stall && !steady))
		return -1;
	for (int k = 0; k < GROUPS; k++)
		if (k != (int)g && (more_starved(e, k, g) || (steady && e->run_pct[k] >= BUSY_PCT)))
			return -1;	/* that one holds it up */
	return share >= 0.7 && e->shape == SHAPE_STALL ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
}

static int vcpu_starved(const struct evidence *e)
{
	return starved(e, GROUP_VCPU);
}

static int vhost_starved(const struct evidence *e)
{
	return starved(e, GROUP_VHOST);
}

static int emulator_starved(const struct evidence *e)
{
	return vhost(e) ? -1 : starved(e, GROUP_EMULATOR);
}

static int neighbour(const struct evidence *e)
{
	if (!ring(e) || !e->sender_is_vm || e->sender_pct < 70 ||
	    (e->shape != SHAPE_STEADY && e->shape != SHAPE_FLOOD))
		return -1;
	return e->sender_pct >= 90 ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
}

/* One flow has one queue, also when nobody runs to read it. */
static int one_queue(const struct evidence *e)
{
	if (!ring(e) || e->queues < 2 || e->queue_pct < 85 || e->shape != SHAPE_STEADY)
		return -1;
	if (vcpu_starved(e) >= 0 || vhost_starved(e) >= 0 || emulator_starved(e) >= 0)
		return -1;
	return e->queue_pct >= 95 && !e->sender_is_vm ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
}

static int short_ring(const struct evidence *e)
{
	if (!ring(e) || e->shape != SHAPE_FLOOD)
		return -1;
	return e->bursts && e->longest_ns < 500 * NSEC_PER_MSEC && e->ring_frames > 0
		       ? CONFIDENCE_HIGH
		       : CONFIDENCE_MEDIUM;
}

static int too_slow(const struct evidence *e)
{
	double busy = 0;

	if (!ring(e) || e->shape != SHAPE_STEADY)
		return -1;
	for (int g = 0; g < GROUPS; g++)
		busy = e->run_pct[g] > busy ? e->run_pct[g] : busy;
	if (!e->pressure)
		return CONFIDENCE_LOW;
	return busy >= BUSY_PCT ? CONFIDENCE_HIGH : busy >= 40 ? CONFIDENCE_MEDIUM : -1;
}

/* It had the processor, did not use it, and did not take what came. */
static int no_buffers(const struct evidence *e)
{
	if (!ring(e) || e->shape != SHAPE_STALL || !e->pressure || waited(e, GROUP_VCPU) >= 0.2 ||
	    waited(e, GROUP_EMULATOR) >= 0.2 || waited(e, GROUP_VHOST) >= 0.2)
		return -1;
	if (vhost(e) && !e->threads[GROUP_VHOST])
		/* who reads the ring is not known, so neither is whether it could */
		return -1;
	return e->run_pct[GROUP_VCPU] < 70 ? CONFIDENCE_LOW : -1;
}

static int overrun(const struct evidence *e)
{
	return class_is(e, "OVERRUN") ? CONFIDENCE_MEDIUM : -1;
}

static int bad_header(const struct evidence *e)
{
	return class_is(e, "VIRTNET_HDR") ? CONFIDENCE_HIGH : -1;
}

static int gso(const struct evidence *e)
{
	return class_is(e, "GSO") || class_is(e, "CHECKSUM") ? CONFIDENCE_HIGH : -1;
}

static int mtu(const struct evidence *e)
{
	if (class_is(e, "MTU") || place_is(e, "mtu"))
		return CONFIDENCE_HIGH;
	return -1;
}

static int backlog(const struct evidence *e)
{
	return is(e->series->reason, "CPU_BACKLOG") || place_is(e, "backlog") ? CONFIDENCE_HIGH
									      : -1;
}

static int cap(const struct evidence *e)
{
	if (class_is(e, "TC") || place_is(e, "tc"))
		return CONFIDENCE_HIGH;
	return (class_is(e, "QDISC") || place_is(e, "qdisc")) && !lifecycle(e) && !ring(e)
		       ? CONFIDENCE_MEDIUM
		       : -1;
}

static int filter(const struct evidence *e)
{
	return class_is(e, "FILTER") || class_is(e, "NETFILTER") || class_is(e, "XDP") ||
			       place_is(e, "netfilter") || place_is(e, "xdp") ||
			       place_is(e, "openvswitch")
		       ? CONFIDENCE_HIGH
		       : -1;
}

static int not_ready(const struct evidence *e)
{
	return class_is(e, "DEV_READY") ||
			       ((class_is(e, "QDISC") || place_is(e, "qdisc")) && lifecycle(e))
		       ? CONFIDENCE_HIGH
		       : -1;
}

static int copy(const struct evidence *e)
{
	return class_is(e, "SKB_COPY_DATA") || class_is(e, "HDR_TRUNC") ? CONFIDENCE_HIGH : -1;
}

static int memory(const struct evidence *e)
{
	return class_is(e, "NOMEM") ? CONFIDENCE_HIGH : -1;
}

static int capture(const struct evidence *e)
{
	return class_is(e, "CAPTURE") ? CONFIDENCE_HIGH : -1;
}

static int flooded(const struct evidence *e)
{
	return class_is(e, "OTHER") || place_is(e, "other") || place_is(e, "bridge") ||
			       place_is(e, "macvlan") || place_is(e, "route")
		       ? CONFIDENCE_MEDIUM
		       : -1;
}

static int anything(const struct evidence *e)
{
	(void)e;
	return CONFIDENCE_LOW;
}

const struct verdict_rule verdict_rules[] = {
	{ "vm-halted", "the VM was paused, migrating or starting", true, halted, NULL, NULL, NULL,
	  "tun_net_xmit() fills the ring while nobody reads it" },
	{ "nic-unused", "the guest does not use this NIC: the network's broadcasts fill its ring",
	  true, unused, NULL, "<link state='down'/> in the <interface> that is not needed",
	  "ip link show: is the NIC up, does it have a driver?", "virtio_net, tun_net_xmit()" },
	{ "queue-dead", "nothing is read: the guest's driver, or the queue, hangs", false, dead,
	  NULL, NULL, "dmesg, ip -s link; set the NIC down and up, or load its driver again",
	  "virtio-win 402, 416; cloud-hypervisor 2807" },
	{ "noisy-neighbour", "another VM floods this one", false, neighbour, NULL,
	  "<bandwidth><inbound .../><outbound .../></bandwidth> in the sender's <interface>", NULL,
	  "libvirt bandwidth" },
	{ "queue-saturated", "one of several queues takes most of the frames", false, one_queue,
	  NULL, "<driver queues='N'/>: as many as vCPUs",
	  "ethtool -l; are the queues' interrupts on different vCPUs, is it one flow?",
	  "tun_automq_select_queue(): a flow has one queue" },
	{ "vhost-starved", "the vhost worker did not get a processor", false, vhost_starved,
	  "taskset -acp CPUS PID-OF-THE-VHOST-WORKER (not the vCPUs' CPUs)",
	  "<cputune><emulatorpin cpuset='CPUS'/></cputune>", NULL,
	  "vhost_worker(); vhost inherits the emulator's cgroup" },
	{ "emulator-starved", "the VMM's own thread, which reads this tap, did not get a processor",
	  false, emulator_starved, NULL,
	  "<cputune><emulatorpin cpuset='CPUS'/></cputune>, or <driver name='vhost'/>", NULL,
	  "libvirt cputune" },
	{ "vcpu-starved", "the guest's vCPUs did not get a processor", false, vcpu_starved,
	  "virsh vcpupin DOMAIN VCPU CPUS; fewer vCPUs on these CPUs",
	  "<cputune><vcpupin vcpu='N' cpuset='CPUS'/></cputune>", "steal time in vmstat or top",
	  "Red Hat OpenStack: networking guide, vCPU interference" },
	{ "ring-too-short", "the ring is too short for the bursts that come", false, short_ring,
	  "ip link set dev NIC txqueuelen RING", NULL, NULL,
	  "tun_net_xmit(): the ring has txqueuelen places" },
	{ "guest-too-slow",
	  "the guest takes less than what comes, all the time: a longer ring does not help", false,
	  too_slow, NULL, "<driver name='vhost' queues='N'/>: as many as vCPUs; more vCPUs",
	  "top: is a CPU busy with softirq? ethtool -l", "Red Hat performance guide, multi-queue" },
	{ "guest-buffers",
	  "the guest had the processor and did not take frames: its receive buffers", false,
	  no_buffers, NULL, "<driver rx_queue_size='1024'/>",
	  "ethtool -g; on Windows NetKVM's MinRxBufferPercent",
	  "QEMU rx_queue_size; virtio-win 1012" },
	{ "guest-overrun",
	  "the guest's receive buffers are shorter than the frame, or not where they should be",
	  false, overrun, NULL, NULL, "the driver's version; MTU and mergeable buffers (mrg_rxbuf)",
	  "tun_do_read(), tap_do_read()" },
	{ "bad-header", "the guest's driver sends bad virtio-net headers", false, bad_header, NULL,
	  "<driver><host csum='off' gso='off' tso4='off' tso6='off' ecn='off' ufo='off'/></driver> "
	  "until then",
	  "update the virtio-net driver", "virtio specification 5.1.6.2; virtio-win 1630" },
	{ "gso-misfit",
	  "segmentation: a large frame that this device cannot take and nobody could cut", false,
	  gso, "ethtool -K BRIDGE-OR-NIC tso off gro off lro off",
	  "<driver><guest tso4='on' tso6='on'/></driver>", "ethtool -k",
	  "validate_xmit_skb(), tap_handle_frame()" },
	{ "mtu-misfit", "frames are larger than the next device takes", false, mtu,
	  "ip link set dev DEVICE mtu MTU: the same on guest, tap, bridge and uplink",
	  "<mtu size='MTU'/>", "ip link show: the guest's MTU", "is_skb_forwardable()" },
	{ "host-backlog", "a CPU of the host cannot take in what arrives", false, backlog,
	  "sysctl net.core.netdev_max_backlog=10000; spread interrupts (RPS)", NULL, NULL,
	  "enqueue_to_backlog()" },
	{ "qos-cap", "a queueing discipline or policer holds it to a rate", false, cap,
	  "tc -s qdisc show dev DEVICE; virsh domiftune DOMAIN NIC",
	  "<bandwidth> of the <interface>", NULL, "policy, when it was meant so" },
	{ "filtered", "a filter refuses it", false, filter,
	  "nft list ruleset; bridge link; tc filter show dev DEVICE",
	  "<filterref> of the <interface>", NULL, "policy, when it was meant so" },
	{ "not-ready",
	  "the device was down, or its queue not attached: starting, stopping, a queue that the "
	  "guest switched off",
	  true, not_ready, "ip link set dev NIC up", NULL, "ip link show, ethtool -l",
	  "tun_net_xmit(), tun_get_user()" },
	{ "copy-fault", "the VMM gave memory that cannot be read", false, copy, NULL, NULL,
	  "the driver, the VMM's version", "tun_get_user(), skb_copy_datagram_from_iter()" },
	{ "no-memory", "the host is short of memory for packets", false, memory,
	  "free; sysctl vm.min_free_kbytes", NULL, NULL, "tun_net_xmit()" },
	{ "capture", "a packet capture on the host was too slow: nothing of the guest's is lost",
	  true, capture, "capture with larger buffers", NULL, NULL, "tpacket_rcv()" },
	{ "unwanted",
	  "frames that nobody wants: flooded by a bridge, or of a protocol that the host does not "
	  "speak",
	  true, flooded, "bridge fdb show br BRIDGE; bridge link set dev NIC flood off", NULL, NULL,
	  "netif_receive_skb()" },
	{ "undecided", "the evidence does not decide", false, anything, NULL, NULL, NULL,
	  "taplossctl bursts, timeline --by queue,class" },
};
const unsigned int verdict_n_rules = ARRAY_SIZE(verdict_rules);

void verdict_of(const struct evidence *e, struct verdict *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(verdict_rules); i++) {
		int confidence = verdict_rules[i].fits(e);

		if (confidence < 0)
			continue;
		*ret = (struct verdict){ &verdict_rules[i], (enum confidence)confidence };
		return;
	}
}

uint64_t verdict_ring(const struct evidence *e)
{
	uint64_t need = e->ring_frames > 0 ? (uint64_t)e->ring_frames + e->most_frames : 0,
		 ring_frames = 1000;

	while (need && ring_frames < need)
		ring_frames *= 2;
	return need ? ring_frames : 0;
}

char *verdict_fix(const char *text, const char *nic, uint64_t ring)
{
	char *fix = NULL;
	size_t size;
	FILE *f = open_memstream(&fix, &size);

	if (!f)
		abort();
	while (*text) {
		if (!strncmp(text, "NIC ", 4) || !strcmp(text, "NIC")) {
			fputs(nic ? nic : "NIC", f);
			text += 3;
		} else if (!strcmp(text, "RING") && ring) {
			fprintf(f, "%llu", (unsigned long long)ring);
			text += 4;
		} else {
			putc(*text++, f);
		}
	}
	if (fclose(f))
		abort();
	return fix;
}
