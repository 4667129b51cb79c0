/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"

/* The best first. */
static const struct source_ops *const sources[] = { &source_bpf, &source_netdm, &source_counters };

bool source_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		if (!strcmp(sources[i]->name, name))
			return true;
	return !strcmp(name, "auto");
}

static void add_text(char text[static SOURCE_WHY], const char *more)
{
	size_t n = strlen(text);

	snprintf(text + n, SOURCE_WHY - n, "%s%s", n ? "; " : "", more);
}

int source_open(const char *name, const struct source_options *opt, struct source **ret,
		char why[static SOURCE_WHY])
{
	_cleanup_(freep) struct source *s = calloc(1, sizeof(*s));
	bool any = !strcmp(name, "auto");
	int r = -EINVAL;

	if (!s)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		if (!any && strcmp(sources[i]->name, name) != 0)
			continue;
		s->ops = sources[i];
		why[0] = '\0';
		r = s->ops->open(opt, &s->impl, why);
		if (r >= 0) {
			snprintf(s->note, sizeof(s->note), "%s", why);
			*ret = TAKE_PTR(s);
			return 0;
		}
		if (!any || r == -EBUSY || r == -EPROTO)
			return r;
		add_text(s->fell, why);
	}
	snprintf(why, SOURCE_WHY, "%s", s->fell);
	return r;
}

struct source *source_close(struct source *s)
{
	if (s && s->ops->close)
		s->ops->close(s->impl);
	free(s);
	return NULL;
}

struct loss *source_loss(const struct source *s)
{
	return s->ops->loss ? s->ops->loss(s->impl) : NULL;
}

void source_epoch(const struct source *s, struct loss_epoch *ret)
{
	s->ops->epoch(s->impl, ret);
}

bool source_inherited(const struct source *s)
{
	return s->ops->inherited && s->ops->inherited(s->impl);
}

bool source_was_attached(const struct source *s)
{
	return s->ops->was_attached && s->ops->was_attached(s->impl);
}

int source_read(const struct source *s, loss_read_fn *fn, void *arg)
{
	return s->ops->read ? s->ops->read(s->impl, fn, arg) : 0;
}

int source_bursts(const struct source *s, unsigned int max, loss_burst_fn *fn, void *arg)
{
	return s->ops->bursts ? s->ops->bursts(s->impl, max, fn, arg) : 0;
}

void source_bursts_taken(const struct source *s)
{
	if (s->ops->bursts_taken)
		s->ops->bursts_taken(s->impl);
}

void source_bursts_from(const struct source *s, uint64_t boot_ns, bool all)
{
	if (s->ops->bursts_from)
		s->ops->bursts_from(s->impl, boot_ns, all);
}

int source_own(const struct source *s, struct source_own *ret)
{
	*ret = (struct source_own){ 0 };
	return s->ops->own ? s->ops->own(s->impl, ret) : 0;
}

int source_device(const struct source *s, uint32_t netns, uint32_t ifindex, struct tl_device *ret)
{
	return s->ops->device ? s->ops->device(s->impl, netns, ifindex, ret) : -ENOENT;
}

int source_watch(const struct source *s, const struct source_tap *taps, uint32_t n)
{
	return s->ops->watch ? s->ops->watch(s->impl, taps, n) : 0;
}

int source_forget(const struct source *s, const struct tl_loss_key *key,
		  const struct loss_total *last, bool gone)
{
	return s->ops->forget ? s->ops->forget(s->impl, key, last, gone) : 0;
}

int source_begun(const struct source *s, const char *dir)
{
	return s->ops->begun ? s->ops->begun(s->impl, dir) : 0;
}

int source_fd(const struct source *s)
{
	return s->ops->fd ? s->ops->fd(s->impl) : -1;
}

int source_dispatch(const struct source *s)
{
	return s->ops->dispatch ? s->ops->dispatch(s->impl) : 0;
}

bool source_by_counters(const struct source *s)
{
	return s->ops->by_counters;
}

const char *source_how(const struct source *s)
{
	return s->ops == sources[0] ? "tick" : s->ops->name;
}

unsigned int source_reasons(const struct source *s)
{
	return s->ops->reasons ? s->ops->reasons(s->impl) : 0;
}

bool source_functions(const struct source *s)
{
	return s->ops->functions && s->ops->functions(s->impl);
}

struct ksyms *source_syms(const struct source *s)
{
	return s->ops->syms ? s->ops->syms(s->impl) : NULL;
}

void source_text(const struct source *s, const struct tl_loss_key *key, struct source_text *ret)
{
	memset(ret, 0, sizeof(*ret));
	s->ops->text(s->impl, key, ret);
}
