/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exactly once, whatever fails: the Nth write, sync or truncation, for every N; a disk that is full
 * and is freed again; kill -9 at any moment. A small agent does what the real one does: it reads
 * totals, stores differences, and moves its baselines only when the store has taken them. In the
 * end the store holds what the counters say, to the frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "agent/store/store.h"
#include "tests/unit/faultyvfs.h"
#include "tests/unit/storetest.h"

#define SEC NSEC_PER_SEC
#define COUNTERS 8
#define STEP (47 * NSEC_PER_MIN)	/* hours and days are turned often */

/* The small agent. */

struct counters {
	uint64_t total[COUNTERS];
	uint64_t t_ns;
	uint64_t ticks;
};

struct agent {
	const char *dir;
	struct counters *kernel;	/* outlives us */
	struct store *s;
	uint64_t stored[COUNTERS];
	int64_t vm, attachment, device, series[COUNTERS];
	bool caught_up;
	bool nervous;			/* starts again after every failure */
};

static const struct loss_epoch epoch = { .boot_id = "boot", .map_id = 1 };

static int seed(const struct tl_loss_key *key, const struct loss_total *total, void *arg)
{
	struct agent *a = arg;

	a->stored[key->location] = total->frames;
	return 0;
}

static int start(struct agent *a)
{
	const struct store_options opt = { 0 };
	char why[SCHEMA_WHY];
	uint64_t until;
	int r = store_open(a->dir, &opt, &a->s, why);

	if (r < 0)
		return r;
	store_covered_until(a->s, &until);
	if (a->kernel->t_ns <= until)
		a->kernel->t_ns = until;
	memset(a->stored, 0, sizeof(a->stored));
	if (!until)	/* makes the first day by the test's clock */
		r = store_tick(a->s,
			       &(struct store_tick){ .t_ns = a->kernel->t_ns += SEC, .gap = true });
	if (r >= 0)
		r = store_run_begin(a->s, &(struct store_run){ .version = "", .kernel = "" });
	if (r >= 0)
		r = store_baselines(a->s, &epoch, &a->caught_up, seed, a);
	memset(a->series, 0, sizeof(a->series));
	a->device = a->attachment = 0;
	if (r < 0)
		a->s = store_close(a->s);
	return r;
}

static int name_all(struct agent *a)
{
	struct store_device dev = {
		.boot_id = "boot",
		.name = "vnet0",
		.kind = "tap",
		.ifindex = 3,
		.since_ns = NOON,
	};
	struct store_vm vm = { .ident = "u", .name = "web", .state = "running" };
	bool known;
	int r = store_vm(a->s, &vm, a->kernel->t_ns, &a->vm);

	if (r >= 0)
		r = store_device(a->s, &dev, &a->device, &known);
	for (int i = 0; i < COUNTERS && r >= 0; i++) {
		struct store_series key = {
			.vm_id = a->attachment ? a->vm : 0,
			.attachment_id = a->attachment,
			.device_id = a->device,
			.queue = i,
			.direction = "rx",
			.class = "PTR_FULL",
			.kind = "capacity",
			.reason = "r",
			.site = "s",
		};

		r = store_series(a->s, &key, a->kernel->t_ns, &a->series[i]);
	}
	return r;
}

/* After a while the owner becomes known: what was lost before that stays nobody's. */
static int meet_owner(struct agent *a)
{
	struct store_attachment at = {
		.vm_id = a->vm,
		.device_id = a->device,
		.queues = -1,
		.ring_frames = -1,
		.since_ns = NOON + 8 * STEP,
	};
	int r = store_attachment(a->s, &at, &a->attachment);

	if (r >= 0)
		r = store_attribute(a->s, a->device, a->attachment, a->vm, NOON + 8 * STEP);
	if (r < 0)
		a->attachment = 0;
	return r;
}

static int store_all(struct agent *a)
{
	struct store_baseline base[COUNTERS];
	struct store_loss loss[COUNTERS];
	struct store_tick t = {
		.t_ns = a->kernel->t_ns,
		.span_ns = SEC,
		.loss = loss,
		.baselines = base,
		.caught_up = a->caught_up,
	};
	uint64_t now[COUNTERS];
	int r;

	memcpy(now, a->kernel->total, sizeof(now));
	for (int i = 0; i < COUNTERS; i++) {
		uint64_t more = now[i] - a->stored[i];

		if (!more)
			continue;
		base[t.n_baselines++] = (struct store_baseline){
			.key = { .location = (uint64_t)i },
			.total = { .frames = now[i] },
		};
		loss[t.n_loss++] = (struct store_loss){ a->series[i], more, more, more };
	}
	r = store_tick(a->s, &t);
	if (r >= 0)
		memcpy(a->stored, now, sizeof(now));
	return r;
}

/* One tick; a store that gave up (-ESTALE) is opened again, as a service manager would start the
 * agent again. */
static int step(struct agent *a)
{
	int r = a->s ? 0 : start(a);

	for (uint64_t i = 0; i < COUNTERS; i++)	/* some more often than others */
		a->kernel->total[i] += a->kernel->t_ns / SEC % (i + 1) ? 0 : i * 7 + 1;
	a->kernel->t_ns += STEP;
	if (r >= 0)
		r = name_all(a);
	if (r >= 0 && !a->attachment && a->kernel->t_ns > NOON + 12 * STEP) {
		r = meet_owner(a);
		if (r >= 0)
			r = name_all(a);
	}
	if (r >= 0)
		r = store_all(a);
	if (r >= 0) {
		a->caught_up = false;
		a->kernel->ticks++;
	}
	if (r == -ESTALE || (r < 0 && a->nervous))
		a->s = store_close(a->s);
	return r;
}

/* Rows of loss_hour that are not the sum of their hour, or are missing. */
#define ROLLED_WRONG                                                                        \
	"WITH h AS (SELECT (t_ns - 1) / 3600000000000 * 3600000000000 AS t, series_id, "    \
	"sum(frames), sum(segments), sum(bytes) FROM loss "                                 \
	"WHERE t IN (SELECT t_ns FROM rolled) GROUP BY 1, 2) SELECT (SELECT count(*) FROM " \
	"(SELECT * FROM h EXCEPT SELECT * FROM loss_hour)) + "                              \
	"(SELECT count(*) FROM (SELECT * FROM loss_hour EXCEPT SELECT * FROM h))"

/* What all days together hold. */
static uint64_t sum_of(const char *dir, const char *what)
{
	struct schema_day *days = NULL;
	uint64_t sum = 0;
	size_t n = 0;

	assert_int_equal(schema_days(dir, &days, &n), 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(ask(below(dir, days[i].name),
				     "SELECT count(*) FROM pragma_integrity_check WHERE "
				     "integrity_check <> 'ok'"),
				 0);
		assert_int_equal(ask(below(dir, days[i].name), ROLLED_WRONG), 0);
		sum += (uint64_t)ask(below(dir, days[i].name), what);
	}
	/* No hour was passed over. */
	assert_int_equal(ask(below(dir, days[n - 1].name),
			     "SELECT count(*) FROM loss WHERE t_ns <= (SELECT (max(t_ns) - 1) / "
			     "3600000000000 * 3600000000000 "
			     "FROM loss) AND (t_ns - 1) / 3600000000000 * 3600000000000 NOT IN "
			     "(SELECT t_ns FROM rolled)"),
			 0);
	free(days);
	return sum;
}

static void assert_exact(const char *dir, const struct counters *kernel)
{
	uint64_t counted = 0;

	for (int i = 0; i < COUNTERS; i++)
		counted += kernel->total[i];
	assert_int_equal(sum_of(dir, "SELECT coalesce(sum(frames), 0) FROM loss"), counted);
	assert_int_equal(
		ask(below(dir, "meta.db"),
		    "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"),
		0);
}

static void finish(struct agent *a)
{
	int r = step(a);

	for (int i = 0; r < 0 && i < 3; i++)
		r = step(a);
	if (r < 0)
		fail_msg("%s", strerror(-r));
	a->s = store_close(a->s);
	assert_exact(a->dir, a->kernel);
}

/* Tests. */

static bool fault_at(const char *dir, long n, long run, int code)
{
	struct counters kernel = { .t_ns = NOON };
	struct agent a = { .dir = dir, .kernel = &kernel, .nervous = n % 2 };

	shim.left = n;
	shim.run = run;
	shim.code = code;
	shim.hit = false;
	for (int i = 0; i < 36; i++)
		step(&a);
	shim.left = -1;
	finish(&a);
	return shim.hit;
}

static void every_operation_fails(void **state, long run, int code)
{
	char dir[PATH_MAX];
	bool more = true;
	long n;

	for (n = 0; more; n++) {
		void *sub = dir;

		snprintf(dir, sizeof(dir), "%s/%ld", (char *)*state, n);
		more = fault_at(dir, n, run, code);
		sub = strdup(dir);
		assert_int_equal(remove_dir(&sub), 0);
		/* the first ones all, of the many later ones some: hours, days and history are
		 * turned there again and again */
		if (n > 100)
			n += 22;
	}
	assert_true(n > 200);
}

static void the_disk_is_full_for_a_moment(void **state)
{
	every_operation_fails(state, 1, SQLITE_FULL);
}

static void the_disk_fails_for_a_moment(void **state)
{
	every_operation_fails(state, 1, SQLITE_IOERR_WRITE);
}

static void the_disk_fails_for_a_while(void **state)
{
	every_operation_fails(state, 25, SQLITE_IOERR_WRITE);
}

/* A file system of 2 MiB in a mount namespace of a child's own, filled up and freed again. */
static void full_disk(const char *dir)
{
	struct counters kernel = { .t_ns = NOON };
	struct agent a = { .dir = below(dir, "store"), .kernel = &kernel };
	const char *ballast = below(dir, "ballast");
	static char block[4096];
	int failed = 0, fd;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", dir, "tmpfs", 0, "size=2m") < 0)
		fail_msg("no file system of its own: %s", strerror(errno));
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 6; i++)
			assert_int_equal(step(&a), 0);
		fd = open(ballast, O_WRONLY | O_CREAT, 0600);
		while (write(fd, block, sizeof(block)) > 0)
			;
		for (int i = 0; i < 60; i++) {
			int r = step(&a);

			assert_true(r == 0 || r == -ENOSPC);
			failed += r == -ENOSPC;
		}
		close(fd);
		unlink(ballast);
		assert_int_equal(step(&a), 0);	/* without being opened again */
	}
	assert_in_range(failed, 20, 300);
	finish(&a);
}

#define BIG 2000
/* of the -wal, that the first page of its index has room for */
#define INDEX_BYTES (4062 * 4120 + 32)

static int big_tick(struct store *s, uint64_t *t_ns, uint64_t total)
{
	struct store_baseline base = { .total.frames = total };
	static struct store_loss loss[BIG];

	for (int i = 0; i < BIG; i++)
		loss[i] = (struct store_loss){ i + 1, 1, 1, 1 };
	return store_tick(s, &(struct store_tick){
				     .t_ns = *t_ns += SEC,
				     .span_ns = SEC,
				     .loss = loss,
				     .n_loss = BIG,
				     .baselines = &base,
				     .n_baselines = 1,
			     });
}

static int64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_size;
}

/* The COMMIT is in the -wal, but SQLite could not note it in the index: it reports a failure, and
 * whoever opens the file next finds the transaction. Only with a -wal that a reader let grow. */
static void a_commit_in_doubt_is_noticed(void **state)
{
	const char *day = below(*state, "timeline-20260301.db"),
		   *wal = below(*state, "timeline-20260301.db-wal");
	const struct store_options opt = { 0 };
	uint64_t t_ns = NOON, total = 0;
	int64_t size = 0, growth = 0;
	sqlite3 *reader = NULL;
	char why[SCHEMA_WHY];
	struct store *s;

	assert_int_equal(store_open(*state, &opt, &s, why), 0);
	assert_int_equal(big_tick(s, &t_ns, total += BIG), 0);
	assert_int_equal(schema_open(day, SCHEMA_DAY, SCHEMA_READ, &reader, why), 0);
	assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT * FROM loss", NULL, NULL, NULL),
			 SQLITE_OK);
	while (size + growth <= INDEX_BYTES) {
		assert_int_equal(big_tick(s, &t_ns, total += BIG), 0);
		growth = size_of(wal) - size;
		size += growth;
	}
	assert_true(size <= INDEX_BYTES);	/* the next one will be too much */
	schema_close(reader);
	shim.hit = false;
	shim.no_shm = true;
	/* for all that anybody knows */
	assert_int_equal(big_tick(s, &t_ns, total += BIG), -ENOSPC);
	assert_true(shim.hit);
	shim.no_shm = false;
	/* would count the same frames twice */
	assert_int_equal(big_tick(s, &t_ns, total + BIG), -ESTALE);
	assert_non_null(strstr(store_error(s), "was stored although"));
	assert_int_equal(big_tick(s, &t_ns, total + BIG), -ESTALE);
	store_close(s);
	assert_int_equal(ask(day, "SELECT sum(frames) FROM loss"), total);
	assert_int_equal(ask(day, "SELECT frames FROM baseline"), total);
}

static void a_full_disk_costs_nothing(void **state)
{
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	pid = fork();
	if (!pid) {
		full_disk(*state);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void killed_at_any_moment(void **state)
{
	struct counters *kernel = mmap(NULL, sizeof(*kernel), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct agent a = { .dir = *state, .kernel = kernel };
	int status;

	assert_true(kernel != MAP_FAILED);
	kernel->t_ns = NOON;
	srandom(1);
	for (int life = 0; life < 40; life++) {
		uint64_t goal =
			__atomic_load_n(&kernel->ticks, __ATOMIC_RELAXED) + (uint64_t)random() % 12;
		long spin = random() % 60000;
		pid_t pid = fork();

		if (!pid)
			for (;;)
				step(&a);
		while (__atomic_load_n(&kernel->ticks, __ATOMIC_RELAXED) < goal)
			if (waitpid(pid, &status, WNOHANG) != 0)
				fail_msg("it died by itself");
		for (volatile long i = 0; i < spin; i++)
			;	/* somewhere within a tick */
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
	}
	finish(&a);
	munmap(kernel, sizeof(*kernel));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_disk_is_full_for_a_moment),
		TEST(the_disk_fails_for_a_moment),
		TEST(the_disk_fails_for_a_while),
		TEST(a_commit_in_doubt_is_noticed),
		TEST(a_full_disk_costs_nothing),
		TEST(killed_at_any_moment),
	};

	return cmocka_run_group_tests(tests, install_shim, NULL);
}
