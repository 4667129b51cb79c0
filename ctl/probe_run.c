/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe_run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "../collector/base.h"
#include "probe_step.h"
#include "probe_stop.h"
#include "probe_store.h"
#include "when.h"

#define KVM_BOOT_SECONDS 15	/* a guest that runs at all has answered by then */

struct run {
	struct probe probe;
	struct image image;
	char *why;
};

static int start_vm(struct run *run, bool no_kvm)
{
	struct vm_options o = run->probe.opt->vm;

	o.no_kvm |= no_kvm;
	return vm_start(&o, &run->image, &run->probe.guest.vm, &run->probe.facts, run->why);
}

/* Waits for the guest, and says in the store what it is. */
static int meet(struct run *run, unsigned long seconds)
{
	struct probe *p = &run->probe;
	char kernel[WIRE_LINE];
	int r = guest_meet(&p->guest, p->facts.channel, seconds, kernel);

	return r < 0 ? r : probe_store_guest(p->db, p->id, p->facts.tap, kernel, p->facts.kvm ? "kvm" : "tcg");
}

/* There are machines with a /dev/kvm on which no guest runs. */
static int boot(struct run *run)
{
	struct probe *p = &run->probe;
	unsigned long limit = p->opt->boot_seconds;
	int r = start_vm(run, false);

	if (r < 0)
		return r;
	if (!p->facts.kvm)
		return meet(run, limit);
	r = meet(run, limit < KVM_BOOT_SECONDS ? limit : KVM_BOOT_SECONDS);
	if (r != -ETIMEDOUT)
		return r;
	channel_close(&p->guest.channel);
	p->guest.vm = vm_stop(p->guest.vm);
	r = start_vm(run, true);
	return r < 0 ? r : meet(run, limit);
}

static int prepare(struct run *run)
{
	const struct probe_options *o = run->probe.opt;
	char why[512] = "";
	int r = probe_loss_open(&run->probe.loss, why);

	if (r < 0)
		snprintf(run->why, 512, "the kernel's losses cannot be counted: %.400s", why[0] ? why : strerror(-r));
	return r < 0 ? r : image_make(&run->image, o->kernel, o->modules, o->probe, run->why);
}

static int begin(struct run *run)
{
	struct probe *p = &run->probe;
	int r = prepare(run);

	if (r == 0)
		r = boot(run);
	if (r < 0)
		return r;
	p->from = p->opt->from ? p->opt->from : p->facts.bridge;
	if (!p->from[0]) {
		snprintf(run->why, 512, "frames for a macvtap have to come in from elsewhere: name an interface to send from (--from DEV)");
		return -EINVAL;
	}
	sscanf(p->facts.mac, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &p->mac[0], &p->mac[1], &p->mac[2], &p->mac[3], &p->mac[4], &p->mac[5]);
	r = probe_loss_watch(p->loss, p->facts.tap, p->mac);
	return r < 0 ? guest_fail(&p->guest, r, p->facts.tap) : 0;
}

static int do_steps(struct probe *p)
{
	int r = step_warm_up(p);

	for (size_t i = 0; i < p->opt->n_steps && r == 0; i++)
		r = step_do(p, (int)i);
	return r;
}

static void end(struct run *run)
{
	channel_close(&run->probe.guest.channel);
	vm_stop(run->probe.guest.vm);
	image_remove(&run->image);	/* not earlier: libvirt gives files back to whom they belonged */
	probe_loss_close(run->probe.loss);
}

static uint32_t first_number(void)
{
	uint32_t n;

	if (getrandom(&n, sizeof(n), 0) < 0)
		n = (uint32_t)now_ns();
	return n % (UINT32_MAX / 2) + 1;
}

int probe_run(const struct probe_options *opt, sqlite3 *db, int64_t *ret_id, char why[static 512])
{
	struct run run = { .probe = { .opt = opt, .db = db, .guest = { .channel.fd = -1, .why = why }, .number = first_number() }, .why = why,
			   .image.lock = -1 };
	char target[160];
	int r;

	why[0] = '\0';
	probe_stop_catch();
	snprintf(target, sizeof(target), "%s %.120s", opt->vm.type, opt->vm.source);
	r = probe_store_begin(db, target, (unsigned int)opt->len, &run.probe.id);
	if (r < 0) {
		snprintf(why, 512, "the store: %s", sqlite3_errmsg(db));
		return r;
	}
	*ret_id = run.probe.id;
	r = begin(&run);
	if (r == 0)
		r = do_steps(&run.probe);
	if (r < 0 && !why[0])
		snprintf(why, 512, "%s", strerror(-r));
	end(&run);
	probe_store_end(db, run.probe.id, r < 0 ? why : NULL);
	return r;
}
