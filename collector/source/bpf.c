/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The BPF counters (loss.h) as a source, with the names of this kernel's reasons and functions. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "collector/kernel/ksym.h"
#include "collector/kernel/reason.h"
#include "source.h"

struct bpf {
	struct loss *loss;
	struct reasons *reasons;	/* NULL: they have no names */
	struct ksyms *syms;
};

static void find_names(struct bpf *b, char why[static SOURCE_WHY])
{
	char what[160] = "";
	int r = reasons_new(&b->reasons);

	if (r < 0)
		snprintf(what, sizeof(what), "drop reasons have no names on this kernel: %s; ",
			 strerror(-r));
	r = ksyms_new(&b->syms);
	if (r < 0)
		snprintf(why, SOURCE_WHY,
			 "%skernel functions have no names: %s; give CAP_SYSLOG and set "
			 "kernel.kptr_restrict below 2",
			 what, strerror(-r));
	else
		snprintf(why, SOURCE_WHY, "%.*s", (int)strcspn(what, ";"), what);
}

static int bpf_open(const struct source_options *opt, void **ret, char why[static SOURCE_WHY])
{
	struct bpf *b = calloc(1, sizeof(*b));
	int r = b ? loss_open(&(struct loss_options){ .pin_dir = opt->pin_dir,
						      .max_keys = opt->max_keys },
			      &b->loss, why)
		  : -ENOMEM;

	if (r < 0) {
		free(b);
		return r;
	}
	find_names(b, why);
	*ret = b;
	return 0;
}

static void bpf_close(void *src)
{
	struct bpf *b = src;

	loss_close(b->loss);
	reasons_free(b->reasons);
	ksyms_free(b->syms);
	free(b);
}

static struct loss *bpf_loss(void *src)
{
	return ((struct bpf *)src)->loss;
}

static void bpf_epoch(const void *src, struct loss_epoch *ret)
{
	loss_epoch(((const struct bpf *)src)->loss, ret);
}

static bool bpf_inherited(const void *src)
{
	return loss_inherited(((const struct bpf *)src)->loss);
}

static bool bpf_was_attached(const void *src)
{
	return loss_was_attached(((const struct bpf *)src)->loss);
}

static unsigned int bpf_reasons(const void *src)
{
	const struct bpf *b = src;

	return loss_has_reasons(b->loss) ? reasons_count(b->reasons) : 0;
}

static bool bpf_functions(const void *src)
{
	return ((const struct bpf *)src)->syms;
}

static struct ksyms *bpf_syms(void *src)
{
	return ((struct bpf *)src)->syms;
}

static int bpf_read(void *src, loss_read_fn *fn, void *arg)
{
	return loss_read(bpf_loss(src), fn, arg);
}

static int bpf_bursts(void *src, unsigned int max, loss_burst_fn *fn, void *arg)
{
	return loss_bursts(bpf_loss(src), max, fn, arg);
}

static void bpf_bursts_taken(void *src)
{
	loss_bursts_taken(bpf_loss(src));
}

static void bpf_bursts_from(void *src, uint64_t boot_ns, bool all)
{
	loss_bursts_from(bpf_loss(src), boot_ns, all);
}

static int bpf_own(const void *src, struct source_own *ret)
{
	const struct bpf *b = src;
	uint64_t stats[TL_STAT_MAX];
	int r = loss_stats(b->loss, stats);

	if (r >= 0)
		r = loss_missed(b->loss, &ret->missed);
	if (r < 0)
		return r;
	ret->uncounted = stats[TL_STAT_UNCOUNTED_FRAMES];
	ret->unlisted = stats[TL_STAT_UNLISTED_FRAMES];
	return 0;
}

static int bpf_device(const void *src, uint32_t netns, uint32_t ifindex, struct tl_device *ret)
{
	return loss_device(((const struct bpf *)src)->loss, netns, ifindex, ret);
}

static int bpf_watch(void *src, const struct source_tap *taps, uint32_t n)
{
	_cleanup_(freep) uint8_t (*macs)[6] = calloc(n ? n : 1, sizeof(*macs));

	if (!macs)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		memcpy(macs[i], taps[i].mac, sizeof(macs[i]));
	return loss_watch_macs(bpf_loss(src), (const uint8_t (*)[6])macs, n);
}

static int bpf_forget(void *src, const struct tl_loss_key *key, const struct loss_total *last,
		      bool gone)
{
	return loss_forget(bpf_loss(src), key, last, gone);
}

/* enum xdp_action, as far as a program's answer can be an exception. */
static const char *action_name(uint32_t act)
{
	static const char *const names[] = { "XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX",
					     "XDP_REDIRECT" };

	return act < ARRAY_SIZE(names) ? names[act] : "XDP_INVALID";
}

/* Frames that were no skbs have no address and no reason: what the kernel did instead. */
static void xdp_text(const struct tl_loss_key *key, struct source_text *ret)
{
	const char *error = strerrorname_np((int)key->reason);

	snprintf(ret->site, sizeof(ret->site), "%s",
		 key->location == TL_PLACE_XDP_FAILED ? "tun_xdp_act" : "tun_xdp_xmit");
	if (key->location == TL_PLACE_XDP_FAILED)
		ret->reason = action_name(key->reason);
	else
		ret->reason = key->location == TL_PLACE_XDP_REFUSED && error ? error : "NONE";
	/* tun_xdp_xmit() stops at the first frame without room, and counts that one */
	ret->silent = key->location == TL_PLACE_XDP_REST;
}

static void bpf_text(void *src, const struct tl_loss_key *key, struct source_text *ret)
{
	struct bpf *b = src;
	struct ksym sym;

	if (key->location <= TL_PLACE_XDP_FAILED) {
		xdp_text(key, ret);
		return;
	}
	snprintf(ret->site, sizeof(ret->site), "%s", ksym_site(b->syms, key->location, &sym));
	ret->reason = reason_name(b->reasons, key->reason);
}

const struct source_ops source_bpf = {
	.name = "bpf",
	.open = bpf_open,
	.close = bpf_close,
	.loss = bpf_loss,
	.epoch = bpf_epoch,
	.inherited = bpf_inherited,
	.was_attached = bpf_was_attached,
	.reasons = bpf_reasons,
	.functions = bpf_functions,
	.syms = bpf_syms,
	.read = bpf_read,
	.bursts = bpf_bursts,
	.bursts_taken = bpf_bursts_taken,
	.bursts_from = bpf_bursts_from,
	.own = bpf_own,
	.device = bpf_device,
	.watch = bpf_watch,
	.forget = bpf_forget,
	.text = bpf_text,
};
