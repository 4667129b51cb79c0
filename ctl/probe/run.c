/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "collector/base.h"
#include "step.h"
#include "stop.h"
#include "store.h"
#include "ctl/print/text.h"
#include "ctl/print/when.h"

#define KVM_BOOT_SECONDS 15	/* a guest that runs at all has answered by then */
#define ANSWER_SECONDS 10	/* ... one that runs already */

struct run {
	struct probe probe;
	struct image image;
	uint64_t began_ns;
	char *why;
};

static void progress(const struct run *run, const char *format, ...)
	__attribute__((__format__(__printf__, 2, 3)));

/* How far it is, for a person who waits. */
static void progress(const struct run *run, const char *format, ...)
{
	va_list ap;

	if (!run->probe.opt->talk)
		return;
	fprintf(stderr, "%6.1f s  ", (double)(now_ns() - run->began_ns) / 1e9);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static int start_vm(struct run *run, bool no_kvm)
{
	struct vm_options o = run->probe.opt->vm;

	o.no_kvm |= no_kvm;
	return vm_start(&o, &run->image, &run->probe.guest.vm, &run->probe.facts, run->why);
}

/* Waits for the guest, and says in the store what it is. */
static int meet(struct run *run, uint64_t seconds)
{
	struct probe *p = &run->probe;
	const char *accel = p->facts.kvm ? "kvm" : "tcg";
	char kernel[WIRE_LINE];
	int r = guest_meet(&p->guest, p->facts.channel, seconds, kernel);

	if (r < 0)
		return r;
	progress(run, "the guest answers (%s, Linux %.60s)", accel, kernel);
	return probe_store_guest(p->db, p->id, p->facts.tap, kernel, accel);
}

/* There are machines with a /dev/kvm on which no guest runs. */
static int boot(struct run *run)
{
	struct probe *p = &run->probe;
	uint64_t limit = p->opt->boot_seconds;
	int r = p->opt->vm.vm ? vm_find(&p->opt->vm, &p->guest.vm, &p->facts, run->why)
			      : start_vm(run, false);

	if (r < 0)
		return r;
	if (p->opt->vm.vm)
		return meet(run, limit < ANSWER_SECONDS ? limit : ANSWER_SECONDS);
	if (!p->facts.kvm || p->opt->vm.only_kvm)
		return meet(run, limit);
	r = meet(run, limit < KVM_BOOT_SECONDS ? limit : KVM_BOOT_SECONDS);
	if (r != -ETIMEDOUT)
		return r;
	channel_close(&p->guest.channel);
	p->guest.vm = vm_stop(p->guest.vm);
	progress(run, "the guest does not answer with KVM; trying without it");
	r = start_vm(run, true);
	return r < 0 ? r : meet(run, limit);
}

static int prepare(struct run *run)
{
	const struct probe_options *o = run->probe.opt;
	char why[512] = "";
	int r = probe_loss_open(&run->probe.loss, why);

	if (r < 0)
		snprintf(run->why, 512, "cannot count the losses of the kernel: %.400s",
			 why[0] ? why : strerror(-r));
	if (r < 0 || o->vm.vm)
		return r;
	return image_make(&run->image, o->kernel, o->modules, o->probe, run->why);
}

static int begin(struct run *run)
{
	struct probe *p = &run->probe;
	uint8_t *mac = p->tap.mac;
	int r = prepare(run);

	if (r == 0)
		r = boot(run);
	if (r < 0)
		return r;
	p->end = p->opt->end ? p->opt->end : p->facts.bridge;
	if (!p->end[0]) {
		snprintf(run->why, 512,
			 "the bridge of a macvtap is unknown: name the interface of the host with "
			 "--%s DEV",
			 p->opt->out ? "to" : "from");
		return -EINVAL;
	}
	memcpy(p->tap.name, p->facts.tap, sizeof(p->tap.name));
	p->tap.macvtap = tap_is_macvtap(p->tap.name);
	p->tap.out = p->opt->out;
	sscanf(p->facts.mac, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &mac[0], &mac[1], &mac[2],
	       &mac[3], &mac[4], &mac[5]);
	r = probe_loss_watch(p->loss, &p->tap);
	return r < 0 ? guest_fail(&p->guest, r, p->facts.tap) : 0;
}

static void progress_step(const struct run *run, const struct probe_step *s)
{
	const struct ledger *l = &s->ledger;
	char rate[32], lost[32], sent[32];

	progress(run, "%s frames/s, %s: %s of %s lost, %lld unaccounted",
		 text_count(rate, s->span_ns ? l->sent * NSEC_PER_SEC / s->span_ns : 0), s->ring,
		 text_count(lost, l->sent - l->captured), text_count(sent, l->sent),
		 (long long)l->unaccounted);
}

static int do_steps(struct run *run)
{
	struct probe *p = &run->probe;
	struct probe_step step;
	int r = step_warm_up(p);

	for (size_t i = 0; i < p->opt->n_steps && r == 0; i++) {
		r = step_do(p, (int)i, &step);
		if (r == 0)
			progress_step(run, &step);
	}
	return r;
}

static void end(struct run *run)
{
	channel_close(&run->probe.guest.channel);
	vm_stop(run->probe.guest.vm);
	/* not earlier: libvirt gives files back to whom they belonged */
	image_remove(&run->image);
	probe_loss_close(run->probe.loss);
}

static uint32_t first_number(void)
{
	uint32_t n;

	if (getrandom(&n, sizeof(n), 0) < 0)
		n = (uint32_t)now_ns();
	return n % (UINT32_MAX / 2) + 1;
}

static int begin_store(struct run *run)
{
	const struct probe_options *o = run->probe.opt;
	uint32_t bytes = 0;
	char target[160];

	for (unsigned int i = 0; i < o->order.n_lengths; i++)
		bytes += o->order.lengths[i];
	snprintf(target, sizeof(target), "%s %.120s", o->vm.vm ? "vm" : o->vm.type,
		 o->vm.vm ? o->vm.vm : o->vm.source);
	return probe_store_begin(
		run->probe.db,
		&(struct probe_head){
			.kind = o->kind,
			.direction = o->out ? "out" : "in",
			.target = target,
			.lengths = o->lengths,
			.frame_bytes = o->order.n_lengths ? bytes / o->order.n_lengths : 0,
			.flows = o->order.flows,
			.queues = o->vm.vm ? 0 : o->vm.queues,
			.workers = (uint32_t)o->workers,
		},
		&run->probe.id);
}

int probe_run(const struct probe_options *opt, sqlite3 *db, int64_t *ret_id, char why[static 512])
{
	struct run run = {
		.probe.opt = opt,
		.probe.db = db,
		.probe.guest = { .channel.fd = -1, .why = why },
		.probe.number = first_number(),
		.why = why,
		.image.lock = -1,
		.began_ns = now_ns(),
	};
	int r;

	why[0] = '\0';
	probe_stop_catch();
	r = begin_store(&run);
	if (r < 0) {
		snprintf(why, 512, "cannot write to the store: %s", sqlite3_errmsg(db));
		return r;
	}
	*ret_id = run.probe.id;
	r = begin(&run);
	if (r == 0)
		r = do_steps(&run);
	if (r < 0 && !why[0])
		snprintf(why, 512, "%s", strerror(-r));
	end(&run);
	probe_store_end(db, run.probe.id, r < 0 ? why : NULL);
	return r;
}
