/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "collector/base.h"
#include "schema.h"

static int lock_path(const char *dir, char ret[static PATH_MAX])
{
	return snprintf(ret, PATH_MAX, "%s/lock", dir) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

void schema_day_of(uint64_t t_ns, struct schema_day *ret)
{
	struct tm tm;
	time_t t;

	t_ns -= t_ns > 0;	/* midnight itself ends a day */
	ret->from_ns = t_ns - t_ns % NSEC_PER_DAY;
	ret->to_ns = ret->from_ns + NSEC_PER_DAY;
	t = (time_t)(ret->from_ns / NSEC_PER_SEC);
	gmtime_r(&t, &tm);
	strftime(ret->name, sizeof(ret->name), "timeline-%Y%m%d.db", &tm);
}

/* Only a name that we would give ourselves is a day: the 32nd of a month is not. */
static bool is_day(const char *name, struct schema_day *ret)
{
	unsigned int year, month, day;
	struct tm tm;
	int end = 0;
	time_t t;

	if (sscanf(name, "timeline-%4u%2u%2u.db%n", &year, &month, &day, &end) != 3 || !end ||
	    year < 1970)
		return false;
	tm = (struct tm){
		.tm_year = (int)year - 1900,
		.tm_mon = (int)month - 1,
		.tm_mday = (int)day,
	};
	t = timegm(&tm);
	if (t < 0)
		return false;
	schema_day_of((uint64_t)t * NSEC_PER_SEC + 1, ret);
	return !strcmp(ret->name, name);
}

static int by_time(const void *a, const void *b)
{
	const struct schema_day *x = a, *y = b;

	return (x->from_ns > y->from_ns) - (x->from_ns < y->from_ns);
}

static void close_dirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

int schema_days(const char *dir, struct schema_day **ret, size_t *n)
{
	_cleanup_(close_dirp) DIR *d = opendir(dir);
	_cleanup_(freep) struct schema_day *days = NULL;
	struct schema_day day;
	size_t used = 0;
	struct dirent *e;

	if (!d)
		return -errno;
	while ((errno = 0, e = readdir(d))) {
		struct schema_day *more;

		if (!is_day(e->d_name, &day))
			continue;
		more = reallocarray(days, used + 1, sizeof(*days));
		if (!more)
			return -ENOMEM;
		days = more;
		days[used++] = day;
	}
	if (errno)
		return -errno;
	if (used)
		qsort(days, used, sizeof(*days), by_time);
	*ret = TAKE_PTR(days);
	*n = used;
	return 0;
}

static int read_pid(int fd)
{
	char text[24];
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

	if (len <= 0)
		return 0;
	text[len] = '\0';
	return (int)strtol(text, NULL, 10);
}

/* Locks of the open file description: asking for them changes nothing, and closing another
 * descriptor of the same file does not drop them. */
static struct flock whole_file(void)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
}

int schema_agent_running(const char *dir, int *ret_pid)
{
	struct flock lock = whole_file();
	char path[PATH_MAX];
	int r = lock_path(dir, path);

	if (r < 0)
		return r;
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		return -errno;
	if (lock.l_type == F_UNLCK)
		return 0;
	*ret_pid = read_pid(fd);
	return 1;
}

int schema_agent_lock(const char *dir, int *ret, int *ret_pid)
{
	struct flock lock = whole_file();
	char path[PATH_MAX];
	struct stat st;
	int r = lock_path(dir, path);

	if (r < 0)
		return r;
	_cleanup_(close_fdp) int fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);

	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
		r = errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
		*ret_pid = read_pid(fd);
		return r;
	}
	/* The group may ask who runs. What is written is for people: neither is a reason not to
	 * run. */
	if (stat(dir, &st) == 0 && st.st_gid != getegid() && fchown(fd, (uid_t)-1, st.st_gid) == 0)
		fchmod(fd, 0640);
	if (ftruncate(fd, 0) == 0)
		dprintf(fd, "%d\n", (int)getpid());
	*ret = TAKE_FD(fd);
	return 0;
}
