/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The second object: on the maps of the first, reached through its program array. It is loaded when
 * types of tun.ko or tap.ko are there to be read, and again when another of the two modules has
 * come. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/base.h"
#include "bpf/sock.skel.h"
#include "collector/kernel/kernel_btf.h"
#include "loss_priv.h"

static const struct {
	const char *name, *type;
} modules[] = { { "tun", "tun_file" }, { "tap", "tap_queue" } };

void loss_sock_init(struct loss *l, const struct btf *vmlinux)
{
	l->own_fields = kernel_btf_own_fields(vmlinux);
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		if (btf__find_by_name_kind(vmlinux, modules[i].type, BTF_KIND_STRUCT) > 0)
			l->builtin |= 1U << i;
}

/* Which modules have something at DIR/NAME? */
static unsigned int modules_in(const char *dir)
{
	unsigned int found = 0;
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, modules[i].name);
		if (access(path, F_OK) == 0)
			found |= 1U << i;
	}
	return found;
}

unsigned int loss_modules(const struct loss *l)
{
	return l->builtin | modules_in("/sys/module");
}

static void sock_bpf_destroyp(struct sock_bpf **skel)
{
	sock_bpf__destroy(*skel);
}

static int load(const struct loss *l)
{
	_cleanup_(sock_bpf_destroyp) struct sock_bpf *skel = sock_bpf__open();
	int r;

	if (!skel)
		return -errno;
	struct bpf_map *const maps[] = { skel->maps.losses, skel->maps.devices, skel->maps.stats,
					 skel->maps.programs, skel->maps.bursts };

	skel->rodata->own_fields = l->own_fields;
	skel->rodata->per_cpu_offset = l->per_cpu_offset;
	skel->rodata->cpus = (uint32_t)l->cpus;
	skel->rodata->pidns_dev = loss_pidns().dev;
	skel->rodata->pidns_ino = loss_pidns().ino;
	bpf_program__set_autoload(skel->progs.sock_reason, l->reasons);
	bpf_program__set_autoload(skel->progs.tapq_reason, l->reasons);
	bpf_program__set_autoload(skel->progs.sock_noreason, !l->reasons);
	bpf_program__set_autoload(skel->progs.tapq_noreason, !l->reasons);
	r = loss_reuse(maps, l->maps, MAPS_SHARED);
	if (r >= 0)
		r = sock_bpf__load(skel);
	if (r >= 0)
		r = loss_set_slot(l, TL_SLOT_SOCK,
				  l->reasons ? skel->progs.sock_reason : skel->progs.sock_noreason);
	if (r >= 0)
		r = loss_set_slot(l, TL_SLOT_TAPQ,
				  l->reasons ? skel->progs.tapq_reason : skel->progs.tapq_noreason);
	return r;
}

bool loss_sockets_known(struct loss *l, char why[static 256])
{
	unsigned int shown = l->builtin | modules_in("/sys/kernel/btf"),
		     blind = loss_modules(l) & ~shown;
	unsigned int there = l->own_fields ? shown | blind : shown;

	why[0] = '\0';
	if (there != l->tried) {
		/* also when one has gone: it may come back as another build */
		loss_forget_warning();
		l->sock_error = there ? load(l) : 0;
		l->known = l->sock_error < 0 ? 0 : there;
		l->tried = there;
	}
	if (l->sock_error == -EPERM)
		snprintf(why, 256,
			 "the types of tun.ko and tap.ko need CAP_SYS_ADMIN: queues of macvtap and "
			 "of guests' own frames are not known");
	else if (l->sock_error < 0)
		snprintf(why, 256,
			 "queues of macvtap and of guests' own frames are not known: %s%s%.120s",
			 strerror(-l->sock_error), loss_warning()[0] ? ": " : "", loss_warning());
	else if (blind)
		snprintf(why, 256,
			 "the kernel shows no types of its module %s: their usual layout is read, "
			 "and checked",
			 modules[blind & 1 ? 0 : 1].name);
	return l->sock_error >= 0 && l->known == there;
}
