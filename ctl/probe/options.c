/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "collector/base.h"
#include "ctl/options/number.h"
#include "ctl/options/options.h"
#include "ctl/print/message.h"
#include "send.h"

#define PROBE_PATH "../lib/taploss/taploss-probe"	/* from where taplossctl is */
#define MAX_RATE 100000000
#define RAMP_STEPS 8

const char probe_help[] =
	"  run WHERE        start a probe VM and send frames to it; needs root.\n"
	"                   WHERE is bridge:NAME, network:NAME or direct:DEVICE.\n"
	"  bench WHERE      compare the packet rings V1, V2 and V3 of the guest, in\n"
	"                   several rounds\n"
	"    --vm VM        use this VM in place of WHERE; taploss-probe must run in it\n"
	"    --nic NIC      with --vm: its interface (default: the first)\n"
	"    --direction D  in: to the guest; out: from the guest (default: in)\n"
	"    --rate N,...   frames per second, one rate after the other; 0: as fast as\n"
	"                   possible (default: 20000; bench: 40000,0)\n"
	"    --ramp FROM..TO[/STEPS]\n"
	"                   rates that grow from FROM to TO (default: 8 steps)\n"
	"    --frames N     frames per rate (default: 20000; bench: 60000)\n"
	"    --length N,... lengths of the frames in bytes, used in turn (default: 60)\n"
	"    --flows N      send IPv4 frames from N addresses; 1: frames without IP\n"
	"                   (default: 1)\n"
	"    --workers N    sending threads on the host (default: 1)\n"
	"    --from DEV, --to DEV\n"
	"                   interface of the host that sends (--from) or captures (--to)\n"
	"                   (default: the bridge)\n"
	"    --ring N,...   TPACKET version of the capture: 1, 2 or 3\n"
	"                   (default: 3; bench: 1,2,3)\n"
	"    --ring-blocks N, --ring-block BYTES\n"
	"                   size of that ring (default: 64 blocks of 262144 bytes)\n"
	"    --rounds N     bench: number of rounds (default: 3)\n"
	"    --memory MIB, --cpus N, --queues N\n"
	"                   size of the probe VM (default: 512, 1, 1)\n"
	"    --kernel FILE, --modules DIR\n"
	"                   kernel that the probe VM boots (default: the running kernel)\n"
	"    --probe FILE   program in the probe VM (default: the one of this taplossctl)\n"
	"    --connect URI  libvirt to use (default: qemu:///system)\n"
	"    --accel A      auto: KVM if it works; kvm; tcg: software (default: auto)\n"
	"    --boot-time S  seconds to wait for the guest (default: 120)\n"
	"    --fail         exit with status 3 if frames were lost (also with show)\n"
	"  list             list all probes\n"
	"  show N           show probe N, with each gap\n";

/* TYPE:NAME */
static bool target(struct probe_request *rq, const char *value)
{
	static const char *const types[] = { "bridge", "network", "direct" };
	const char *colon = strchr(value, ':');

	for (size_t i = 0; colon && i < ARRAY_SIZE(types); i++) {
		if (strncmp(value, types[i], (size_t)(colon - value)) != 0 ||
		    types[i][colon - value] || !colon[1] || strlen(colon) > 64)
			continue;
		rq->opt.vm.type = types[i];
		rq->opt.vm.source = colon + 1;
		return true;
	}
	message_error("probe: \"%.80s\" is not a place for a probe VM; use bridge:NAME, "
		      "network:NAME or direct:DEVICE",
		      value);
	return false;
}

enum {
	OPT_FRAMES = OPT_OWN,
	OPT_LENGTH,
	OPT_BLOCKS,
	OPT_BLOCK_BYTES,
	OPT_MEMORY,
	OPT_CPUS,
	OPT_QUEUES,
	OPT_FLOWS,
	OPT_WORKERS,
	OPT_ROUNDS,
	OPT_BOOT,
	OPT_KERNEL,
	OPT_MODULES,
	OPT_PROBE,
	OPT_CONNECT,
	OPT_END,
	OPT_RATES,
	OPT_RAMP,
	OPT_RINGS,
	OPT_FAIL,
	OPT_ACCEL,
};

static const struct option table[] = { GLOBAL_OPTIONS,
				       { "frames", required_argument, NULL, OPT_FRAMES },
				       { "length", required_argument, NULL, OPT_LENGTH },
				       { "ring-blocks", required_argument, NULL, OPT_BLOCKS },
				       { "ring-block", required_argument, NULL, OPT_BLOCK_BYTES },
				       { "memory", required_argument, NULL, OPT_MEMORY },
				       { "cpus", required_argument, NULL, OPT_CPUS },
				       { "queues", required_argument, NULL, OPT_QUEUES },
				       { "flows", required_argument, NULL, OPT_FLOWS },
				       { "workers", required_argument, NULL, OPT_WORKERS },
				       { "rounds", required_argument, NULL, OPT_ROUNDS },
				       { "boot-time", required_argument, NULL, OPT_BOOT },
				       { "kernel", required_argument, NULL, OPT_KERNEL },
				       { "modules", required_argument, NULL, OPT_MODULES },
				       { "probe", required_argument, NULL, OPT_PROBE },
				       { "connect", required_argument, NULL, OPT_CONNECT },
				       { "from", required_argument, NULL, OPT_END },
				       { "to", required_argument, NULL, OPT_END },
				       { "rate", required_argument, NULL, OPT_RATES },
				       { "ramp", required_argument, NULL, OPT_RAMP },
				       { "ring", required_argument, NULL, OPT_RINGS },
				       { "fail", no_argument, NULL, OPT_FAIL },
				       { "accel", required_argument, NULL, OPT_ACCEL },
				       { "direction", required_argument, NULL, OPT_DIRECTION },
				       { "vm", required_argument, NULL, OPT_VM },
				       { "nic", required_argument, NULL, OPT_NIC },
				       { 0 } };

static int take_number(struct probe_request *rq, int opt, const char *value)
{
	struct probe_options *o = &rq->opt;
	uint64_t memory = o->vm.memory_mib, cpus = o->vm.cpus, queues = o->vm.queues,
		 flows = o->order.flows;
	const struct {
		int opt;
		const char *name;
		uint64_t min, max, *to;
	} numbers[] = {
		{ OPT_FRAMES, "--frames", 1, WIRE_MAX_FRAMES, &o->frames },
		{ OPT_BLOCKS, "--ring-blocks", 2, 4096, &o->ring_blocks },
		{ OPT_BLOCK_BYTES, "--ring-block", 4096, 4194304, &o->block_bytes },
		{ OPT_MEMORY, "--memory", 128, 65536, &memory },
		{ OPT_CPUS, "--cpus", 1, 64, &cpus },
		{ OPT_QUEUES, "--queues", 1, 64, &queues },
		{ OPT_FLOWS, "--flows", 1, WIRE_MAX_FLOWS, &flows },
		{ OPT_WORKERS, "--workers", 1, SEND_WORKERS, &o->workers },
		{ OPT_ROUNDS, "--rounds", 1, 20, &rq->rounds },
		{ OPT_BOOT, "--boot-time", 1, 3600, &o->boot_seconds },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].opt == opt)
			r = number_option(numbers[i].name, value, numbers[i].min, numbers[i].max,
					  numbers[i].to);
	o->vm.memory_mib = (unsigned int)memory;
	o->vm.cpus = (unsigned int)cpus;
	o->vm.queues = (unsigned int)queues;
	o->order.flows = (uint32_t)flows;
	return r;
}

/* One of two values. */
static int take_word(const char *option, const char *value, const char *no, const char *yes,
		     bool *ret)
{
	*ret = !strcmp(value, yes);
	if (*ret || !strcmp(value, no))
		return 1;
	message_error("probe: %s: \"%.60s\" is neither %s nor %s", option, value, no, yes);
	return -1;
}

static int take_text(struct probe_request *rq, int opt, const char *value)
{
	struct probe_options *o = &rq->opt;
	const struct {
		int opt;
		const char **to;
	} texts[] = { { OPT_CONNECT, &o->vm.uri }, { OPT_END, &o->end },
		      { OPT_RATES, &rq->rates },   { OPT_RAMP, &rq->ramp },
		      { OPT_RINGS, &rq->rings },   { OPT_VM, &o->vm.vm },
		      { OPT_NIC, &o->vm.nic },	   { OPT_LENGTH, &o->lengths },
		      { OPT_KERNEL, &o->kernel },  { OPT_MODULES, &o->modules },
		      { OPT_PROBE, &o->probe } };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (texts[i].opt == opt) {
			*texts[i].to = value;
			return 1;
		}
	}
	return 0;
}

static int take_accel(struct vm_options *vm, const char *value)
{
	vm->no_kvm = !strcmp(value, "tcg");
	vm->only_kvm = !strcmp(value, "kvm");
	if (vm->no_kvm || vm->only_kvm || !strcmp(value, "auto"))
		return 1;
	message_error("probe: --accel: \"%.60s\" is none of auto, kvm, tcg", value);
	return -1;
}

static int own_option(void *arg, int opt, const char *value)
{
	struct probe_request *rq = arg;
	int taken = 0;

	if (opt == OPT_ACCEL)
		return take_accel(&rq->opt.vm, value);
	if (opt == OPT_DIRECTION)
		return take_word("--direction", value, "in", "out", &rq->opt.out);
	if (opt == OPT_FAIL) {
		rq->fail = true;
		return 1;
	}
	taken = take_number(rq, opt, value);
	return taken ? taken : take_text(rq, opt, value);
}

bool probe_options_read(struct probe_request *rq, const struct cmd *cmd, int argc, char **argv,
			int *ret_exit)
{
	const struct options options = {
		.cmd = cmd,
		.table = table,
		.global = &rq->g,
		.own = own_option,
		.arg = rq,
	};

	rq->rounds = 3;
	rq->opt = (struct probe_options){
		.vm = { .uri = "qemu:///system", .memory_mib = 512, .cpus = 1, .queues = 1 },
		.order.flows = 1,
		.lengths = "60",
		.workers = 1,
		.ring_blocks = 64,
		.block_bytes = 262144,
		.boot_seconds = 120,
	};
	return options_read(&options, argc, argv, ret_exit);
}

static bool add_step(struct probe_request *rq, uint64_t pps, int ring)
{
	struct probe_options *o = &rq->opt;

	if (o->n_steps == PROBE_STEPS) {
		message_error("probe: more than %d steps; use fewer rates, rings or rounds",
			      PROBE_STEPS);
		return false;
	}
	o->steps[o->n_steps++] = (struct probe_rate){ pps, ring };
	return true;
}

/* With each ring, beginning with another one in each round. */
static bool add_rate(struct probe_request *rq, uint64_t pps, uint64_t round)
{
	int rings[8], n = 0;

	for (const char *ring = rq->rings; *ring; ring++) {
		if (*ring == ',')
			continue;
		if (*ring < '1' || *ring > '3' || n == (int)ARRAY_SIZE(rings)) {
			message_error(
				"probe: --ring: \"%.60s\" is not a list of 1, 2 and 3, such as 1,3",
				rq->rings);
			return false;
		}
		rings[n++] = *ring - '0';
	}
	for (int i = 0; i < n; i++)
		if (!add_step(rq, pps, rings[((uint64_t)i + round) % (uint64_t)n]))
			return false;
	return n > 0;
}

static bool add_rates(struct probe_request *rq, uint64_t round)
{
	const char *rate = rq->rates;

	do {
		size_t len = strcspn(rate, ",");
		char text[24];
		uint64_t pps;

		snprintf(text, sizeof(text), "%.*s", (int)(len < 20 ? len : 20), rate);
		if (number_option("--rate", text, 0, MAX_RATE, &pps) < 0 ||
		    !add_rate(rq, pps, round))
			return false;
		rate += len;
	} while (*rate++ == ',');
	return true;
}

/* Each step is as many times the one before. */
static bool add_ramp(struct probe_request *rq)
{
	unsigned long from, to, steps = RAMP_STEPS;
	char more;
	int n = sscanf(rq->ramp, "%lu..%lu/%lu%c", &from, &to, &steps, &more);

	if (rq->rates) {
		message_error("probe: --ramp and --rate cannot be combined");
		return false;
	}
	if ((n != 2 && n != 3) || (n == 2 && strchr(rq->ramp, '/')) || !from || from >= to ||
	    to > MAX_RATE || steps < 2 || steps > 64) {
		message_error(
			"probe: --ramp: \"%.60s\" is not FROM..TO or FROM..TO/STEPS, such as "
			      "10000..200000/12",
			      rq->ramp);
		return false;
	}
	for (unsigned long i = 0; i < steps; i++)
		if (!add_rate(rq,
			      (uint64_t)llround((double)from *
						pow((double)to / (double)from,
						    (double)i / (double)(steps - 1))),
			      0))
			return false;
	return true;
}

static bool make_steps(struct probe_request *rq, bool bench)
{
	if (!rq->rings)
		rq->rings = bench && !rq->opt.out ? "1,2,3" : "3";
	if (rq->ramp && !bench)
		return add_ramp(rq);
	if (!rq->rates)
		rq->rates = bench ? "40000,0" : "20000";
	for (uint64_t round = 0; round < (bench ? rq->rounds : 1); round++)
		if (!add_rates(rq, round))
			return false;
	return true;
}

/* The kernel that runs, and the probe that came with this program. */
static void find_files(struct probe_request *rq)
{
	struct utsname u;
	char *slash;
	ssize_t n;

	uname(&u);
	snprintf(rq->kernel, sizeof(rq->kernel), "/boot/vmlinuz-%s", u.release);
	snprintf(rq->modules, sizeof(rq->modules), "/lib/modules/%s", u.release);
	n = readlink("/proc/self/exe", rq->probe, sizeof(rq->probe) - sizeof(PROBE_PATH));
	rq->probe[n > 0 ? n : 0] = '\0';
	slash = strrchr(rq->probe, '/');
	if (slash)
		snprintf(slash + 1, sizeof(PROBE_PATH), "taploss-probe");
	if (access(rq->probe, R_OK) < 0 && slash)
		memcpy(slash + 1, PROBE_PATH, sizeof(PROBE_PATH));
	rq->opt.kernel = rq->opt.kernel ? rq->opt.kernel : rq->kernel;
	rq->opt.modules = rq->opt.modules ? rq->opt.modules : rq->modules;
	rq->opt.probe = rq->opt.probe ? rq->opt.probe : rq->probe;
}

static bool agree(const struct probe_options *o)
{
	const char *what = NULL;

	if (o->block_bytes % 4096)
		what = "--ring-block must be a multiple of 4096";
	else if (o->out && (o->workers > 1 || o->order.flows > 1))
		what = "--workers and --flows need --direction in";
	else if (o->vm.nic && !o->vm.vm)
		what = "--nic needs --vm";
	if (what)
		message_error("probe: %s", what);
	return !what;
}

bool probe_options_run(struct probe_request *rq, const char *kind, const char *where)
{
	struct probe_options *o = &rq->opt;
	bool bench = !strcmp(kind, "bench");

	o->kind = kind;
	o->talk = rq->g.format == FORMAT_TEXT;
	if (!o->frames)
		o->frames = bench ? 60000 : 20000;
	if ((where && !target(rq, where)) || !agree(o))
		return false;
	if (!send_lengths(o->lengths, &o->order)) {
		message_error("probe: --length: \"%.60s\" is not a list of up to %d lengths from "
			      "%d to %d, such as 60,1514",
			      o->lengths, WIRE_LENGTHS, WIRE_MIN_LEN, WIRE_MAX_LEN);
		return false;
	}
	find_files(rq);
	return make_steps(rq, bench);
}
