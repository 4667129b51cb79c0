/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "../collector/base.h"
#include "../collector/probe/wire.h"
#include "cmd.h"
#include "out.h"
#include "probe_print.h"
#include "probe_run.h"
#include "probe_store.h"

#define PROBE_PATH "../lib/taploss/taploss-probe"	/* from where taplossctl is */

struct request {
	struct global g;
	struct probe_options opt;
	char kernel[4096], modules[4096], probe[4096];
	const char *rates, *rings;
	bool fail;
};

static int number(const char *option, const char *value, unsigned long min, unsigned long max, unsigned long *ret)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (*value >= '0' && *value <= '9' && !*end && !errno && n >= min && n <= max) {
		*ret = n;
		return 1;
	}
	complain("probe: %s: \"%.60s\" is not a number from %lu to %lu", option, value, min, max);
	return -1;
}

/* TYPE:NAME */
static int target(struct request *rq, const char *value)
{
	static const char *const types[] = { "bridge", "network", "direct" };
	const char *colon = strchr(value, ':');

	for (size_t i = 0; colon && i < ARRAY_SIZE(types); i++) {
		if (strncmp(value, types[i], (size_t)(colon - value)) != 0 || types[i][colon - value] || !colon[1] || strlen(colon) > 64)
			continue;
		rq->opt.vm.type = types[i];
		rq->opt.vm.source = colon + 1;
		return 1;
	}
	complain("probe: \"%.80s\" is no place for a probe VM: bridge:NAME, network:NAME, direct:DEVICE", value);
	return -1;
}

enum { FRAMES = 3000, LENGTH, BLOCKS, BLOCK_BYTES, MEMORY, CPUS, KERNEL, MODULES, PROBE, CONNECT, FROM, RATES, RINGS, BOOT, FAIL, ACCEL };

static int own_option(struct request *rq, int opt, const char *value)
{
	struct probe_options *o = &rq->opt;
	unsigned long n = 0;
	int r = 1;

	switch (opt) {
	case FRAMES:
		return number("--frames", value, 1, WIRE_MAX_FRAMES, &o->frames);
	case LENGTH:
		return number("--length", value, WIRE_MIN_LEN, WIRE_MAX_LEN, &o->len);
	case BLOCKS:
		return number("--ring-blocks", value, 2, 4096, &o->ring_blocks);
	case BLOCK_BYTES:
		r = number("--ring-block", value, 4096, 4194304, &o->block_bytes);
		if (r < 0 || !(o->block_bytes % 4096))
			return r;
		complain("probe: --ring-block: a multiple of 4096");
		return -1;
	case MEMORY:
		r = number("--memory", value, 128, 65536, &n);
		o->vm.memory_mib = (unsigned int)n;
		return r;
	case CPUS:
		r = number("--cpus", value, 1, 64, &n);
		o->vm.cpus = (unsigned int)n;
		return r;
	case BOOT:
		return number("--boot-time", value, 1, 3600, &o->boot_seconds);
	case KERNEL:
		snprintf(rq->kernel, sizeof(rq->kernel), "%s", value);
		break;
	case MODULES:
		snprintf(rq->modules, sizeof(rq->modules), "%s", value);
		break;
	case PROBE:
		snprintf(rq->probe, sizeof(rq->probe), "%s", value);
		break;
	case CONNECT:
		o->vm.uri = value;
		break;
	case FROM:
		o->from = value;
		break;
	case RATES:
		rq->rates = value;
		break;
	case RINGS:
		rq->rings = value;
		break;
	case ACCEL:
		o->vm.no_kvm = !strcmp(value, "tcg");
		if (o->vm.no_kvm || !strcmp(value, "auto"))
			break;
		complain("probe: --accel: auto or tcg");
		return -1;
	case FAIL:
		rq->fail = true;
		break;
	default:
		r = 0;
	}
	return r;
}

/* Each rate with each ring. */
static int parse_steps(struct request *rq)
{
	struct probe_options *o = &rq->opt;
	const char *rate = rq->rates;

	do {
		size_t len = strcspn(rate, ",");
		char text[24];
		unsigned long pps;

		snprintf(text, sizeof(text), "%.*s", (int)(len < 20 ? len : 20), rate);
		if (number("--rate", text, 0, 100000000, &pps) < 0)
			return -EINVAL;
		for (const char *ring = rq->rings; *ring; ring++) {
			if (*ring == ',')
				continue;
			if (*ring < '1' || *ring > '3' || o->n_steps == PROBE_STEPS) {
				complain("probe: --ring: 1, 2 or 3, or several of them as 1,3; and at most %d steps in all", PROBE_STEPS);
				return -EINVAL;
			}
			o->steps[o->n_steps++] = (struct probe_rate){ pps, *ring - '0' };
		}
		rate += len;
	} while (*rate++ == ',');
	return o->n_steps ? 0 : -EINVAL;
}

/* The kernel that runs, and the probe that came with this program. */
static void find_files(struct request *rq)
{
	struct utsname u;
	ssize_t n;

	uname(&u);
	if (!rq->kernel[0])
		snprintf(rq->kernel, sizeof(rq->kernel), "/boot/vmlinuz-%s", u.release);
	if (!rq->modules[0])
		snprintf(rq->modules, sizeof(rq->modules), "/lib/modules/%s", u.release);
	if (!rq->probe[0]) {
		char *slash;

		n = readlink("/proc/self/exe", rq->probe, sizeof(rq->probe) - sizeof(PROBE_PATH));
		rq->probe[n > 0 ? n : 0] = '\0';
		slash = strrchr(rq->probe, '/');
		if (slash)
			snprintf(slash + 1, sizeof(PROBE_PATH), "taploss-probe");
		if (access(rq->probe, R_OK) < 0 && slash)
			memcpy(slash + 1, PROBE_PATH, sizeof(PROBE_PATH));
	}
	rq->opt.kernel = rq->kernel;
	rq->opt.modules = rq->modules;
	rq->opt.probe = rq->probe;
}

static sqlite3 *open_store(const struct global *g, enum schema_mode mode)
{
	char path[4096], why[SCHEMA_WHY] = "";
	sqlite3 *db = NULL;
	int r;

	snprintf(path, sizeof(path), "%s/meta.db", g->store);
	r = schema_open(path, SCHEMA_META, mode, &db, why);
	if (r < 0)
		complain("probe: %s (--store or TAPLOSS_STORE)", why[0] ? why : strerror(-r));
	return r < 0 ? NULL : db;
}

static int show(const struct global *g, sqlite3 *db, int64_t id, bool fail)
{
	json_t *probe = probe_store_show(db, id);
	bool lost = false;
	json_t *step;
	size_t i;
	int status;

	if (!probe || json_is_null(probe)) {
		if (probe)
			complain("probe: there is no probe %lld (taplossctl probe list shows them)", (long long)id);
		else
			complain("probe: the store: %s", sqlite3_errmsg(db));
		json_decref(probe);
		return EXIT_FAILED;
	}
	json_array_foreach(json_object_get(probe, "steps"), i, step)
		lost |= json_integer_value(json_object_get(step, "lost_frames")) > 0;
	status = probe_print(g, probe);
	return status == EXIT_OK && fail && lost ? EXIT_FOUND : status;
}

static int do_run(struct request *rq)
{
	char why[512];
	sqlite3 *db;
	int64_t id = 0;
	int r, status = EXIT_FAILED;

	if (parse_steps(rq) < 0)
		return EXIT_USAGE;
	find_files(rq);
	if (geteuid() != 0) {
		complain("probe: run this as root: it starts a virtual machine, sends frames and counts the kernel's losses");
		return EXIT_FAILED;
	}
	db = open_store(&rq->g, SCHEMA_WRITE);
	if (!db)
		return EXIT_FAILED;
	r = probe_run(&rq->opt, db, &id, why);
	if (r < 0 && id)
		complain("probe: %s; what is known: taplossctl probe show %lld", why, (long long)id);
	else if (r < 0)
		complain("probe: %s", why);
	else
		status = show(&rq->g, db, id, rq->fail);
	schema_close(db);
	return status;
}

static int do_read(struct request *rq, const char *word, const char *arg)
{
	unsigned long id = 0;
	sqlite3 *db;
	int status;

	if (arg && number(word, arg, 1, INT64_MAX, &id) < 0)
		return EXIT_USAGE;
	db = open_store(&rq->g, SCHEMA_READ);
	if (!db)
		return EXIT_FAILED;
	status = arg ? show(&rq->g, db, (int64_t)id, rq->fail) : probe_print_list(&rq->g, probe_store_list(db));
	schema_close(db);
	return status;
}

static int run(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = { GLOBAL_OPTIONS, { "frames", required_argument, NULL, FRAMES }, { "length", required_argument, NULL, LENGTH },
		{ "ring-blocks", required_argument, NULL, BLOCKS }, { "ring-block", required_argument, NULL, BLOCK_BYTES },
		{ "memory", required_argument, NULL, MEMORY }, { "cpus", required_argument, NULL, CPUS }, { "kernel", required_argument, NULL, KERNEL },
		{ "modules", required_argument, NULL, MODULES }, { "probe", required_argument, NULL, PROBE },
		{ "connect", required_argument, NULL, CONNECT }, { "from", required_argument, NULL, FROM }, { "rate", required_argument, NULL, RATES },
		{ "ring", required_argument, NULL, RINGS }, { "boot-time", required_argument, NULL, BOOT }, { "fail", no_argument, NULL, FAIL }, { "accel", required_argument, NULL, ACCEL }, { 0 } };
	_cleanup_(freep) struct request *rq = calloc(1, sizeof(*rq));
	int opt, taken, status = EXIT_USAGE, n;

	if (!rq)
		abort();
	*rq = (struct request){ .g = *g, .rates = "20000", .rings = "3",
				.opt = { .vm = { .uri = "qemu:///system", .memory_mib = 512, .cpus = 1, .queues = 1 }, .frames = 20000, .len = 60,
					 .ring_blocks = 64, .block_bytes = 262144, .boot_seconds = 120 } };
	while ((opt = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		taken = global_option(&rq->g, &cmd_probe, opt, &status);
		if (!taken)
			taken = own_option(rq, opt, optarg);
		if (taken <= 0)
			return status;
	}
	n = argc - optind;
	if (n == 2 && !strcmp(argv[optind], "run"))
		return target(rq, argv[optind + 1]) < 0 ? EXIT_USAGE : do_run(rq);
	if (n == 1 && !strcmp(argv[optind], "list"))
		return do_read(rq, "list", NULL);
	if (n == 2 && !strcmp(argv[optind], "show"))
		return do_read(rq, "show", argv[optind + 1]);
	return wrong_usage(&cmd_probe, "run with where to, list, or show with a number");
}

const struct cmd cmd_probe = {
	.name = "probe", .args = "run|list|show", .help = "sends numbered frames to a probe VM: where are those that miss", .run = run,
	.details = "  run WHERE        bridge:NAME, network:NAME or direct:DEVICE; as root\n"
		   "    --rate N,...     frames a second, one after the other; 20000; 0: as fast as it goes\n"
		   "    --frames N       at each rate; 20000\n"
		   "    --length N       bytes of a frame; 60\n"
		   "    --from DEV       send into this interface; the bridge\n"
		   "    --ring N,...     how the guest captures: TPACKET_V1, V2, V3; 3\n"
		   "    --ring-blocks N, --ring-block BYTES   its ring; 64 of 262144\n"
		   "    --memory MIB, --cpus N                of the guest; 512, 1\n"
		   "    --kernel FILE, --modules DIR          what it boots; the kernel that runs here\n"
		   "    --probe FILE     the program in it; the one that came with this one\n"
		   "    --connect URI    libvirt; qemu:///system\n"
		   "    --accel A        auto: KVM where it works; tcg: software\n"
		   "    --boot-time S    how long to wait for it; 120\n"
		   "    --fail           exit status 3 when frames were lost (also with show)\n"
		   "  list             all of them\n"
		   "  show N           one of them, with each gap\n",
};
