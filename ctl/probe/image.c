/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libkmod.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "collector/base.h"

#define IMAGE_DIR "/run/taploss-probe."
#define MAX_MODULES 64

struct maker {
	FILE *out;
	unsigned int ino;
	char *loaded[MAX_MODULES];	/* paths, in the order in which they must be loaded */
	size_t n;
	char *why;
};

static int fail(const struct maker *m, int error, const char *what, const char *text)
{
	snprintf(m->why, 512, "%.300s: %.150s", what, text ? text : strerror(error));
	return -error;
}

/* cpio, "newc": a head of hexadecimal numbers, the name, the contents, each to a multiple of 4. */
static void put(struct maker *m, const char *name, unsigned int mode, const void *data, size_t size,
		unsigned int major_no, unsigned int minor_no)
{
	static const char zeros[4];
	size_t len = strlen(name) + 1;

	fprintf(m->out, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X%s", m->ino++,
		mode, 0, 0, 1, 0, size, 0, 0, major_no, minor_no, len, 0, name);
	fwrite(zeros, 1, 1 + (4 - (110 + len) % 4) % 4, m->out);
	if (size)
		fwrite(data, 1, size, m->out);
	fwrite(zeros, 1, (4 - size % 4) % 4, m->out);
}

static int read_all(const char *path, char **ret, size_t *size)
{
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_(freep) char *data = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > 256 << 20)
		return -EINVAL;
	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return -ENOMEM;
	for (*size = 0; *size < (size_t)st.st_size; *size += (size_t)n) {
		n = read(fd, data + *size, (size_t)st.st_size - *size);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
	}
	*ret = TAKE_PTR(data);
	return 0;
}

static int put_file(struct maker *m, const char *name, unsigned int mode, const char *path)
{
	_cleanup_(freep) char *data = NULL;
	size_t size = 0;
	int r = read_all(path, &data, &size);

	if (r < 0)
		return fail(m, -r, path, NULL);
	put(m, name, S_IFREG | mode, data, size, 0, 0);
	return 0;
}

/* A module behind all those it needs. Built into the kernel: it has no path. */
static int add_module(struct maker *m, struct kmod_module *mod)
{
	struct kmod_list *deps = kmod_module_get_dependencies(mod), *i;
	const char *path = kmod_module_get_path(mod);
	int r = 0;

	kmod_list_foreach(i, deps) {
		struct kmod_module *dep = kmod_module_get_module(i);

		r = r < 0 ? r : add_module(m, dep);
		kmod_module_unref(dep);
	}
	kmod_module_unref_list(deps);
	for (size_t k = 0; path && k < m->n; k++)
		if (!strcmp(m->loaded[k], path))
			return r;
	if (r < 0 || !path)
		return r;
	if (m->n == MAX_MODULES)
		return fail(m, E2BIG, kmod_module_get_name(mod), "needs too many modules");
	m->loaded[m->n] = strdup(path);
	return m->loaded[m->n++] ? 0 : -ENOMEM;
}

static int find_module(struct maker *m, struct kmod_ctx *ctx, const char *name, bool needed,
		       const char *dir)
{
	struct kmod_list *list = NULL, *i;
	int r = kmod_module_new_from_lookup(ctx, name, &list);

	if (r < 0 || !list) {
		char text[128];

		snprintf(text, sizeof(text),
			 "no module %s, which the probe VM needs; use another kernel with --kernel "
			 "and --modules",
			 name);
		return needed ? fail(m, ENOENT, dir, text) : 0;
	}
	kmod_list_foreach(i, list) {
		struct kmod_module *mod = kmod_module_get_module(i);

		r = r < 0 ? r : add_module(m, mod);
		kmod_module_unref(mod);
	}
	kmod_module_unref_list(list);
	return r;
}

static int find_modules(struct maker *m, const char *dir)
{
	static const struct {
		const char *name;
		bool needed;
	} wanted[] = { { "virtio_pci", true },
		       { "virtio_console", true },
		       { "virtio_net", true },
		       { "af_packet", false } };
	const char *none = NULL;
	struct kmod_ctx *ctx;
	char dep[4096];
	int r = 0;

	snprintf(dep, sizeof(dep), "%s/modules.dep.bin", dir);
	if (access(dep, R_OK) < 0)
		return fail(
			m, errno, dep,
			"no kernel modules; name their directory with --modules, and run depmod");
	ctx = kmod_new(dir, &none);
	if (!ctx)
		return fail(m, ENOMEM, dir, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(wanted) && r >= 0; i++)
		r = find_module(m, ctx, wanted[i].name, wanted[i].needed, dir);
	kmod_unref(ctx);
	return r;
}

static int put_modules(struct maker *m, const char *dir)
{
	char list[MAX_MODULES * 80] = "", name[80];
	size_t at = 0;
	int r = find_modules(m, dir);

	put(m, "m", S_IFDIR | 0755, NULL, 0, 0, 0);
	for (size_t i = 0; i < m->n && r >= 0; i++) {
		const char *base = strrchr(m->loaded[i], '/');

		snprintf(name, sizeof(name), "m/%.70s", base ? base + 1 : m->loaded[i]);
		at += (size_t)snprintf(list + at, sizeof(list) - at, "/%s\n", name);
		r = put_file(m, name, 0644, m->loaded[i]);
	}
	if (r >= 0)
		put(m, "modules", S_IFREG | 0644, list, at, 0, 0);
	return r;
}

static int write_initrd(struct maker *m, const char *path, const char *modules, const char *probe)
{
	int r;

	m->out = fopen(path, "we");
	if (!m->out)
		return fail(m, errno, path, NULL);
	put(m, "dev", S_IFDIR | 0755, NULL, 0, 0, 0);
	put(m, "dev/console", S_IFCHR | 0600, NULL, 0, 5, 1);
	r = put_file(m, "init", 0755, probe);
	if (r >= 0)
		r = put_modules(m, modules);
	put(m, "TRAILER!!!", 0, NULL, 0, 0, 0);
	if (ferror(m->out) || fclose(m->out) != 0)
		r = r < 0 ? r : fail(m, errno ? errno : EIO, path, NULL);
	for (size_t i = 0; i < m->n; i++)
		free(m->loaded[i]);
	chmod(path, 0644);
	return r;
}

static int copy(const struct maker *m, const char *from, const char *to)
{
	_cleanup_(freep) char *data = NULL;
	size_t size = 0;
	FILE *out;
	int r = read_all(from, &data, &size);

	if (r < 0)
		return fail(
			m, -r, from,
			r == -ENOENT
				? "no such kernel; name one with --kernel FILE and --modules DIR"
				: NULL);
	out = fopen(to, "we");
	if (!out)
		return fail(m, errno, to, NULL);
	if (fwrite(data, 1, size, out) != size || fclose(out) != 0)
		return fail(m, errno ? errno : EIO, to, NULL);
	chmod(to, 0644);
	return 0;
}

static void remove_files(const char *dir)
{
	static const char *const names[] = { "console", "kernel", "initrd" };
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%.96s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

/* Directories that nobody has locked: of processes that were killed. */
static void sweep(void)
{
	glob_t found;

	if (glob(IMAGE_DIR "*", GLOB_NOSORT, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		_cleanup_(close_fdp) int fd =
			open(found.gl_pathv[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			remove_files(found.gl_pathv[i]);
	}
	globfree(&found);
}

/* The lock on the directory above is held until ours is locked: another process that sweeps would
 * take it for one left behind. */
static int make_dir(struct image *i)
{
	_cleanup_(close_fdp) int above = open("/run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (above < 0 || flock(above, LOCK_EX) < 0)
		return -errno;
	sweep();
	snprintf(i->dir, sizeof(i->dir), IMAGE_DIR "XXXXXX");
	if (!mkdtemp(i->dir)) {
		i->dir[0] = '\0';
		return -errno;
	}
	i->lock = open(i->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (i->lock < 0 || flock(i->lock, LOCK_EX | LOCK_NB) < 0 || fchmod(i->lock, 0755) < 0)
		return -errno;
	return 0;
}

int image_make(struct image *i, const char *kernel, const char *modules, const char *probe,
	       char why[static 512])
{
	struct maker m = { .why = why, .ino = 1 };
	int r;

	*i = (struct image){ .lock = -1 };
	r = make_dir(i);
	if (r < 0)
		fail(&m, -r, "cannot create a directory in /run", NULL);
	snprintf(i->kernel, sizeof(i->kernel), "%s/kernel", i->dir);
	snprintf(i->initrd, sizeof(i->initrd), "%s/initrd", i->dir);
	if (r >= 0)
		r = copy(&m, kernel, i->kernel);
	if (r >= 0)
		r = write_initrd(&m, i->initrd, modules, probe);
	if (r < 0)
		image_remove(i);
	return r;
}

void image_remove(struct image *i)
{
	if (i->dir[0])
		remove_files(i->dir);
	i->lock = close_fd(i->lock);
	i->dir[0] = '\0';
}
