/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An hour's worth of ticks, one after the other, on real counters and a real store, while taps
 * come, lose frames and go: every frame is stored once. tests/netns/hour_of_ticks.sh runs the same
 * under valgrind: nothing leaks. Needs root; in namespaces of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "collector/clock.h"
#include "agent/tick/ring_occupancy.h"
#include "agent/tick/extra_counters.h"
#include "agent/tick/sampler.h"
#include "agent/owners/vmm.h"

#define TICKS 3600
#define LIFE 300	/* ticks that a tap lives */
#define RING 4
#define EACH 7		/* frames a tick */

static char dir[] = "/tmp/taploss-hour-XXXXXX";

struct host {
	struct source *source;
	struct store *store;
	struct links *links;
	struct extra_counters *extra;
	struct ring_occupancy *rings;
	struct tapmap *taps;
	struct sampler *sampler;
	struct resolve_owner_lists lists;
	struct owner_list *proc;
	int tap, sk;
	uint64_t lost;
};

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void make_tap(struct host *h, int n)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int ctl = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	h->tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	assert_true(h->tap >= 0);
	/* no other run's */
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "h%dx%d", (int)getpid() % 1000000, n);
	assert_int_equal(ioctl(h->tap, TUNSETIFF, &ifr), 0);
	ifr.ifr_qlen = RING;
	assert_int_equal(ioctl(ctl, SIOCSIFTXQLEN, &ifr), 0);
	ifr.ifr_flags = IFF_UP;
	assert_int_equal(ioctl(ctl, SIOCSIFFLAGS, &ifr), 0);
	close(ctl);
	h->sk = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	ll.sll_ifindex = (int)if_nametoindex(ifr.ifr_name);
	assert_int_equal(bind(h->sk, (struct sockaddr *)&ll, sizeof(ll)), 0);
	h->lost -= RING;	/* the first ones find room */
}

static void send_frames(struct host *h)
{
	unsigned char f[64] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };

	for (int i = 0; i < EACH; i++)
		if (send(h->sk, f, sizeof(f), 0) < 0)
			assert_int_equal(errno, ENOBUFS);
	h->lost += EACH;
}

static void on_link(const struct link_info *info, bool gone, void *arg)
{
	struct host *h = arg;

	assert_true(tapmap_link(h->taps, info, gone, utc_ns()) >= 0);
}

static void new_owners(struct host *h)
{
	struct owner_list *old = h->proc;

	assert_int_equal(vmm_scan("/proc", &h->proc), 0);
	h->lists.proc = h->proc;
	h->lists.complete = true;
	if (tapmap_owners(h->taps, &h->lists))
		assert_int_equal(sampler_tick(h->sampler, false), 0);
	owner_list_free(old);
}

static void open_all(struct host *h)
{
	char why[SOURCE_WHY], store[64];
	struct loss_epoch epoch;

	assert_int_equal(source_open("bpf", &(struct source_options){ .max_keys = 4096 },
				     &h->source, why),
			 0);
	assert_true(loss_sockets_known(source_loss(h->source), why));
	snprintf(store, sizeof(store), "%s/store", dir);
	assert_int_equal(store_open(store, &(struct store_options){ 0 }, &h->store, why), 0);
	assert_int_equal(links_new(&h->links), 0);
	source_epoch(h->source, &epoch);
	h->lists.own_netns = links_netns(h->links);
	assert_int_equal(tapmap_new(h->store, epoch.boot_id, h->lists.own_netns, &h->taps), 0);
	assert_int_equal(extra_counters_new(h->lists.own_netns, true, true, &h->extra), 0);
	assert_int_equal(ring_occupancy_new(&h->rings), 0);
	assert_int_equal(sampler_new(
				 &(struct sampler_options){
					 .store = h->store,
					 .attr = {
						 .taps = h->taps,
						 .links = h->links,
						 .source = h->source,
						 .extra = h->extra,
						 .lists = &h->lists,
					 },
					 .rings = h->rings,
					 .storm_rows = 4000,
				 },
				 &h->sampler),
			 0);
	assert_int_equal(links_dump(h->links, on_link, h), 0);
	assert_int_equal(sampler_tick(h->sampler, false), 0);
}

static void close_all(struct host *h)
{
	sampler_free(h->sampler);
	tapmap_free(h->taps);
	extra_counters_free(h->extra);
	ring_occupancy_free(h->rings);
	links_free(h->links);
	store_close(h->store);
	source_close(h->source);
	owner_list_free(h->proc);
}

static int64_t query(const char *file, const char *sql)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	char path[128];
	int64_t n;

	snprintf(path, sizeof(path), "%s/store/%s", dir, file);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

/* The day may end while the test runs. */
static int64_t query_days(const char *sql)
{
	char store[64];
	struct schema_day *days;
	int64_t sum = 0;
	size_t n;

	snprintf(store, sizeof(store), "%s/store", dir);
	assert_int_equal(schema_days(store, &days, &n), 0);
	for (size_t i = 0; i < n; i++)
		sum += query(days[i].name, sql);
	free(days);
	return sum;
}

static void an_hour(void **state)
{
	struct host h = { .tap = -1, .sk = -1 };
	char sql[256], ours[64];
	int64_t stored = 0;

	(void)state;
	open_all(&h);
	for (int i = 0; i < TICKS; i++) {
		if (i % LIFE == 0) {
			h.tap = close_fd(h.tap);
			h.sk = close_fd(h.sk);
			make_tap(&h, i / LIFE);
		}
		send_frames(&h);
		assert_int_equal(links_dispatch(h.links, on_link, &h), 0);
		if (i % 100 == 50)
			new_owners(&h);
		assert_int_equal(sampler_tick(h.sampler, false), 0);
	}
	assert_int_equal(sampler_tick(h.sampler, true), 0);
	close_all(&h);
	close_fd(h.tap);
	close_fd(h.sk);

	/* Only this namespace's taps: the counters see every tap of the machine. */
	snprintf(ours, sizeof(ours), "d.name LIKE 'h%dx%%'", (int)getpid() % 1000000);
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM device d WHERE %s", ours);
	assert_int_equal(query("meta.db", sql), TICKS / LIFE);
	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM attachment a JOIN device d ON d.id = a.device_id WHERE %s",
		 ours);
	assert_int_equal(query("meta.db", sql), TICKS / LIFE);
	for (int64_t id = query("meta.db", "SELECT max(id) FROM series"); id > 0; id--) {
		snprintf(sql, sizeof(sql),
			 "SELECT count(*) FROM series s JOIN device d ON d.id = s.device_id WHERE "
			 "s.id = %lld AND "
			 "%s AND s.class = 'PTR_FULL'",
			 (long long)id, ours);
		if (!query("meta.db", sql))
			continue;
		snprintf(sql, sizeof(sql),
			 "SELECT coalesce(sum(frames), 0) FROM loss WHERE series_id = %lld",
			 (long long)id);
		stored += query_days(sql);
	}
	assert_int_equal(stored, h.lost);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0) {
		fprintf(stderr, "needs root: %s\n", strerror(errno));
		return -1;
	}
	if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", dir, "tmpfs", 0, NULL) < 0)
		return -1;
	write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	umount2(dir, MNT_DETACH);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(an_hour) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
