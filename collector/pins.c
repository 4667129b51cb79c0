/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pins.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include "../bpf/abi.h"
#include "base.h"

#define BPFFS "/sys/fs/bpf"

static bool on_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

static void parent_of(const char *dir, char ret[static PINS_PATH])
{
	char *slash;

	snprintf(ret, PINS_PATH, "%s", dir);
	slash = strrchr(ret, '/');
	if (slash && slash != ret)
		*slash = '\0';
}

/* systemd mounts it on every host that it starts; a container or a bare namespace may have none. */
static int want_bpffs(const char *dir, char why[static 256])
{
	char parent[PINS_PATH];

	parent_of(dir, parent);
	if (on_bpffs(dir) || on_bpffs(parent))
		return 0;
	if (!strncmp(dir, BPFFS "/", strlen(BPFFS "/")) && mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") == 0)
		return 0;
	snprintf(why, 256, "%.100s is not on a bpf file system; mount one with: mount -t bpf bpf " BPFFS, dir);
	return -EOPNOTSUPP;
}

static int make_dir(const char *path)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int pins_open(const char *dir, struct pins *ret, char why[static 256])
{
	struct pins p = { .lock = -1 };
	int r;

	if (strlen(dir) > PINS_PATH - 64) {
		snprintf(why, 256, "the name of the pin directory is too long");
		return -ENAMETOOLONG;
	}
	r = want_bpffs(dir, why);
	if (r < 0)
		return r;
	r = make_dir(dir);
	if (r >= 0) {
		p.lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = p.lock < 0 ? -errno : 0;
	}
	if (r >= 0 && flock(p.lock, LOCK_EX | LOCK_NB) < 0)
		r = errno == EWOULDBLOCK ? -EBUSY : -errno;
	snprintf(p.path, sizeof(p.path), "%s/v%d", dir, TL_ABI_VERSION);
	if (r >= 0)
		r = make_dir(p.path);
	if (r < 0) {
		snprintf(why, 256, r == -EBUSY ? "another taplossd is counting on this host (%.150s is locked)" : "%.150s: %s", dir, strerror(-r));
		pins_close(&p);
		return r;
	}
	*ret = p;
	return 0;
}

void pins_close(struct pins *p)
{
	p->lock = close_fd(p->lock);
	p->path[0] = '\0';
}

void pins_name(const struct pins *p, const char *name, char ret[static PINS_PATH])
{
	snprintf(ret, PINS_PATH, "%.480s/%.24s", p->path, name);
}

/* The link first: what it feeds may go only after it. */
static int remove_all(const char *dir)
{
	char path[PINS_PATH];
	struct dirent *e;
	DIR *d;
	int r = 0;

	snprintf(path, sizeof(path), "%.480s/link", dir);
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	d = opendir(dir);
	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%.250s/%.250s", dir, e->d_name);
		if (unlink(path) < 0)
			r = -errno;
	}
	closedir(d);
	return rmdir(dir) < 0 && !r ? -errno : r;
}

int pins_remove(const char *dir)
{
	_cleanup_(close_fdp) int lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char path[PINS_PATH];
	struct dirent *e;
	DIR *d;
	int r = 0;

	if (lock < 0)
		return errno == ENOENT ? 0 : -errno;
	if (flock(lock, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	d = opendir(dir);
	if (!d)
		return -errno;
	while (!r && (e = readdir(d))) {
		if (e->d_name[0] != 'v')
			continue;
		snprintf(path, sizeof(path), "%.250s/%.250s", dir, e->d_name);
		r = remove_all(path);
	}
	closedir(d);
	return rmdir(dir) < 0 && !r ? -errno : r;
}
