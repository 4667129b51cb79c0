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

#include "bpf/abi.h"
#include "collector/base.h"

#define BPFFS "/sys/fs/bpf"
#define PINS_DIR 240	/* longest name of the directory: versions and names below it still fit */

static bool on_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/* The longest part of @dir that exists. */
static void existing_part(const char *dir, char ret[static PINS_PATH])
{
	char *slash;

	snprintf(ret, PINS_PATH, "%s", dir);
	while (access(ret, F_OK) < 0 && (slash = strrchr(ret, '/')) && slash != ret)
		*slash = '\0';
}

/* systemd mounts it on every host that it starts; a container or a bare namespace may have none. */
static int want_bpffs(const char *dir, char why[static 256])
{
	char part[PINS_PATH];

	existing_part(dir, part);
	if (on_bpffs(part))
		return 0;
	if (!strncmp(dir, BPFFS "/", strlen(BPFFS "/")) && !on_bpffs(BPFFS) &&
	    mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") == 0)
		return 0;
	snprintf(why, 256,
		 "%.100s is not on a bpf file system; mount one with: mount -t bpf bpf " BPFFS,
		 dir);
	return -EOPNOTSUPP;
}

static int make_dir(const char *path)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int make_dirs(const char *path)
{
	char part[PINS_PATH];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int r;

		*slash = '\0';
		r = access(part, F_OK) < 0 ? make_dir(part) : 0;
		*slash = '/';
		if (r < 0)
			return r;
	}
	return make_dir(part);
}

static int take_lock(const char *dir)
{
	_cleanup_(close_fdp) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return TAKE_FD(fd);
}

/* The link first: what it feeds may go only after it. */
static int remove_version(const char *dir)
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

/* All versions below @dir but @keep. */
static int remove_versions(const char *dir, const char *keep)
{
	char path[PINS_PATH];
	struct dirent *e;
	DIR *d = opendir(dir);
	int r = 0;

	if (!d)
		return -errno;
	while (!r && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%.250s/%.250s", dir, e->d_name);
		if (e->d_name[0] == 'v' && strcmp(path, keep) != 0)
			r = remove_version(path);
	}
	closedir(d);
	return r;
}

static int open_dirs(const char *dir, struct pins *p)
{
	int r = make_dirs(dir);

	if (r < 0)
		return r;
	p->lock = take_lock(dir);
	if (p->lock < 0)
		return p->lock;
	snprintf(p->path, sizeof(p->path), "%s/v%d", dir, TL_ABI_VERSION);
	r = remove_versions(dir, p->path);	/* two programs would make every drop cost twice */
	return r < 0 ? r : make_dir(p->path);
}

int pins_open(const char *dir, struct pins *ret, char why[static 256])
{
	struct pins p = { .lock = -1 };
	int r;

	if (strlen(dir) > PINS_DIR) {
		snprintf(why, 256, "the name of the pin directory is too long");
		return -ENAMETOOLONG;
	}
	r = want_bpffs(dir, why);
	if (r < 0)
		return r;
	r = open_dirs(dir, &p);
	if (r == -EBUSY)
		snprintf(why, 256, "another taplossd is counting on this host (%.150s is locked)",
			 dir);
	else if (r < 0)
		snprintf(why, 256, "%.150s: %s", dir, strerror(-r));
	if (r < 0) {
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

int pins_remove(const char *dir)
{
	_cleanup_(close_fdp) int lock = take_lock(dir);
	int r;

	if (lock < 0)
		return lock == -ENOENT ? 0 : lock;
	r = remove_versions(dir, "");
	return rmdir(dir) < 0 && !r ? -errno : r;
}
