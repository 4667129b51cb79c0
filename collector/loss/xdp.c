/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "collector/base.h"
#include "bpf/xdp.skel.h"
#include "loss_priv.h"
#include "collector/kernel/kernel_version.h"

static const char *const pin_names[XDP_PROGRAMS] = { "xdp-redirected", "xdp-failed" };

static const char *const generic[] = { "do_xdp_generic", "netif_receive_generic_xdp",
				       "bpf_prog_run_generic_xdp" };

static void xdp_bpf_destroyp(struct xdp_bpf **skel)
{
	xdp_bpf__destroy(*skel);
}

static int load(const struct loss *l, struct xdp_bpf *skel, struct ksyms *syms)
{
	struct bpf_map *const maps[] = { skel->maps.losses, skel->maps.devices, skel->maps.stats,
					 skel->maps.programs, skel->maps.bursts };
	bool found = false;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(generic); i++) {
		uint64_t from, to;

		if (ksym_range(syms, generic[i], &from, &to) < 0)
			continue;
		((uint64_t *)skel->rodata->generic_from)[i] = from;
		((uint64_t *)skel->rodata->generic_to)[i] = to;
		found = true;
	}
	skel->rodata->per_cpu_offset = l->per_cpu_offset;
	skel->rodata->cpus = (uint32_t)l->cpus;
	skel->rodata->each_counted = kernel_version_running() < RELEASE(5, 13);
	bpf_program__set_autoload(skel->progs.xdp_failed, found);
	r = loss_reuse(maps, l->maps, MAPS_SHARED);
	return r < 0 ? r : xdp_bpf__load(skel);
}

static int attach(struct loss *l, int which, const struct bpf_program *prog)
{
	int fd = bpf_program__fd(prog);

	if (fd < 0)
		return 0;	/* not loaded */
	l->xdp[which] = bpf_raw_tracepoint_open(NULL, fd);
	return l->xdp[which] < 0 ? -errno : loss_pin(l, l->xdp[which], pin_names[which]);
}

int loss_xdp_attach(struct loss *l, struct ksyms *syms, char why[static 256])
{
	_cleanup_(xdp_bpf_destroyp) struct xdp_bpf *skel = xdp_bpf__open();
	int r;

	loss_xdp_detach(l);
	loss_forget_warning();
	r = skel ? load(l, skel, syms) : -errno;
	if (r >= 0)
		r = attach(l, 0, skel->progs.xdp_redirected);
	if (r >= 0)
		r = attach(l, 1, skel->progs.xdp_failed);
	if (r >= 0)
		return 0;
	loss_xdp_detach(l);
	snprintf(why, 256, "%s%s%.150s", strerror(-r), loss_warning()[0] ? ": " : "",
		 loss_warning());
	return r;
}

void loss_xdp_detach(struct loss *l)
{
	for (int i = 0; i < XDP_PROGRAMS; i++) {
		loss_unpin_one(l, pin_names[i]);
		l->xdp[i] = close_fd(l->xdp[i]);
	}
}
