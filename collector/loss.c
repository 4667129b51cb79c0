/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loss.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base.h"
#include "bpf/loss.skel.h"
#include "bpf/sock.skel.h"
#include "pins.h"

#define RETRY_NS (30 * NSEC_PER_SEC)	/* how often the types of tun.ko and tap.ko are asked for again */

enum map { MAP_LOSSES, MAP_DEVICES, MAP_STATS, MAP_PROGRAMS, MAP_COUNT };

static const char *const map_names[MAP_COUNT] = { "losses", "devices", "stats", "programs" };

struct loss {
	struct pins pins;
	int maps[MAP_COUNT];
	int link;			/* of the main program */
	bool reasons, inherited, attached, sockets;
	int cpus;
	uint32_t max_keys;
	struct tl_loss_key *keys;	/* of one batch */
	struct tl_loss_count *counts;	/* [batch][cpus] */
	uint32_t batch;
	char sockets_why[256];
	uint64_t sockets_asked_ns;
};

/* libbpf's last words, for the one sentence that says why. */
static char last_warning[256];

static int keep_warning(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(last_warning, sizeof(last_warning), fmt, ap);
	last_warning[strcspn(last_warning, "\n")] = '\0';
	return 0;
}

static int say(int error, char why[static 256], const char *what)
{
	if (error == -EPERM || error == -EACCES)
		snprintf(why, 256, "%s needs CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN; run taplossd as root or from its systemd unit", what);
	else
		snprintf(why, 256, "%s: %s%s%.150s", what, strerror(-error), last_warning[0] ? ": " : "", last_warning);
	return error;
}

/* How many arguments has the tracepoint? Two (and no reason) before 5.17, three, or four from 6.11 on. */
static int tracepoint_has_reason(bool *ret)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *t;
	int id;

	if (!btf)
		return -ENOENT;
	id = btf__find_by_name_kind(btf, "btf_trace_kfree_skb", BTF_KIND_TYPEDEF);
	t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
	while (t && (btf_is_typedef(t) || btf_is_ptr(t)))
		t = btf__type_by_id(btf, t->type);
	if (t && btf_is_func_proto(t))
		*ret = btf_vlen(t) >= 4;	/* the tracepoint's own data comes first */
	btf__free(btf);
	return t ? 0 : -EOPNOTSUPP;
}

static int open_pinned(const struct loss *l, const char *name)
{
	char path[PINS_PATH];
	int fd;

	if (!l->pins.path[0])
		return -ENOENT;
	pins_name(&l->pins, name, path);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

static int pin(const struct loss *l, int fd, const char *name)
{
	char path[PINS_PATH];

	if (!l->pins.path[0])
		return 0;
	pins_name(&l->pins, name, path);
	return bpf_obj_pin(fd, path) < 0 ? -errno : 0;
}

static void unpin(const struct loss *l, const char *name)
{
	char path[PINS_PATH];

	if (!l->pins.path[0])
		return;
	pins_name(&l->pins, name, path);
	unlink(path);
}

/* All maps of an earlier agent, or none: with one missing, the others count nothing that could be read. */
static bool take_over_maps(struct loss *l)
{
	for (int i = 0; i < MAP_COUNT; i++) {
		int fd = open_pinned(l, map_names[i]);

		if (fd < 0) {
			while (i-- > 0)
				l->maps[i] = close_fd(l->maps[i]);
			return false;
		}
		l->maps[i] = fd;
	}
	return true;
}

static void forget_pins(const struct loss *l)
{
	unpin(l, "link");
	for (int i = 0; i < MAP_COUNT; i++)
		unpin(l, map_names[i]);
}

static int pin_maps(const struct loss *l)
{
	for (int i = 0; i < MAP_COUNT; i++) {
		int r = pin(l, l->maps[i], map_names[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static int reuse(struct bpf_map *const maps[MAP_COUNT], const int fds[MAP_COUNT])
{
	for (int i = 0; i < MAP_COUNT; i++) {
		int r = bpf_map__reuse_fd(maps[i], fds[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Loads the main program and makes the maps, or uses those at hand. */
static int load_main(struct loss *l, struct loss_bpf *skel)
{
	struct bpf_map *const maps[MAP_COUNT] = { skel->maps.losses, skel->maps.devices, skel->maps.stats, skel->maps.programs };
	int r;

	bpf_program__set_autoload(skel->progs.loss_reason, l->reasons);
	bpf_program__set_autoload(skel->progs.loss_noreason, !l->reasons);
	if (l->maps[0] >= 0)
		r = reuse(maps, l->maps);
	else
		r = bpf_map__set_max_entries(skel->maps.losses, l->max_keys);
	if (r < 0)
		return r;
	r = loss_bpf__load(skel);
	for (int i = 0; r >= 0 && i < MAP_COUNT && l->maps[i] < 0; i++) {
		l->maps[i] = fcntl(bpf_map__fd(maps[i]), F_DUPFD_CLOEXEC, 3);
		r = l->maps[i] < 0 ? -errno : 0;
	}
	return r;
}

static int tag_of(int prog_fd, uint8_t ret[static BPF_TAG_SIZE])
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(prog_fd, &info, &len) < 0)
		return -errno;
	memcpy(ret, info.tag, BPF_TAG_SIZE);
	return 0;
}

/* Does the pinned link run the program that we would attach, on our maps? */
static bool same_program(int link_fd, int prog_fd)
{
	uint8_t have[BPF_TAG_SIZE], want[BPF_TAG_SIZE];
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);
	_cleanup_(close_fdp) int running = -1;

	if (bpf_obj_get_info_by_fd(link_fd, &info, &len) < 0)
		return false;
	running = bpf_prog_get_fd_by_id(info.prog_id);
	return running >= 0 && tag_of(running, have) == 0 && tag_of(prog_fd, want) == 0 && !memcmp(have, want, BPF_TAG_SIZE);
}

static int attach(struct loss *l, int prog_fd)
{
	int r;

	l->link = open_pinned(l, "link");
	if (l->link >= 0 && l->attached && same_program(l->link, prog_fd))
		return 0;
	/* Another build's program: it goes before ours comes, because two would count each frame twice. */
	l->link = close_fd(l->link);
	unpin(l, "link");
	l->link = bpf_raw_tracepoint_open(NULL, prog_fd);
	if (l->link < 0)
		return -errno;
	r = pin(l, l->link, "link");
	return r;
}

static int alloc_batch(struct loss *l)
{
	l->cpus = libbpf_num_possible_cpus();
	if (l->cpus < 0)
		return l->cpus;
	l->batch = 1024;
	l->keys = calloc(l->batch, sizeof(*l->keys));
	l->counts = calloc((size_t)l->batch * (size_t)l->cpus, sizeof(*l->counts));
	return l->keys && l->counts ? 0 : -ENOMEM;
}

static void loss_closep(struct loss **l)
{
	*l = loss_close(*l);
}

static void loss_bpf_destroyp(struct loss_bpf **skel)
{
	loss_bpf__destroy(*skel);
}

static void sock_bpf_destroyp(struct sock_bpf **skel)
{
	sock_bpf__destroy(*skel);
}

/* Takes over what is pinned and whole; sweeps away what is not. */
static void inherit(struct loss *l)
{
	_cleanup_(close_fdp) int link = open_pinned(l, "link");

	l->inherited = take_over_maps(l);
	l->attached = l->inherited && link >= 0;
	if (!l->inherited)
		forget_pins(l);
}

static int start(struct loss *l, char why[static 256])
{
	_cleanup_(loss_bpf_destroyp) struct loss_bpf *skel = NULL;
	bool fresh;
	int r;

	inherit(l);
	fresh = l->maps[0] < 0;
	skel = loss_bpf__open();
	if (!skel)
		return say(-errno, why, "opening the BPF programs");
	r = load_main(l, skel);
	if (r == -EINVAL && !fresh) {
		snprintf(why, 256, "the counters pinned at %.120s have another layout; taplossd --unpin removes them", l->pins.path);
		return -EPROTO;
	}
	if (r < 0)
		return say(r, why, "loading the BPF programs");
	r = fresh ? pin_maps(l) : 0;
	if (r < 0)
		return say(r, why, "pinning the counters");
	r = attach(l, bpf_program__fd(l->reasons ? skel->progs.loss_reason : skel->progs.loss_noreason));
	return r < 0 ? say(r, why, "attaching to kfree_skb") : 0;
}

int loss_open(const struct loss_options *opt, struct loss **ret, char why[static 256])
{
	_cleanup_(loss_closep) struct loss *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return say(-ENOMEM, why, "starting");
	why[0] = '\0';
	last_warning[0] = '\0';
	libbpf_set_print(keep_warning);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	l->pins.lock = l->link = -1;
	l->max_keys = opt->max_keys;
	for (int i = 0; i < MAP_COUNT; i++)
		l->maps[i] = -1;
	r = tracepoint_has_reason(&l->reasons);
	if (r == -ENOENT) {
		snprintf(why, 256, "this kernel shows no type information (/sys/kernel/btf/vmlinux); it needs CONFIG_DEBUG_INFO_BTF");
		return r;
	}
	if (r < 0)
		return say(r, why, "finding the tracepoint kfree_skb");
	if (geteuid() != 0 && bpf_prog_get_next_id(0, &(uint32_t){ 0 }) < 0 && errno == EPERM)
		return say(-EPERM, why, "counting lost packets");
	r = opt->pin_dir ? pins_open(opt->pin_dir, &l->pins, why) : -EOPNOTSUPP;
	if (r < 0 && r != -EOPNOTSUPP)
		return r == -EPERM || r == -EACCES ? say(r, why, "counting lost packets") : r;
	r = alloc_batch(l);
	if (r < 0)
		return say(r, why, "starting");
	r = start(l, why);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(l);
	return 0;
}

struct loss *loss_close(struct loss *l)
{
	if (!l)
		return NULL;
	close_fd(l->link);
	for (int i = 0; i < MAP_COUNT; i++)
		close_fd(l->maps[i]);
	pins_close(&l->pins);
	free(l->keys);
	free(l->counts);
	free(l);
	return NULL;
}

int loss_unpin(const char *pin_dir)
{
	return pins_remove(pin_dir);
}

void loss_epoch(const struct loss *l, struct loss_epoch *ret)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	memset(ret, 0, sizeof(*ret));
	if (f) {
		if (!fgets(ret->boot_id, sizeof(ret->boot_id), f))
			ret->boot_id[0] = '\0';
		fclose(f);
	}
	if (bpf_obj_get_info_by_fd(l->maps[MAP_LOSSES], &info, &len) == 0)
		ret->map_id = info.id;
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

/* The second object: on the maps of the first, reached through its program array. */

static int set_slot(const struct loss *l, uint32_t slot, const struct bpf_program *prog)
{
	int fd = bpf_program__fd(prog);

	return bpf_map_update_elem(l->maps[MAP_PROGRAMS], &slot, &fd, BPF_ANY) < 0 ? -errno : 0;
}

static int load_sockets(struct loss *l)
{
	_cleanup_(sock_bpf_destroyp) struct sock_bpf *skel = sock_bpf__open();
	int r;

	if (!skel)
		return -errno;
	bpf_program__set_autoload(skel->progs.sock_reason, l->reasons);
	bpf_program__set_autoload(skel->progs.tapq_reason, l->reasons);
	bpf_program__set_autoload(skel->progs.sock_noreason, !l->reasons);
	bpf_program__set_autoload(skel->progs.tapq_noreason, !l->reasons);
	r = reuse((struct bpf_map *const[]){ skel->maps.losses, skel->maps.devices, skel->maps.stats, skel->maps.programs }, l->maps);
	if (r >= 0)
		r = sock_bpf__load(skel);
	if (r >= 0)
		r = set_slot(l, TL_SLOT_SOCK, l->reasons ? skel->progs.sock_reason : skel->progs.sock_noreason);
	if (r >= 0)
		r = set_slot(l, TL_SLOT_TAPQ, l->reasons ? skel->progs.tapq_reason : skel->progs.tapq_noreason);
	return r;
}

bool loss_sockets_known(struct loss *l, char why[static 256])
{
	struct timespec ts;
	uint64_t now;
	int r;

	why[0] = '\0';
	if (l->sockets)
		return true;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (uint64_t)ts.tv_sec * NSEC_PER_SEC;
	if (!l->sockets_asked_ns || now > l->sockets_asked_ns + RETRY_NS) {
		l->sockets_asked_ns = now;
		last_warning[0] = '\0';
		r = load_sockets(l);
		l->sockets = r >= 0;
		if (r == -EPERM)
			snprintf(l->sockets_why, sizeof(l->sockets_why), "the types of tun.ko and tap.ko need CAP_SYS_ADMIN: queues of guests' own frames are not known");
		else if (r < 0)
			snprintf(l->sockets_why, sizeof(l->sockets_why), "the types of tun.ko and tap.ko are not there (%s): queues of macvtap and of guests' own frames are not known", strerror(-r));
	}
	memcpy(why, l->sockets_why, sizeof(l->sockets_why));
	return l->sockets;
}

/* Reading. */

static void add_up(const struct loss *l, const struct tl_loss_count *per_cpu, struct loss_total *ret)
{
	*ret = (struct loss_total){ 0 };
	for (int i = 0; i < l->cpus; i++) {
		ret->frames += per_cpu[i].frames;
		ret->segments += per_cpu[i].segments;
		ret->bytes += per_cpu[i].bytes;
		if (per_cpu[i].born_ns)
			ret->born_ns = per_cpu[i].born_ns;
	}
}

static int grow_batch(struct loss *l)
{
	uint32_t n = l->batch * 2;
	struct tl_loss_key *k = realloc(l->keys, n * sizeof(*k));
	struct tl_loss_count *c;

	if (!k)
		return -ENOMEM;
	l->keys = k;
	c = realloc(l->counts, (size_t)n * (size_t)l->cpus * sizeof(*c));
	if (!c)
		return -ENOMEM;
	l->counts = c;
	l->batch = n;
	return 0;
}

static int emit(const struct loss *l, uint32_t n, loss_read_fn *fn, void *arg)
{
	for (uint32_t i = 0; i < n; i++) {
		struct loss_total total;
		int r;

		add_up(l, &l->counts[(size_t)i * (size_t)l->cpus], &total);
		r = fn(&l->keys[i], &total, arg);
		if (r)
			return r;
	}
	return 0;
}

/* A batch is whole hash buckets, so no element is met twice; a bucket larger than the buffer is -ENOSPC. */
int loss_read(struct loss *l, loss_read_fn *fn, void *arg)
{
	uint32_t in = 0, out = 0, n;
	bool first = true, last = false;
	int r;

	while (!last) {
		n = l->batch;
		r = bpf_map_lookup_batch(l->maps[MAP_LOSSES], first ? NULL : &in, &out, l->keys, l->counts, &n, NULL) < 0 ? -errno : 0;
		if (r == -ENOSPC) {
			r = grow_batch(l);
			if (r < 0)
				return r;
			continue;
		}
		last = r == -ENOENT;
		if (r < 0 && !last)
			return r;
		r = emit(l, n, fn, arg);
		if (r)
			return r;
		first = false;
		in = out;
	}
	return 0;
}

int loss_stats(const struct loss *l, uint64_t ret[static TL_STAT_MAX])
{
	_cleanup_(freep) uint64_t *per_cpu = calloc((size_t)l->cpus, sizeof(*per_cpu));

	if (!per_cpu)
		return -ENOMEM;
	for (uint32_t i = 0; i < TL_STAT_MAX; i++) {
		ret[i] = 0;
		if (bpf_map_lookup_elem(l->maps[MAP_STATS], &i, per_cpu) < 0)
			return -errno;
		for (int c = 0; c < l->cpus; c++)
			ret[i] += per_cpu[c];
	}
	return 0;
}

int loss_device(const struct loss *l, uint32_t netns, uint32_t ifindex, struct tl_device *ret)
{
	struct tl_device_key key = { netns, ifindex };
	struct tl_device dev;

	if (bpf_map_lookup_elem(l->maps[MAP_DEVICES], &key, &dev) < 0)
		return -errno;
	*ret = dev;
	return 0;
}

int loss_forget(struct loss *l, const struct tl_loss_key *key, const struct loss_total *last)
{
	struct tl_device_key dev = { key->netns, key->ifindex };
	struct loss_total now;

	if (bpf_map_lookup_elem(l->maps[MAP_LOSSES], key, l->counts) < 0)
		return errno == ENOENT ? 0 : -errno;
	add_up(l, l->counts, &now);
	if (now.frames != last->frames || now.born_ns != last->born_ns)
		return -EAGAIN;
	if (bpf_map_delete_elem(l->maps[MAP_LOSSES], key) < 0 && errno != ENOENT)
		return -errno;
	bpf_map_delete_elem(l->maps[MAP_DEVICES], &dev);
	return 0;
}
