/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "clock.h"
#include "counting.h"
#include "hidden.h"
#include "log.h"
#include "loop.h"
#include "notify.h"
#include "pressure.h"
#include "programs.h"
#include "sampler.h"
#include "schedule.h"
#include "virt.h"
#include "vmm.h"

#define STALE_SAY_NS (10 * NSEC_PER_SEC)	/* how often the age of a stale source is written down */

/* One libvirt URI and its newest list. */
struct uri {
	struct agent *agent;
	struct virt *virt;
	struct owner_list *list;
	char name[160];			/* of the source: libvirt:URI */
	unsigned int index;		/* in weigh_lists::virt */
	uint64_t said_ns;
	char said[12];
};

struct agent {
	struct config config;
	const char *config_file;
	struct loop *loop;
	struct source *source;
	struct store *store;
	struct links *links;
	struct tapmap *taps;
	struct sampler *sampler;
	struct hidden *hidden;
	struct pressure *pressure;
	struct schedule *schedule;
	struct programs programs;
	struct vmm *vmm;
	struct owner_list *proc_list;
	struct uri uris[CONFIG_MAX_URIS];
	unsigned int n_uris;
	struct weigh_lists lists;
	int timer;
	bool failing;			/* the last tick could not be stored; said once */
	bool fresh_pins;		/* the counters were pinned by us, just now */
	uint64_t failing_since_ns;
	bool died;			/* a device vanished in the events at hand */
};

static int tick(struct agent *a, bool all);

/* The store's troubles: said when they begin and when they end, retried in between. */

static void tick_failed(struct agent *a, int error)
{
	if (a->failing)
		return;
	a->failing = true;
	a->failing_since_ns = mono_ns();
	log_error("cannot store loss: %s (%s); the kernel goes on counting, trying again every %u ms",
		  strerror(-error), store_error(a->store), a->config.interval_ms);
}

static void tick_works(struct agent *a)
{
	if (!a->failing)
		return;
	a->failing = false;
	log_notice("storing again after %.1f s; nothing was lost",
		   (double)(mono_ns() - a->failing_since_ns) / (double)NSEC_PER_SEC);
}

static bool can_wait(int error)
{
	return error == -ENOSPC || error == -EIO || error == -EBUSY || error == -EAGAIN || error == -EROFS || error == -EDQUOT;
}

/* 0 also when the store cannot take it now; an error only when trying again is no use. */
static int tick(struct agent *a, bool all)
{
	int r = sampler_tick(a->sampler, all);

	if (r < 0 && !can_wait(r)) {
		log_error("cannot go on: %s (%s)", strerror(-r), store_error(a->store));
		return r;
	}
	if (r < 0)
		tick_failed(a, r);
	else
		tick_works(a);
	return 0;
}

static void say_source(struct agent *a, const char *name, const char *state, const char *why)
{
	if (store_source(a->store, name, state, why, utc_ns()) < 0)
		log_debug("source %s is %s, not stored", name, state);
}

/* Links. */

static void on_link(const struct link_info *info, bool gone, void *arg)
{
	struct agent *a = arg;

	if (!gone && tapmap_unburied(a->taps, info->netns, info->ifindex))
		tick(a, false);	/* the pair is used again: what was lost so far is the dead tap's */
	if (tapmap_link(a->taps, info, gone, utc_ns()) > 0 && a->vmm)
		vmm_kick(a->vmm);
	a->died |= gone;
}

static int dump_links(struct agent *a)
{
	uint64_t mark = utc_ns();
	int r = links_dump(a->links, on_link, a);

	if (r < 0)
		return r;
	tapmap_prune(a->taps, a->lists.own_netns, mark, utc_ns());
	return 0;
}

static int on_links(void *arg)
{
	struct agent *a = arg;
	int r = links_dispatch(a->links, on_link, a);

	if (r == -ENOBUFS)
		r = dump_links(a);
	if (r < 0)
		log_warning("link events: %s", strerror(-r));
	if (!a->died)
		return 0;
	a->died = false;
	if (a->vmm)
		vmm_kick(a->vmm);
	return tick(a, false);
}

/* Taps in the namespaces of their VMs: found through the processes that hold them. */
static void dump_foreign(struct agent *a)
{
	for (unsigned int i = 0; a->proc_list && i < a->proc_list->n_vms; i++) {
		const struct owner_vm *vm = &a->proc_list->vms[i];
		uint32_t netns = vm->netns;
		uint64_t mark = utc_ns();

		if (!netns || netns == a->lists.own_netns)
			continue;
		if (links_dump_netns(a->links, vm->pid, &netns, on_link, a) == 0)
			tapmap_prune(a->taps, netns, mark, utc_ns());
	}
}

/* Owners. */

static int owners_changed(struct agent *a)
{
	int r = 0;

	a->lists.complete = !a->vmm || a->proc_list;
	for (unsigned int i = 0; i < a->n_uris; i++)
		a->lists.complete &= a->uris[i].list != NULL;
	if (tapmap_owners(a->taps, &a->lists))
		r = tick(a, false);
	if (r < 0)
		return r;
	r = tapmap_settle(a->taps, &a->lists, utc_ns());
	if (r < 0 && !can_wait(r))
		return r;
	return 0;
}

/* The lists may be looked at until owners_changed() has been told of the new ones. */
static int on_virt(void *arg)
{
	struct uri *u = arg;
	struct owner_list *new = virt_take(u->virt), *old = u->list;
	int r;

	if (!new)
		return 0;
	u->list = new;
	u->agent->lists.virt[u->index] = new;
	r = owners_changed(u->agent);
	owner_list_free(old);
	return r;
}

static int on_vmm(void *arg)
{
	struct agent *a = arg;
	struct owner_list *new = vmm_take(a->vmm), *old = a->proc_list;
	int r;

	if (!new)
		return 0;
	a->proc_list = new;
	a->lists.proc = new;
	dump_foreign(a);
	r = owners_changed(a);
	owner_list_free(old);
	return r;
}

static void say_virt(struct agent *a, struct uri *u)
{
	struct source_state st;
	uint64_t now = mono_ns();

	virt_state(u->virt, &st);
	if (!strcmp(st.state, u->said) && (now - u->said_ns < STALE_SAY_NS || !strcmp(st.state, "ok")))
		return;
	if (strcmp(st.state, u->said) != 0)
		log_notice("libvirt %s: %s%s%s", virt_uri(u->virt), st.state, st.why[0] ? ": " : "", st.why);
	snprintf(u->said, sizeof(u->said), "%s", st.state);
	u->said_ns = now;
	say_source(a, u->name, st.state, st.why);
}

static void say_sources(struct agent *a)
{
	struct source_state st;

	for (unsigned int i = 0; i < a->n_uris; i++)
		say_virt(a, &a->uris[i]);
	if (a->vmm) {
		vmm_state(a->vmm, &st);
		say_source(a, "proc", st.state, st.why);
	}
	programs_tick(&a->programs);
}

static int on_source(void *arg)
{
	struct agent *a = arg;
	int r = source_dispatch(a->source);

	if (r < 0)
		log_warning("%s: %s", a->source->ops->name, strerror(-r));
	return 0;
}

/* Time and signals. */

static int on_timer(uint64_t expirations, void *arg)
{
	struct agent *a = arg;
	int r;

	if (expirations > 1)
		sampler_late(a->sampler, expirations - 1);
	r = tick(a, false);
	if (r < 0)
		return r;
	if (a->vmm && (tapmap_orphans(a->taps) || tapmap_let_go(a->taps)))
		vmm_kick(a->vmm);
	say_sources(a);
	schedule_tick(a->schedule);
	notify("WATCHDOG=1");
	return 0;
}

static void reload(struct agent *a)
{
	struct config next = a->config;
	char why[CONFIG_WHY];

	notify("RELOADING=1");
	if (!a->config_file || config_read(a->config_file, &next, why) < 0) {
		log_error("configuration stays as it is: %s", a->config_file ? why : "no file was given");
	} else {
		a->config.interval_ms = next.interval_ms;
		a->config.log_level = next.log_level;
		log_set_level(next.log_level);
		loop_set_timer(a->timer, next.interval_ms * NSEC_PER_MSEC);
		store_run_interval(a->store, next.interval_ms * NSEC_PER_MSEC, utc_ns());
		log_notice("configuration read again: interval %u ms (other keys need a restart)", next.interval_ms);
	}
	notify("READY=1");
}

static int on_signal(int signo, void *arg)
{
	struct agent *a = arg;

	if (signo == SIGHUP) {
		reload(a);
		return 0;
	}
	notify("STOPPING=1");
	loop_quit(a->loop);
	return 0;
}

/* Setting up, in order. Each logs its own failure. */

static int open_source(struct agent *a)
{
	char why[256];
	struct loss *l;
	int r = counting_open(&a->config, &a->source);

	if (r < 0)
		return r;
	l = source_loss(a->source);
	if (!l)
		return 0;
	loss_sockets_known(l, why);	/* now, so that the first frames have their queues; the timer says how it went */
	a->fresh_pins = loss_pinned(l) && !loss_inherited(l);
	return 0;
}

static int open_store(struct agent *a)
{
	const struct config *c = &a->config;
	struct store_options opt = { .fine_days = c->seconds_days, .retention_days = c->retention_days, .hour_days = c->hours_days,
				     .fine_bytes = (uint64_t)c->seconds_max_mib << 20, .max_bytes = (uint64_t)c->max_size_mib << 20,
				     .history_bytes = (uint64_t)c->history_max_mib << 20, .background = true };
	struct loss_epoch epoch;
	struct utsname un;
	char why[SCHEMA_WHY];
	int r = store_open(a->config.store, &opt, &a->store, why);

	if (r < 0) {
		log_error("%s", why);
		return r;
	}
	uname(&un);
	r = store_run_begin(a->store, &(struct store_run){
		.pid = (int)getpid(), .version = TAPLOSS_VERSION, .kernel = un.release,
		.reasons = source_reasons(a->source),
		.interval_ns = a->config.interval_ms * NSEC_PER_MSEC, .since_ns = utc_ns() });
	if (r < 0) {
		log_error("%s: %s (%s)", a->config.store, strerror(-r), store_error(a->store));
		return r;
	}
	if (source_begun(a->source, a->config.store) < 0)
		log_warning("%s cannot be written: when this agent is killed, the kernel goes on monitoring drops for nobody", a->config.store);
	source_epoch(a->source, &epoch);
	return store_end_other_boots(a->store, epoch.boot_id, utc_ns());
}

static int open_taps(struct agent *a)
{
	struct loss_epoch epoch;
	int r = links_new(&a->links);

	if (r < 0)
		return r;
	source_epoch(a->source, &epoch);
	a->lists.own_netns = links_netns(a->links);
	r = tapmap_new(a->store, epoch.boot_id, a->lists.own_netns, &a->taps);
	if (r < 0)
		return r;
	r = tapmap_resume(a->taps);
	if (r < 0)
		return r;
	r = hidden_new(a->lists.own_netns, a->config.proc, &a->hidden);
	if (r >= 0 && a->config.proc)
		r = pressure_new("/proc", &a->pressure);
	if (r < 0)
		return r;
	r = sampler_new(&(struct sampler_options){
		.store = a->store, .source = a->source, .taps = a->taps, .links = a->links, .hidden = a->hidden, .pressure = a->pressure,
		.lists = &a->lists, .path = a->config.path || !source_loss(a->source), .storm_rows = a->config.storm_rows }, &a->sampler);
	a->programs = (struct programs){ .loss = source_loss(a->source), .store = a->store, .hidden = a->hidden, .context = a->config.context };
	programs_init(&a->programs, source_syms(a->source), a->config.xdp);
	return r < 0 ? r : dump_links(a);
}

static int start_sources(struct agent *a)
{
	char buf[CONFIG_STRING];
	const char *uris[CONFIG_MAX_URIS];
	unsigned int n = config_uris(&a->config, buf, uris);

	for (unsigned int i = 0; i < n; i++) {
		struct uri *u = &a->uris[i];
		int r = virt_start(uris[i], a->config.libvirt_resync_s * 1000, &u->virt);

		if (r < 0)
			return r;
		u->agent = a;
		u->index = i;
		snprintf(u->name, sizeof(u->name), "libvirt:%.150s", uris[i]);
		a->n_uris = i + 1;
		r = loop_add_fd(a->loop, virt_fd(u->virt), on_virt, u);
		if (r < 0)
			return r;
	}
	if (!a->config.proc)
		return 0;
	if (vmm_start("/proc", a->config.proc_resync_s * 1000, &a->vmm) < 0)
		return -ENOMEM;
	return loop_add_fd(a->loop, vmm_fd(a->vmm), on_vmm, a);
}

static int start_loop(struct agent *a)
{
	sigset_t set;
	int r = loop_new(&a->loop);

	if (r < 0)
		return r;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	return loop_add_signals(a->loop, &set, on_signal, a);	/* before any thread is made: they inherit the mask */
}

static int set_up(struct agent *a)
{
	int r = open_source(a);

	if (r < 0)
		return r;	/* said */
	r = open_store(a);
	if (r < 0)
		return r;
	r = start_loop(a);
	if (r >= 0)
		r = open_taps(a);
	if (r >= 0)
		r = sampler_tick(a->sampler, false);
	if (r >= 0)
		r = start_sources(a);
	if (r >= 0)
		r = loop_add_fd(a->loop, links_fd(a->links), on_links, a);
	if (r >= 0 && source_fd(a->source) >= 0)
		r = loop_add_fd(a->loop, source_fd(a->source), on_source, a);
	if (r >= 0)
		r = schedule_new(&a->config, &a->schedule);
	if (r >= 0)
		r = loop_add_timer(a->loop, a->config.interval_ms * NSEC_PER_MSEC, on_timer, a, &a->timer);
	if (r < 0)
		log_error("cannot start: %s (%s)", strerror(-r), store_error(a->store));
	return r;
}

int agent_new(const struct config *c, const char *config_file, struct agent **ret)
{
	struct agent *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	a->config = *c;
	a->config_file = config_file;
	r = set_up(a);
	if (r < 0) {
		bool unpin = a->fresh_pins;

		a->sampler = sampler_free(a->sampler);	/* no last tick: nothing was promised yet */
		agent_free(a);
		if (unpin)
			loss_unpin(c->pin_dir);
		return r;
	}
	counting_say(a->source, &a->config, a->store);
	say_source(a, "link", "ok", "");
	*ret = a;
	return 0;
}

int agent_run(struct agent *a)
{
	char by[64];

	counting_words(a->source, by);
	log_notice("counting by %s, store %s, every %u ms, %u taps", by, a->config.store, a->config.interval_ms, tapmap_count(a->taps));
	notify("READY=1");
	return loop_run(a->loop);
}

struct agent *agent_free(struct agent *a)
{
	if (!a)
		return NULL;
	schedule_free(a->schedule);
	if (a->sampler)
		tick(a, true);
	for (unsigned int i = 0; i < a->n_uris; i++) {
		virt_stop(a->uris[i].virt);
		owner_list_free(a->uris[i].list);
	}
	vmm_stop(a->vmm);
	owner_list_free(a->proc_list);
	sampler_free(a->sampler);
	hidden_free(a->hidden);
	pressure_free(a->pressure);
	tapmap_free(a->taps);
	links_free(a->links);
	store_close(a->store);
	source_close(a->source);
	loop_free(a->loop);
	free(a);
	return NULL;
}
