/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "collector/clock.h"
#include "agent/tick/source_setup.h"
#include "agent/tick/ring_occupancy.h"
#include "agent/tick/extra_counters.h"
#include "log.h"
#include "notify.h"
#include "agent/tick/pressure.h"
#include "privilege.h"

/* Setting up, in order. Each logs its own failure. */

static int open_source(struct agent *a)
{
	char why[256];
	struct loss *l;
	int r = source_setup_open(&a->config, &a->source);

	if (r < 0)
		return r;
	l = source_loss(a->source);
	if (!l)
		return 0;
	/* now, so that the first frames have their queues; the timer says how it went */
	loss_sockets_known(l, why);
	a->fresh_pins = loss_pinned(l) && !loss_inherited(l);
	return 0;
}

static int open_store(struct agent *a)
{
	const struct config *c = &a->config;
	struct store_options opt = {
		.fine_days = c->seconds_days,
		.retention_days = c->retention_days,
		.hour_days = c->hours_days,
		.fine_bytes = (uint64_t)c->seconds_max_mib << 20,
		.max_bytes = (uint64_t)c->max_size_mib << 20,
		.history_bytes = (uint64_t)c->history_max_mib << 20,
		.background = true,
	};
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
		log_warning("cannot write to %s: the drop monitor stays enabled if taplossd is "
			    "killed",
			    a->config.store);
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
	r = extra_counters_new(a->lists.own_netns, a->config.proc, source_loss(a->source) != NULL,
			       &a->extra);
	if (r >= 0)
		r = ring_occupancy_new(&a->rings);
	if (r >= 0 && a->config.proc)
		r = pressure_new("/proc", &a->pressure);
	if (r < 0)
		return r;
	r = sampler_new(
		&(struct sampler_options){
			.store = a->store,
			.attr = {
				.taps = a->taps,
				.links = a->links,
				.source = a->source,
				.extra = a->extra,
				.lists = &a->lists,
			},
			.rings = a->rings,
			.pressure = a->pressure,
			.path = a->config.path || !source_loss(a->source),
			.storm_rows = a->config.storm_rows,
		},
		&a->sampler);
	a->aux = (struct aux_programs){
		.loss = source_loss(a->source),
		.store = a->store,
		.extra = a->extra,
		.rings = a->rings,
		.context = a->config.context,
	};
	aux_programs_init(&a->aux, source_syms(a->source), a->config.xdp);
	return r < 0 ? r : agent_dump_links(a);
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
		r = loop_add_fd(a->loop, virt_fd(u->virt), agent_on_virt, u);
		if (r < 0)
			return r;
	}
	if (!a->config.proc)
		return 0;
	if (vmm_start("/proc", a->config.proc_resync_s * 1000, &a->vmm) < 0)
		return -ENOMEM;
	return loop_add_fd(a->loop, vmm_fd(a->vmm), agent_on_vmm, a);
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
	/* before any thread is made: they inherit the mask */
	return loop_add_signals(a->loop, &set, agent_on_signal, a);
}

static int set_up(struct agent *a)
{
	int r = open_source(a);

	if (r < 0)
		return r;	/* reported */
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
		r = loop_add_fd(a->loop, links_fd(a->links), agent_on_links, a);
	if (r >= 0 && source_fd(a->source) >= 0)
		r = loop_add_fd(a->loop, source_fd(a->source), agent_on_source, a);
	if (r >= 0)
		r = schedule_new(&a->config, &a->schedule);
	if (r >= 0)
		r = loop_add_timer(a->loop, a->config.interval_ms * NSEC_PER_MSEC, agent_on_timer,
				   a, &a->timer);
	if (r < 0)
		log_error("cannot start: %s (%s)", strerror(-r), store_error(a->store));
	return r;
}

/* A word in the log and in `status` for what the unit, or a container, does not grant. */
static void report_privilege(struct agent *a)
{
	char text[PRIVILEGE_TEXT];
	bool suffers = privilege_missing(privilege_now(), text) > 0;

	if (suffers)
		log_warning("%s", text);
	else if (text[0])
		log_notice("%s", text);
	agent_report_source(a, "privilege", suffers ? "partial" : "ok", text);
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
	source_setup_report(a->source, &a->config, a->store);
	agent_report_source(a, "link", "ok", "");
	report_privilege(a);
	if (store_set_aside(a->store)[0]) {
		log_warning("%s", store_set_aside(a->store));
		agent_report_source(a, "store-day", "partial", store_set_aside(a->store));
	}
	*ret = a;
	return 0;
}

int agent_run(struct agent *a)
{
	char by[64];

	source_setup_text(a->source, by);
	log_notice("counting by %s, store %s, every %u ms, %u taps", by, a->config.store,
		   a->config.interval_ms, tapmap_count(a->taps));
	notify("READY=1");
	return loop_run(a->loop);
}

struct agent *agent_free(struct agent *a)
{
	if (!a)
		return NULL;
	schedule_free(a->schedule);
	if (a->sampler)
		agent_tick(a, true);
	for (unsigned int i = 0; i < a->n_uris; i++) {
		virt_stop(a->uris[i].virt);
		owner_list_free(a->uris[i].list);
	}
	vmm_stop(a->vmm);
	owner_list_free(a->proc_list);
	sampler_free(a->sampler);
	extra_counters_free(a->extra);
	ring_occupancy_free(a->rings);
	pressure_free(a->pressure);
	tapmap_free(a->taps);
	links_free(a->links);
	store_close(a->store);
	source_close(a->source);
	loop_free(a->loop);
	free(a);
	return NULL;
}
