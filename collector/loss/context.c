/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "context.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/base.h"
#include "bpf/context.skel.h"
#include "loss_priv.h"

struct loss_context {
	struct context_bpf *skel;	/* NULL: not attached */
	enum loss_context_state state;
	/* attached to, or refused with: bits as of loss_modules() */
	unsigned int modules;
	uint64_t nameless, moved_ns;	/* moved_ns 0: never moved while we looked */
	char why[256];
};

static void clear_slot(const struct loss *l)
{
	uint32_t slot = TL_SLOT_CONTEXT;

	bpf_map_delete_elem(l->maps[MAP_PROGRAMS], &slot);
}

static void detach(struct loss *l)
{
	clear_slot(l);
	context_bpf__destroy(l->context->skel);
	l->context->skel = NULL;
	l->context->state = LOSS_CONTEXT_IDLE;
}

void loss_context_close(struct loss *l)
{
	if (!l->context)
		return;
	detach(l);
	free(l->context);
	l->context = NULL;
}

/* What to load for one of the two ways, and where its links go. */
struct probe {
	struct bpf_program *prog;
	struct bpf_link **link;
	unsigned int module;
	bool kprobe;
};

#define PROBES 8

static void list_probes(struct context_bpf *skel, struct probe ret[static PROBES])
{
	const struct probe all[PROBES] = {
		{ skel->progs.tun_leave, &skel->links.tun_leave, 1, false },
		{ skel->progs.tun_enter, &skel->links.tun_enter, 1, false },
		{ skel->progs.tap_leave, &skel->links.tap_leave, 2, false },
		{ skel->progs.tap_enter, &skel->links.tap_enter, 2, false },
		{ skel->progs.tun_leave_probe, &skel->links.tun_leave_probe, 1, true },
		{ skel->progs.tun_enter_probe, &skel->links.tun_enter_probe, 1, true },
		{ skel->progs.tap_leave_probe, &skel->links.tap_leave_probe, 2, true },
		{ skel->progs.tap_enter_probe, &skel->links.tap_enter_probe, 2, true },
	};

	memcpy(ret, all, sizeof(all));
}

static int load(const struct loss *l, struct context_bpf *skel,
		const struct probe probes[static PROBES], unsigned int modules, bool kprobe)
{
	struct bpf_map *const maps[] = { skel->maps.losses, skel->maps.devices, skel->maps.stats,
					 skel->maps.programs, skel->maps.bursts };
	int r;

	skel->rodata->own_fields = l->own_fields;
	skel->rodata->per_cpu_offset = l->per_cpu_offset;
	skel->rodata->cpus = (uint32_t)l->cpus;
	skel->rodata->pidns_dev = loss_pidns().dev;
	skel->rodata->pidns_ino = loss_pidns().ino;
	bpf_program__set_autoload(skel->progs.context_reason, l->reasons);
	bpf_program__set_autoload(skel->progs.context_noreason, !l->reasons);
	for (int i = 0; i < PROBES; i++)
		bpf_program__set_autoload(probes[i].prog, (probes[i].module & modules) &&
								  probes[i].kprobe == kprobe);
	r = loss_reuse(maps, l->maps, MAPS_SHARED);
	return r < 0 ? r : context_bpf__load(skel);
}

static void context_bpf_destroyp(struct context_bpf **skel)
{
	context_bpf__destroy(*skel);
}

static int attach_by(struct loss *l, unsigned int modules, bool kprobe)
{
	_cleanup_(context_bpf_destroyp) struct context_bpf *skel = context_bpf__open();
	struct probe probes[PROBES];
	int r;

	if (!skel)
		return -errno;
	list_probes(skel, probes);
	r = load(l, skel, probes, modules, kprobe);
	for (int i = 0; i < PROBES && r >= 0; i++) {
		if (!(probes[i].module & modules) || probes[i].kprobe != kprobe)
			continue;
		*probes[i].link = bpf_program__attach(probes[i].prog);
		r = *probes[i].link ? 0 : -errno;
	}
	if (r >= 0)
		r = loss_set_slot(l, TL_SLOT_CONTEXT,
				  l->reasons ? skel->progs.context_reason
					     : skel->progs.context_noreason);
	if (r >= 0)
		l->context->skel = TAKE_PTR(skel);
	return r;
}

static void attach(struct loss *l, unsigned int modules)
{
	struct loss_context *c = l->context;
	int r;

	c->modules = modules;
	loss_forget_warning();
	/* Not fentry first: to take that away the kernel waits for every task to sleep once
	 * (synchronize_rcu_tasks()), and a vhost worker at a ring that is stuck never does,
	 * from 6.4 on: a guest could hold us as long as it likes. */
	r = attach_by(l, modules, true);
	c->state = LOSS_CONTEXT_KPROBE;
	if (r < 0) {
		r = attach_by(l, modules, false);
		c->state = LOSS_CONTEXT_FENTRY;
	}
	if (r >= 0)
		return;
	c->state = LOSS_CONTEXT_REFUSED;
	snprintf(c->why, sizeof(c->why), "neither kprobe nor fentry at tun_sendmsg: %s%s%.150s",
		 strerror(-r), loss_warning()[0] ? ": " : "", loss_warning());
}

static bool wanted(const struct loss_context *c, enum loss_context_mode mode, uint64_t now_ns)
{
	if (mode == LOSS_CONTEXT_AUTO)
		return c->moved_ns && now_ns - c->moved_ns < LOSS_CONTEXT_QUIET_NS;
	return mode == LOSS_CONTEXT_ON;
}

enum loss_context_state loss_context(struct loss *l, enum loss_context_mode mode, uint64_t nameless,
				     uint64_t now_ns, char why[static 256])
{
	struct loss_context *c = l->context;
	unsigned int modules = loss_modules(l);

	why[0] = '\0';
	if (!c) {
		clear_slot(l);		/* an agent that was killed may have left its own there */
		c = l->context = calloc(1, sizeof(*c));
		if (!c)
			return LOSS_CONTEXT_IDLE;
		c->nameless = nameless;
	}
	if (nameless != c->nameless)
		c->moved_ns = now_ns;
	c->nameless = nameless;
	if (c->state != LOSS_CONTEXT_IDLE && (!wanted(c, mode, now_ns) || modules != c->modules))
		detach(l);
	if (c->state == LOSS_CONTEXT_IDLE && modules && wanted(c, mode, now_ns))
		attach(l, modules);
	if (c->state == LOSS_CONTEXT_REFUSED)
		snprintf(why, 256, "%s", c->why);
	return c->state;
}
