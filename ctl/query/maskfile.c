/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "maskfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collector/base.h"

#define VERSION 1
#define FILE_MODE 0640
#define LOCK_MS 5000		/* how long another taplossctl may take */
#define TRY_MS 20

static int fail(char why[static READER_WHY], int r, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));

static int fail(char why[static READER_WHY], int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, READER_WHY, fmt, ap);
	va_end(ap);
	return r;
}

static json_t *empty(void)
{
	json_t *doc = json_pack("{si si s[] s[]}", "version", VERSION, "next", 1, "masks", "off");

	if (!doc)
		abort();
	return doc;
}

static bool is_mask(const json_t *o)
{
	static const char *const words[] = {
		"class", "kernel_reason", "site", "vm", "uuid", "nic"
	};
	bool some = false;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const json_t *w = json_object_get(o, words[i]);

		if (w && !json_is_null(w) && !json_is_string(w))
			return false;
		some |= json_is_string(w);
	}
	/* one without a word would take everything */
	return some && json_is_string(json_object_get(o, "id"));
}

static bool is_whole(const json_t *doc)
{
	const json_t *masks = json_object_get(doc, "masks"), *off = json_object_get(doc, "off");
	json_t *o;
	size_t i;

	if (!json_is_array(masks) || !json_is_array(off) ||
	    !json_is_integer(json_object_get(doc, "next")))
		return false;
	json_array_foreach(masks, i, o)
		if (!is_mask(o))
			return false;
	json_array_foreach(off, i, o)
		if (!json_is_string(o))
			return false;
	return true;
}

static int check(const char *dir, const json_t *doc, char why[static READER_WHY])
{
	json_int_t version = json_integer_value(json_object_get(doc, "version"));

	if (version > VERSION)
		return fail(why, -EPROTO,
			    "%s/" MASKFILE " was written by a newer taploss; update taplossctl",
			    dir);
	if (version == VERSION && is_whole(doc))
		return 0;
	return fail(why, -EUCLEAN,
		    "%s/" MASKFILE " is damaged, so the masks are unknown; repair or remove it",
		    dir);
}

static int read_at(int dirfd, const char *dir, json_t **ret, char why[static READER_WHY])
{
	_cleanup_(close_fdp) int fd =
		openat(dirfd, MASKFILE, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	json_error_t error;
	json_t *doc;
	int r;

	if (fd < 0 && errno == ENOENT) {
		*ret = empty();
		return 0;
	}
	if (fd < 0) {
		r = -errno;
		return fail(why, r,
			    "%s/" MASKFILE ": %s; without it, the masks are unknown",
			    dir, strerror(-r));
	}
	doc = json_loadfd(fd, JSON_REJECT_DUPLICATES, &error);
	r = check(dir, doc, why);
	if (r < 0)
		json_decref(doc);
	else
		*ret = doc;
	return r;
}

static int open_dir(const char *dir, char why[static READER_WHY])
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = -errno;

	return fd >= 0 ? fd
		       : fail(why, r, "%s: %s; set --store or TAPLOSS_STORE", dir,
			      strerror(-r));
}

int maskfile_read(const char *dir, json_t **ret, char why[static READER_WHY])
{
	_cleanup_(close_fdp) int dirfd = open_dir(dir, why);

	return dirfd < 0 ? dirfd : read_at(dirfd, dir, ret, why);
}

/* The directory itself is what is locked: masks.json is another file after each change. Who may
 * only read the store could hold the lock, too, so nobody waits for ever. */
static int lock(int dirfd, const char *dir, char why[static READER_WHY])
{
	const struct timespec pause = { .tv_nsec = TRY_MS * (long)NSEC_PER_MSEC };

	for (int ms = 0; flock(dirfd, LOCK_EX | LOCK_NB) < 0; ms += TRY_MS) {
		if (errno != EWOULDBLOCK || ms >= LOCK_MS)
			return fail(why, -EBUSY,
				    "%s: another process is changing the masks; try again", dir);
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int write_all(int fd, const json_t *doc)
{
	_cleanup_(freep) char *text = json_dumps(doc, JSON_INDENT(1));
	size_t len, done = 0;

	if (!text)
		return -ENOMEM;
	len = strlen(text);
	text[len++] = '\n';	/* in the place of its NUL */
	while (done < len) {
		ssize_t n = write(fd, text + done, len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* Under another name first: whatever happens, there is a whole file. */
static int replace(int dirfd, const json_t *doc)
{
	static const char tmp[] = MASKFILE ".new";
	_cleanup_(close_fdp) int fd = -1;
	struct stat st;
	int r;

	unlinkat(dirfd, tmp, 0);	/* of an attempt that was cut off */
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return -errno;
	/* The directory's group reads the store. Where the file is not ours to give away, it cannot
	 * read it. */
	r = fstat(dirfd, &st) == 0 && st.st_gid != getegid() ? fchown(fd, (uid_t)-1, st.st_gid) : 0;
	if (r == 0)
		fchmod(fd, FILE_MODE);
	r = write_all(fd, doc);
	if (r >= 0 && renameat(dirfd, tmp, dirfd, MASKFILE) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dirfd, tmp, 0);
	else
		fsync(dirfd);
	return r;
}

static int replace_or_say(int dirfd, const char *dir, const json_t *doc,
			  char why[static READER_WHY])
{
	int r = replace(dirfd, doc);

	if (r >= 0)
		return r;
	return fail(why, r, "cannot change %s/" MASKFILE ": %s%s", dir, strerror(-r),
		    r == -EACCES || r == -EPERM ? "; run as root" : "");
}

int maskfile_change(const char *dir, maskfile_fn *fn, void *arg, char why[static READER_WHY])
{
	_cleanup_(close_fdp) int dirfd = open_dir(dir, why);
	json_t *doc = NULL;
	int r;

	if (dirfd < 0)
		return dirfd;
	r = lock(dirfd, dir, why);
	if (r >= 0)
		r = read_at(dirfd, dir, &doc, why);
	if (r < 0)
		return r;
	r = fn(doc, arg, why);
	if (r >= 0)
		r = replace_or_say(dirfd, dir, doc, why);
	json_decref(doc);
	return r;
}
