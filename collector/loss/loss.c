/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loss.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "collector/base.h"
#include "bpf/loss.skel.h"
#include "collector/kernel/kernel_btf.h"
#include "loss_priv.h"

static const struct {
	const char *name;
	uint32_t type, key_size, value_size;
} map_specs[MAP_COUNT] = {
	[MAP_LOSSES] = { "losses", BPF_MAP_TYPE_PERCPU_HASH, sizeof(struct tl_loss_key),
			 sizeof(struct tl_loss_count) },
	[MAP_DEVICES] = { "devices", BPF_MAP_TYPE_HASH, sizeof(struct tl_device_key),
			  sizeof(struct tl_device) },
	[MAP_STATS] = { "stats", BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(uint32_t), sizeof(uint64_t) },
	[MAP_PROGRAMS] = { "programs", BPF_MAP_TYPE_PROG_ARRAY, sizeof(uint32_t),
			   sizeof(uint32_t) },
	[MAP_BURSTS] = { "bursts", BPF_MAP_TYPE_RINGBUF, 0, 0 },
	[MAP_MACS] = { "macs", BPF_MAP_TYPE_HASH, sizeof(struct tl_mac), sizeof(uint8_t) },
	[MAP_MAC_FILTER] = { "mac_filter", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t),
			     sizeof(struct tl_mac_filter) },
};

/* Describes @error of @what in @why. Returns what the caller shall return. */
static int report(int error, char why[static 256], const char *what)
{
	if (error == -EPERM || error == -EACCES) {
		snprintf(why, 256,
			 "%s needs CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN; run taplossd as root or "
			 "from its systemd unit",
			 what);
		return -EPERM;
	}
	snprintf(why, 256, "%s: %s%s%.150s", what, strerror(-error),
		 loss_warning()[0] ? ": " : "", loss_warning());
	return error;
}

static int look_at_kernel(struct loss *l)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int r;

	if (!btf)
		return -ENOENT;
	r = kernel_btf_reasons(btf);
	l->reasons = r > 0;
	l->refusals = l->reasons && kernel_btf_qdisc_drop(btf);
	loss_sock_init(l, btf);
	btf__free(btf);
	return r < 0 ? r : 0;
}

/* The link first: what it feeds may go only after it. */
static void unpin_all(struct loss *l)
{
	loss_unpin_one(l, "link");
	loss_unpin_one(l, "program");
	loss_qdisc_drop(l);
	for (int i = 0; i < MAP_COUNT; i++)
		loss_unpin_one(l, map_specs[i].name);
}

static int pin_maps(const struct loss *l)
{
	for (int i = 0; i < MAP_COUNT; i++) {
		int r = loss_pin(l, l->maps[i], map_specs[i].name);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Taking over. */

static int check_layout(int fd, int which)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	if (info.type != map_specs[which].type || info.key_size != map_specs[which].key_size ||
	    info.value_size != map_specs[which].value_size)
		return -EPROTO;
	return 0;
}

static void close_maps(struct loss *l)
{
	for (int i = 0; i < MAP_COUNT; i++)
		l->maps[i] = close_fd(l->maps[i]);
}

/* All maps of an earlier agent (1) or none (0): an agent that died before it had pinned them all
 * had not attached yet. */
static int take_over_maps(struct loss *l)
{
	for (int i = 0; i < MAP_COUNT; i++) {
		int r;

		l->maps[i] = loss_open_pinned(l, map_specs[i].name);
		r = l->maps[i] < 0 ? l->maps[i] : check_layout(l->maps[i], i);
		if (r < 0) {
			close_maps(l);
			return r == -ENOENT ? 0 : r;
		}
	}
	return 1;
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) < 0 ? 0 : info.id;
}

static int program_info(int fd, struct bpf_prog_info *ret)
{
	uint32_t len = sizeof(*ret);

	return bpf_obj_get_info_by_fd(fd, ret, &len) < 0 ? -errno : 0;
}

/* The program behind a link. It is pinned beside the link because going by its number takes
 * CAP_SYS_ADMIN. */
static int program_of(const struct loss *l, int link)
{
	struct bpf_link_info info = { 0 };
	struct bpf_prog_info prog = { 0 };
	uint32_t len = sizeof(info);
	_cleanup_(close_fdp) int fd = loss_open_pinned(l, "program");

	if (link < 0 || bpf_obj_get_info_by_fd(link, &info, &len) < 0)
		return -ENOENT;
	if (fd >= 0 && program_info(fd, &prog) == 0 && prog.id == info.prog_id)
		return TAKE_FD(fd);
	return bpf_prog_get_fd_by_id(info.prog_id);
}

/* Does @prog count into our map? */
static bool feeds_us(const struct loss *l, int prog)
{
	uint32_t ids[16] = { 0 }, ours = map_id(l->maps[MAP_LOSSES]);
	struct bpf_prog_info info = { .nr_map_ids = ARRAY_SIZE(ids), .map_ids = (uintptr_t)ids };

	if (prog < 0 || program_info(prog, &info) < 0)
		return false;
	for (uint32_t i = 0; i < info.nr_map_ids && i < ARRAY_SIZE(ids); i++)
		if (ids[i] == ours)
			return true;
	return false;
}

/* Takes over what is pinned and whole, sweeps away what is not. */
static int inherit(struct loss *l)
{
	int r = take_over_maps(l);

	if (r < 0)
		return r;
	l->inherited = r;
	if (!l->inherited) {
		unpin_all(l);
		return 0;
	}
	l->link = loss_open_pinned(l, "link");
	l->prog = program_of(l, l->link);
	l->attached = feeds_us(l, l->prog);
	return 0;
}

/* Loading, attaching. */

/* Kernels with CONFIG_KALLSYMS_ALL say where data lie, too, to who may see it. */
static uint64_t address_of(const char *symbol)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long long at = 0, found = 0;
	char line[256], name[128];

	while (f && !found && fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %*c %127s", &at, name) == 2 && !strcmp(name, symbol))
			found = at;
	if (f)
		fclose(f);
	return found;
}

/* Loads the main program and makes the maps, or uses those at hand. */
static int load(struct loss *l, struct loss_bpf *skel, uint32_t max_keys)
{
	struct bpf_map *const maps[MAP_COUNT] = { skel->maps.losses,	skel->maps.devices,
						  skel->maps.stats,	skel->maps.programs,
						  skel->maps.bursts,	skel->maps.macs,
						  skel->maps.mac_filter };
	int r;

	skel->rodata->per_cpu_offset = l->per_cpu_offset;
	skel->rodata->cpus = (uint32_t)l->cpus;
	skel->rodata->pidns_dev = loss_pidns().dev;
	skel->rodata->pidns_ino = loss_pidns().ino;
	bpf_program__set_autoload(skel->progs.loss_reason, l->reasons);
	bpf_program__set_autoload(skel->progs.loss_noreason, !l->reasons);
	bpf_program__set_autoload(skel->progs.loss_refused, l->refusals);
	r = l->inherited ? loss_reuse(maps, l->maps, MAP_COUNT)
			 : bpf_map__set_max_entries(skel->maps.losses, max_keys);
	if (r >= 0)
		r = loss_bpf__load(skel);
	for (int i = 0; r >= 0 && i < MAP_COUNT && !l->inherited; i++) {
		l->maps[i] = fcntl(bpf_map__fd(maps[i]), F_DUPFD_CLOEXEC, 3);
		r = l->maps[i] < 0 ? -errno : 0;
	}
	return r;
}

static bool same_program(int have, int want)
{
	struct bpf_prog_info a = { 0 }, b = { 0 };

	return program_info(have, &a) == 0 && program_info(want, &b) == 0 &&
	       !memcmp(a.tag, b.tag, sizeof(a.tag));
}

/* @refused: what notes why disciplines refuse frames; negative: it is not loaded. */
static int attach(struct loss *l, int prog, int refused)
{
	int r;

	if (l->attached && same_program(l->prog, prog) && (refused < 0 || loss_qdisc_pinned(l)))
		return 0;
	/* Another build's program goes before ours comes: for a moment nothing is counted, but
	 * nothing is counted twice. */
	loss_unpin_one(l, "link");
	loss_unpin_one(l, "program");
	loss_qdisc_drop(l);
	close_fd(l->link);
	close_fd(l->prog);
	l->link = -1;
	l->prog = fcntl(prog, F_DUPFD_CLOEXEC, 3);
	if (l->prog < 0)
		return -errno;
	l->link = bpf_raw_tracepoint_open(NULL, prog);
	if (l->link < 0)
		return -errno;
	r = refused < 0 ? 0 : loss_qdisc_attach(l, refused);
	if (r >= 0)
		r = loss_pin(l, l->prog, "program");
	return r < 0 ? r : loss_pin(l, l->link, "link");
}

static void loss_bpf_destroyp(struct loss_bpf **skel)
{
	loss_bpf__destroy(*skel);
}

static int start(struct loss *l, uint32_t max_keys, char why[static 256])
{
	_cleanup_(loss_bpf_destroyp) struct loss_bpf *skel = NULL;
	int r = inherit(l);

	if (r == -EPROTO) {
		snprintf(why, 256,
			 "the counters pinned at %.120s have another layout; remove them with "
			 "taplossd --unpin",
			 l->pins.path);
		return r;
	}
	if (r < 0)
		return report(r, why, "taking over the pinned counters");
	skel = loss_bpf__open();
	if (!skel)
		return report(-errno, why, "opening the BPF programs");
	r = load(l, skel, max_keys);
	if (r < 0)
		return report(r, why, "loading the BPF programs");
	r = l->inherited ? 0 : pin_maps(l);
	if (r < 0)
		return report(r, why, "pinning the counters");
	r = attach(l,
		   bpf_program__fd(l->reasons ? skel->progs.loss_reason
					      : skel->progs.loss_noreason),
		   l->refusals ? bpf_program__fd(skel->progs.loss_refused) : -1);
	return r < 0 ? report(r, why, "attaching to kfree_skb") : 0;
}

static void loss_closep(struct loss **l)
{
	*l = loss_close(*l);
}

static struct loss *new_loss(void)
{
	struct loss *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->pins.lock = l->prog = l->link = l->qdisc = -1;
	for (int i = 0; i < XDP_PROGRAMS; i++)
		l->xdp[i] = -1;
	for (int i = 0; i < MAP_COUNT; i++)
		l->maps[i] = -1;
	return l;
}

int loss_open(const struct loss_options *opt, struct loss **ret, char why[static 256])
{
	_cleanup_(loss_closep) struct loss *l = new_loss();
	int r;

	why[0] = '\0';
	loss_keep_warnings();
	if (!l)
		return report(-ENOMEM, why, "starting");
	r = look_at_kernel(l);
	if (r == -ENOENT) {
		snprintf(why, 256,
			 "this kernel shows no type information (/sys/kernel/btf/vmlinux); it "
			 "needs CONFIG_DEBUG_INFO_BTF");
		return r;
	}
	if (r < 0)
		return report(r, why, "finding the tracepoint kfree_skb");
	r = opt->pin_dir ? pins_open(opt->pin_dir, &l->pins, why) : -EOPNOTSUPP;
	if (r == -EPERM || r == -EACCES)
		return report(r, why, "counting lost packets");
	if (r < 0 && r != -EOPNOTSUPP)
		return r;
	r = loss_read_init(l);
	if (r < 0)
		return report(r, why, "starting");
	l->per_cpu_offset = address_of("__per_cpu_offset");
	r = start(l, opt->max_keys, why);
	if (r < 0)
		return r;
	r = loss_bursts_init(l);
	if (r < 0)
		return report(r, why, "mapping the ring of bursts");
	*ret = TAKE_PTR(l);
	return 0;
}

struct loss *loss_close(struct loss *l)
{
	if (!l)
		return NULL;
	loss_context_close(l);
	loss_bursts_close(l);
	for (int i = 0; i < XDP_PROGRAMS; i++)
		close_fd(l->xdp[i]);
	close_fd(l->link);
	close_fd(l->qdisc);
	close_fd(l->prog);
	close_maps(l);
	pins_close(&l->pins);
	free(l->keys);
	free(l->counts);
	free(l->macs);
	free(l);
	return NULL;
}

int loss_unpin(const char *pin_dir)
{
	return pins_remove(pin_dir);
}

void loss_boot(char ret[static 37])
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	memset(ret, 0, 37);
	if (!f)
		return;
	if (!fgets(ret, 37, f))
		ret[0] = '\0';
	fclose(f);
}

void loss_epoch(const struct loss *l, struct loss_epoch *ret)
{
	memset(ret, 0, sizeof(*ret));
	loss_boot(ret->boot_id);
	ret->map_id = map_id(l->maps[MAP_LOSSES]);
}

bool loss_inherited(const struct loss *l)
{
	return l->inherited;
}

bool loss_was_attached(const struct loss *l)
{
	return l->attached;
}

bool loss_pinned(const struct loss *l)
{
	return l->pins.path[0];
}

const char *loss_attach_kind(const struct loss *l)
{
	(void)l;
	return "tp_btf";
}

bool loss_has_reasons(const struct loss *l)
{
	return l->reasons;
}

int loss_missed(const struct loss *l, uint64_t *ret)
{
	struct bpf_prog_info info = { 0 };
	int r = program_info(l->prog, &info);

	if (r < 0)
		return r;
	*ret = info.recursion_misses;
	return 0;
}
