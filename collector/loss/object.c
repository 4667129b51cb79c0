/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every BPF object of ours needs: maps of another one, pins, a slot in the program array. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "collector/base.h"
#include "loss_priv.h"

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

const char *loss_warning(void)
{
	return last_warning;
}

void loss_forget_warning(void)
{
	last_warning[0] = '\0';
}

void loss_keep_warnings(void)
{
	loss_forget_warning();
	libbpf_set_print(keep_warning);
}

int loss_reuse(struct bpf_map *const *maps, const int *fds, int n)
{
	for (int i = 0; i < n; i++) {
		int r = bpf_map__reuse_fd(maps[i], fds[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

int loss_set_slot(const struct loss *l, uint32_t slot, const struct bpf_program *prog)
{
	int fd = bpf_program__fd(prog);

	return bpf_map_update_elem(l->maps[MAP_PROGRAMS], &slot, &fd, BPF_ANY) < 0 ? -errno : 0;
}

/* Pins: nothing happens to them when there is no directory for them. */

int loss_open_pinned(const struct loss *l, const char *name)
{
	char path[PINS_PATH];
	int fd;

	if (!l->pins.path[0])
		return -ENOENT;
	pins_name(&l->pins, name, path);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

int loss_pin(const struct loss *l, int fd, const char *name)
{
	char path[PINS_PATH];

	if (!l->pins.path[0])
		return 0;
	pins_name(&l->pins, name, path);
	return bpf_obj_pin(fd, path) < 0 ? -errno : 0;
}

void loss_unpin_one(const struct loss *l, const char *name)
{
	char path[PINS_PATH];

	if (!l->pins.path[0])
		return;
	pins_name(&l->pins, name, path);
	unlink(path);
}

#define FIRST_PIDNS 0xeffffffc	/* PROC_PID_INIT_INO */

struct pidns loss_pidns(void)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) < 0 || st.st_ino == FIRST_PIDNS)
		return (struct pidns){ 0 };
	return (struct pidns){ st.st_dev, st.st_ino };
}
