/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The drop monitor (netdm.h) as a source. It tells function, reason and the first bytes of each
 * dropped packet, and by which device it came in; never the device that dropped it, nor the
 * namespace. So a loss is given to the VM whose address stands in the frame:
 *
 *   at tun_net_xmit() and the like, tap_handle_frame() and the like:
 *       to the tap of that kind with the destination's address
 *   where the host's stack takes in what came from a guest:
 *       to the tap it came in by, if the source's address is that guest's
 *   elsewhere:
 *       on the path (TL_KIND_PATH), by either address, as the BPF programs do it
 *
 * Frames that tun.ko, tap.ko, vhost_net drop for an address that nobody or more than one has are
 * counted and nobody's. Other packets of the machine are passed over. Counts live as long as this
 * process. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "collector/alloc.h"
#include "collector/base.h"
#include "collector/loss/class.h"
#include "collector/loss/pattern.h"
#include "collector/clock.h"
#include "drop_monitor.h"
#include "source.h"

#define DRAIN 262144		/* messages in one tick; more are lost, and that is counted */
#define GULP 4096		/* messages at a time in between */

/* A place and a reason, as words. Its address in memory is the key's location, so that it never
 * changes. */
struct point {
	char *key;		/* "SITE|REASON" */
	char site[128];
	char reason[48];
	bool module;		/* a function of tun.ko, tap.ko or vhost_net */
	UT_hash_handle hh;
};

struct total {
	struct tl_loss_key key;
	struct loss_total sum;
	UT_hash_handle hh;
};

struct monitor {
	struct netdm *netdm;
	struct point *points;
	struct total *totals;
	struct source_tap *taps;
	uint32_t n_taps, epoch;
};

static int monitor_open(const struct source_options *opt, void **ret, char why[static SOURCE_WHY])
{
	struct monitor *m = calloc(1, sizeof(*m));
	int r = m ? netdm_open(opt->word_dir, &m->netdm, why) : -ENOMEM;

	if (r < 0) {
		free(m);
		return r;
	}
	/* no BPF map's, nor that of another start */
	m->epoch = 0x80000000 | ((uint32_t)(boot_ns() / NSEC_PER_MSEC) & 0x3fffffff);
	*ret = m;
	return 0;
}

static void monitor_close(void *src)
{
	struct monitor *m = src;
	struct point *p, *next_point;
	struct total *t, *next_total;

	netdm_close(m->netdm);
	HASH_ITER(hh, m->points, p, next_point) {
		HASH_DEL(m->points, p);
		free(p->key);
		free(p);
	}
	HASH_ITER(hh, m->totals, t, next_total) {
		HASH_DEL(m->totals, t);
		free(t);
	}
	free(m->taps);
	free(m);
}

static int monitor_begun(void *src, const char *dir)
{
	return netdm_mark(((struct monitor *)src)->netdm, dir);
}

static void monitor_epoch(const void *src, struct loss_epoch *ret)
{
	loss_boot(ret->boot_id);
	ret->map_id = ((const struct monitor *)src)->epoch;
}

/* Words. */

static bool of_module(const char *symbol, const char *site)
{
	return strstr(symbol, "[tun]") || strstr(symbol, "[tap]") ||
	       strstr(symbol, "[vhost_net]") || strstr(symbol, "[macvtap]") ||
	       pattern_matches("tun_*", site) || pattern_matches("tap_*", site); /* built in */
}

static struct point *new_point(const char *symbol, const char *reason)
{
	struct point *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	snprintf(p->site, sizeof(p->site), "%.*s", (int)strcspn(symbol, "+. "), symbol);
	snprintf(p->reason, sizeof(p->reason), "%s", reason);
	p->module = of_module(symbol, p->site);
	if (asprintf(&p->key, "%s|%s", symbol, reason) < 0) {
		free(p);
		return NULL;
	}
	return p;
}

static struct point *point_of(struct monitor *m, const struct netdm_drop *d)
{
	const char *reason = d->reason ? d->reason : "NONE";
	char key[256];
	struct point *p;

	snprintf(key, sizeof(key), "%s|%s", d->symbol, reason);
	HASH_FIND_STR(m->points, key, p);
	if (p)
		return p;
	p = new_point(d->symbol, reason);
	if (p)
		HASH_ADD_KEYPTR(hh, m->points, p->key, strlen(p->key), p);
	return p;
}

static void monitor_text(void *src, const struct tl_loss_key *key, struct source_text *ret)
{
	const struct point *p = (const struct point *)(uintptr_t)key->location;

	(void)src;
	ret->reason = p->reason;
	snprintf(ret->site, sizeof(ret->site), "%s", p->site);
}

/* Whose. */

static bool is_tap(const struct source_tap *t)
{
	return t->kind != TL_KIND_TUN;
}

/* The one tap of that kind with this address; NULL when there are several. @any: of either kind. */
static const struct source_tap *by_address(const struct monitor *m, const uint8_t *mac, bool tap,
					   bool any)
{
	const struct source_tap *found = NULL;

	for (uint32_t i = 0; i < m->n_taps; i++) {
		const struct source_tap *t = &m->taps[i];

		if (memcmp(t->mac, mac, sizeof(t->mac)) != 0 || (!any && is_tap(t) != tap))
			continue;
		if (found)
			return NULL;
		found = t;
	}
	return found;
}

static const struct source_tap *by_number(const struct monitor *m, uint32_t ifindex,
					  const uint8_t *source)
{
	const struct source_tap *found = by_address(m, source, false, false);

	return found && found->ifindex == ifindex ? found : NULL;
}

static void set_device(struct tl_loss_key *key, const struct source_tap *t, bool ingress)
{
	key->netns = t->netns;
	key->ifindex = t->ifindex;
	key->kind = t->kind;
	key->ingress = ingress;
}

static void set_path(struct tl_loss_key *key, const struct source_tap *t, bool to_vm)
{
	key->netns = t->netns;
	key->kind = TL_KIND_PATH;
	key->ingress = to_vm;
	memcpy(&key->task, t->mac, 4);		/* tl_path_mac() */
	memcpy(&key->queue, t->mac + 4, 2);
}

/* Where a frame is still on the tap that it came in by. */
static bool takes_in(const char *site)
{
	static const char *const sites[] = { "__netif_receive_skb*",
					     "ip_rcv_core",
					     "ip6_rcv_core",
					     "do_xdp_generic",
					     "netif_receive_generic_xdp",
					     "enqueue_to_backlog",
					     "br_handle_frame*",
					     "tun_get_user",
					     "tun_sendmsg" };

	for (size_t i = 0; i < ARRAY_SIZE(sites); i++)
		if (pattern_matches(sites[i], site))
			return true;
	return false;
}

/* At a function of the tap's own: towards the guest the address decides, of the right kind. */
static void at_tap(const struct monitor *m, const struct point *p, const struct netdm_drop *d,
		   struct tl_loss_key *key)
{
	bool tap = pattern_matches("tap_*", p->site);
	const struct source_tap *t = by_address(m, d->payload, tap, false);

	if (!t)
		return;
	set_device(key, t, tap);
	if (!tap)
		key->iif = d->in_ifindex;	/* skb_iif; a macvtap's is its own number */
}

/* False: nobody of ours. */
static bool whose(const struct monitor *m, const struct point *p, const struct netdm_drop *d,
		  struct tl_loss_key *key)
{
	const struct source_tap *t;
	bool addresses = d->payload && d->payload_len >= 12;

	if (addresses && takes_in(p->site)) {
		t = by_number(m, d->in_ifindex, d->payload + 6);
		if (t) {
			set_device(key, t, true);
			return true;
		}
	}
	if (p->module) {
		if (addresses)
			at_tap(m, p, d, key);
		return true;
	}
	if (!addresses)
		return false;
	t = by_address(m, d->payload, false, true);
	if (t) {
		set_path(key, t, true);
		key->iif = d->in_ifindex;
		return true;
	}
	t = by_address(m, d->payload + 6, false, true);
	if (t)
		set_path(key, t, false);
	return t;
}

static void on_drop(const struct netdm_drop *d, void *arg)
{
	struct tl_loss_key key = { .reason = TL_REASON_NONE, .queue = TL_QUEUE_NONE };
	struct monitor *m = arg;
	struct point *p = point_of(m, d);
	struct total *t;

	if (!p || !whose(m, p, d, &key))
		return;
	key.location = (uintptr_t)p;
	HASH_FIND(hh, m->totals, &key, sizeof(key), t);
	if (!t) {
		t = calloc(1, sizeof(*t));
		if (!t)
			return;
		t->key = key;
		t->sum.born_ns = boot_ns();
		HASH_ADD(hh, m->totals, key, sizeof(t->key), t);
	}
	t->sum.frames++;
	t->sum.segments++;	/* how many a super-frame holds is not told */
	t->sum.bytes += d->bytes;
}

/* Counting. */

static int monitor_fd(const void *src)
{
	return netdm_fd(((const struct monitor *)src)->netdm);
}

static int monitor_dispatch(void *src)
{
	struct monitor *m = src;

	return netdm_receive(m->netdm, GULP, on_drop, m);
}

static int monitor_read(void *src, loss_read_fn *fn, void *arg)
{
	struct monitor *m = src;
	struct total *t, *next;
	int r = netdm_receive(m->netdm, DRAIN, on_drop, m);

	if (r < 0)
		return r;
	HASH_ITER(hh, m->totals, t, next) {
		r = fn(&t->key, &t->sum, arg);
		if (r)
			return r;
	}
	return 0;
}

static int monitor_own(const void *src, struct source_own *ret)
{
	uint64_t queue = 0, socket = 0;
	int r = netdm_lost(((const struct monitor *)src)->netdm, &queue, &socket);

	ret->missed = queue + socket;
	return r;
}

static int monitor_watch(void *src, const struct source_tap *taps, uint32_t n)
{
	struct monitor *m = src;

	if (alloc_resize(m->taps, n) < 0)
		return -ENOMEM;
	m->n_taps = n;
	if (n)
		memcpy(m->taps, taps, n * sizeof(*taps));
	return 0;
}

static int monitor_forget(void *src, const struct tl_loss_key *key, const struct loss_total *last,
			  bool gone)
{
	struct monitor *m = src;
	struct total *t;

	(void)gone;
	HASH_FIND(hh, m->totals, key, sizeof(*key), t);
	if (!t)
		return 0;
	if (t->sum.frames != last->frames)
		return -EAGAIN;
	HASH_DEL(m->totals, t);
	free(t);
	return 0;
}

const struct source_ops source_netdm = {
	.name = "net-dm",
	.open = monitor_open,
	.close = monitor_close,
	.begun = monitor_begun,
	.epoch = monitor_epoch,
	.read = monitor_read,
	.own = monitor_own,
	.watch = monitor_watch,
	.forget = monitor_forget,
	.text = monitor_text,
	.fd = monitor_fd,
	.dispatch = monitor_dispatch,
};
