/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "targets.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/base.h"
#include "ctl/options/query.h"
#include "ctl/print/message.h"
#include "ctl/print/text.h"
#include "ctl/query/vmref.h"

struct elsewhere {
	uint32_t netns;
	int fd;
};

struct capture_targets {
	const char *store;
	char **names;
	bool *vm;
	int n;
	uint32_t netns;
	struct elsewhere *elsewhere;
	size_t n_elsewhere;
	capture_targets_fn *fn;
	void *arg;
	char reported[256]; /* the last refusal: it is not repeated every second */
};

static uint32_t own_netns(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) < 0 ? 0 : (uint32_t)st.st_ino;
}

/* A namespace by its number: one that has a name, else that of a process in it. */
static int open_netns(uint32_t netns)
{
	static const char *const where[] = { "/run/netns/*", "/proc/[0-9]*/ns/net" };
	int fd = -1;

	for (size_t k = 0; k < ARRAY_SIZE(where) && fd < 0; k++) {
		glob_t g = { 0 };
		struct stat st;

		if (glob(where[k], GLOB_NOSORT, NULL, &g) == 0)
			for (size_t i = 0; i < g.gl_pathc && fd < 0; i++) {
				fd = open(g.gl_pathv[i], O_RDONLY | O_CLOEXEC);
				if (fd >= 0 && (fstat(fd, &st) < 0 || st.st_ino != netns))
					fd = close_fd(fd);
			}
		globfree(&g);
	}
	return fd;
}

/* Kept: later there may be no privilege to find it again. */
static int netns_fd(struct capture_targets *w, uint32_t netns)
{
	struct elsewhere *more;
	int fd;

	for (size_t i = 0; i < w->n_elsewhere; i++)
		if (w->elsewhere[i].netns == netns)
			return w->elsewhere[i].fd;
	fd = open_netns(netns);
	if (fd < 0)
		return fd;
	more = reallocarray(w->elsewhere, w->n_elsewhere + 1, sizeof(*more));
	if (!more)
		abort();
	w->elsewhere = more;
	w->elsewhere[w->n_elsewhere++] = (struct elsewhere){ netns, fd };
	return fd;
}

struct capture_targets *capture_targets_free(struct capture_targets *w)
{
	if (!w)
		return NULL;
	for (size_t i = 0; i < w->n_elsewhere; i++)
		close_fd(w->elsewhere[i].fd);
	free(w->elsewhere);
	free(w->vm);
	free(w);
	return NULL;
}

void capture_targets_freep(struct capture_targets **w)
{
	*w = capture_targets_free(*w);
}

struct capture_targets *capture_targets_new(const char *store, char **names, int n,
					    capture_targets_fn *fn, void *arg)
{
	struct capture_targets *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	*w = (struct capture_targets){
		.store = store,
		.names = names,
		.n = n,
		.netns = own_netns(),
		.fn = fn,
		.arg = arg,
		.vm = calloc((size_t)n, sizeof(bool)),
	};
	if (!w->vm)
		abort();
	for (int i = 0; i < n; i++)
		w->vm[i] = !if_nametoindex(names[i]);
	return w;
}

bool capture_targets_follows(const struct capture_targets *w)
{
	for (int i = 0; i < w->n; i++)
		if (w->vm[i])
			return true;
	return false;
}

bool capture_targets_elsewhere(const struct capture_targets *w)
{
	return w->n_elsewhere;
}

static int add(struct capture_targets *w, const struct capture_device *d, bool first)
{
	char why[256] = "";
	int r = w->fn(d, w->arg, why);

	if (r >= 0 && *why)
		message_error("capture: %s", why);
	if (r >= 0 || r == -EALREADY || r == -EEXIST)
		return 1;
	if (first || strcmp(w->reported, why) != 0)
		message_error("capture: %s", why);
	snprintf(w->reported, sizeof(w->reported), "%s", why);
	return r;
}

static int add_named(struct capture_targets *w, const char *name, bool first)
{
	struct capture_device d = {
		.name = name,
		.netns = w->netns,
		.ifindex = if_nametoindex(name),
		.netns_fd = -1,
	};

	return add(w, &d, first);
}

/* The taps that a VM has now. Returns 0, or -errno when @first. */
static int add_vm(struct capture_targets *w, struct reader *v, const char *name, bool first)
{
	struct vmref ref;
	char text[200];
	int r = vmref_find(v, name, &ref), taps = 0;

	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "VM %.160s", vmref_name(v, &ref));
	for (size_t i = 0; i < v->n_attachments && (r >= 0 || !first); i++) {
		const struct reader_attachment *a = &v->attachments[i];
		const struct reader_device *d =
			a->id && !a->until_ns && ref.vm_id && a->vm_id == ref.vm_id
				? reader_device(v, a->device_id)
				: NULL;

		if (!d || d->until_ns)
			continue;
		/* gone, and the agent has not noticed yet */
		if (d->netns == w->netns && if_nametoindex(d->name) != d->ifindex)
			continue;
		r = add(w,
			&(struct capture_device){ d->name, text, d->netns, d->ifindex,
						  d->netns == w->netns ? -1
								       : netns_fd(w, d->netns) },
			first);
		taps += r > 0;
	}
	if (r < 0 && first)
		return r;
	if (first && !taps)
		message_error("capture: \"%.200s\" has no tap now; see taplossctl vms",
			      name);
	return first && !taps ? -ENODEV : 0;
}

/* What is no device may be a VM, but for that there has to be a store. */
static bool says_no_store(const struct capture_targets *w)
{
	char path[4096];
	int i = 0;

	snprintf(path, sizeof(path), "%s/meta.db", w->store);
	if (access(path, F_OK) == 0 || errno != ENOENT)
		return false;
	while (!w->vm[i])
		i++;
	message_error("capture: no network device \"%.60s\" in this network namespace, and no "
		      "store in %.200s to look up a VM of that name",
		      w->names[i], w->store);
	return true;
}

int capture_targets_add(struct capture_targets *w, bool first)
{
	struct reader *v;
	int r = 0;

	for (int i = 0; i < w->n && r >= 0; i++)
		if (!w->vm[i] && first)
			r = add_named(w, w->names[i], first);
	if (r < 0 || !capture_targets_follows(w))
		return r;
	if (first && says_no_store(w))
		return -ENOENT;
	v = query_begin(w->store);
	if (!v)
		return first ? -ENOENT : 0;
	for (int i = 0; i < w->n && r >= 0; i++)
		if (w->vm[i])
			r = add_vm(w, v, w->names[i], first);
	query_end(v);
	return r;
}
