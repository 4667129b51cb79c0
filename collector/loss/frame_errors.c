/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frame_errors.h"

#include <errno.h>
#include <stdio.h>

#include "collector/base.h"
#include "bpf/frame_errors.skel.h"
#include "task_file.h"

struct frame_errors {
	struct frame_errors_bpf *skel;
};

static void frame_errors_closep(struct frame_errors **f)
{
	*f = frame_errors_close(*f);
}

int frame_errors_open(struct frame_errors **ret, char why[static 256])
{
	_cleanup_(frame_errors_closep) struct frame_errors *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	if (!task_file_types("tun", "tun_struct")) {
		snprintf(why, 256, "the kernel shows no types of its module tun");
		return -EOPNOTSUPP;
	}
	f->skel = frame_errors_bpf__open_and_load();
	r = task_file_try(f->skel ? f->skel->progs.frame_errors : NULL,
			  sizeof(struct tl_frame_errors), -errno, why);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(f);
	return 0;
}

struct frame_errors *frame_errors_close(struct frame_errors *f)
{
	if (!f)
		return NULL;
	frame_errors_bpf__destroy(f->skel);
	free(f);
	return NULL;
}

struct visit {
	frame_errors_fn *fn;
	void *arg;
};

static void on_record(const void *record, void *arg)
{
	const struct visit *v = arg;

	v->fn(record, v->arg);
}

int frame_errors_read(struct frame_errors *f, int pid, frame_errors_fn *fn, void *arg)
{
	return task_file_walk(f->skel->progs.frame_errors, pid, sizeof(struct tl_frame_errors),
			      on_record, &(struct visit){ fn, arg });
}
