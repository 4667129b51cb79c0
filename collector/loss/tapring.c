/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tapring.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "collector/base.h"
#include "bpf/tapring.skel.h"
#include "task_file.h"

struct taprings {
	struct tapring_bpf *skel;
};

static void taprings_closep(struct taprings **t)
{
	*t = taprings_close(*t);
}

int taprings_open(struct taprings **ret, char why[static 256])
{
	_cleanup_(taprings_closep) struct taprings *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	if (!task_file_types("tun", "tun_file") && !task_file_types("tap", "tap_queue")) {
		snprintf(why, 256, "the kernel shows no types of its modules tun and tap");
		return -EOPNOTSUPP;
	}
	t->skel = tapring_bpf__open_and_load();
	r = task_file_try(t->skel ? t->skel->progs.find_rings : NULL, sizeof(struct tl_tapring),
			  -errno, why);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(t);
	return 0;
}

struct taprings *taprings_close(struct taprings *t)
{
	if (!t)
		return NULL;
	tapring_bpf__destroy(t->skel);
	free(t);
	return NULL;
}

static void close_filep(FILE **f)
{
	if (*f)
		fclose(*f);
}

/* Their modules get a number when they are loaded. */
static void find_majors(uint32_t majors[static 2])
{
	_cleanup_(close_filep) FILE *f = fopen("/proc/devices", "re");
	unsigned int major;
	char line[80], name[32];

	majors[0] = majors[1] = 0;
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%u %31s", &major, name) == 2 &&
		    (!strcmp(name, "macvtap") || !strcmp(name, "ipvtap")))
			majors[!strcmp(name, "ipvtap")] = major;
}

struct visit {
	taprings_fn *fn;
	void *arg;
};

static void on_record(const void *record, void *arg)
{
	const struct visit *v = arg;

	v->fn(record, v->arg);
}

int taprings_find(struct taprings *t, int pid, taprings_fn *fn, void *arg)
{
	find_majors(t->skel->bss->tap_majors);
	return task_file_walk(t->skel->progs.find_rings, pid, sizeof(struct tl_tapring), on_record,
			      &(struct visit){ fn, arg });
}

int taprings_read(struct taprings *t, struct tl_tapring *all, unsigned int n)
{
	int prog = bpf_program__fd(t->skel->progs.read_rings);

	for (unsigned int at = 0; at < n; at += TL_TAPRINGS) {
		unsigned int some = n - at < TL_TAPRINGS ? n - at : TL_TAPRINGS;
		LIBBPF_OPTS(bpf_test_run_opts, opts);

		memcpy(t->skel->bss->rings, all + at, some * sizeof(*all));
		t->skel->bss->n_rings = some;
		if (bpf_prog_test_run_opts(prog, &opts) < 0)
			return -errno;
		memcpy(all + at, t->skel->bss->rings, some * sizeof(*all));
	}
	return 0;
}
