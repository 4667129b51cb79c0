/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links as the kernel really shows them: in a network namespace of the test's own, with a second
 * one beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/base.h"
#include "collector/link/link.h"

#define MAX_SEEN 64

struct seen {
	struct link_info info[MAX_SEEN];
	bool gone[MAX_SEEN];
	unsigned int n;
	struct link_counters counters;		/* of ifindex */
	uint32_t ifindex;
	unsigned int n_stats;
};

static void on_link(const struct link_info *info, bool gone, void *arg)
{
	struct seen *s = arg;

	assert_in_range(s->n, 0, MAX_SEEN - 1);
	s->info[s->n] = *info;
	s->gone[s->n++] = gone;
}

static void on_stats(uint32_t ifindex, const struct link_counters *c, void *arg)
{
	struct seen *s = arg;

	s->n_stats++;
	if (ifindex == s->ifindex)
		s->counters = *c;
}

/* The last thing said of @name, NULL when nothing was. */
static const struct link_info *find(const struct seen *s, const char *name)
{
	for (unsigned int i = s->n; i-- > 0;)
		if (!strcmp(s->info[i].name, name))
			return &s->info[i];
	return NULL;
}

static bool gone(const struct seen *s, const char *name)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (s->gone[i] && !strcmp(s->info[i].name, name))
			return true;
	return false;
}

/* Everything that was said until @name is in it. */
static void events_until(struct links *l, struct seen *s,
			 bool (*enough)(const struct seen *s, const char *name), const char *name)
{
	struct pollfd p = { .fd = links_fd(l), .events = POLLIN };

	while (!enough(s, name)) {
		assert_int_equal(poll(&p, 1, 5000), 1);
		assert_int_equal(links_dispatch(l, on_link, s), 0);
	}
}

static bool known(const struct seen *s, const char *name)
{
	return find(s, name);
}

static void run(const char *command)
{
	assert_int_equal(system(command), 0);
}

static int open_tap(const char *name, short flags)
{
	struct ifreq ifr = { .ifr_flags = flags };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	assert_int_equal(ioctl(fd, TUNSETIFF, &ifr), 0);
	return fd;
}

static void detach(int fd)
{
	struct ifreq ifr = { .ifr_flags = IFF_DETACH_QUEUE };

	assert_int_equal(ioctl(fd, TUNSETQUEUE, &ifr), 0);
}

static void from_guest(int tap, int n)
{
	char frame[60] = { 0 };

	frame[0] = (char)0xff;
	for (int i = 0; i < n; i++)
		assert_int_equal(write(tap, frame, sizeof(frame)), sizeof(frame));
}

static int setup(void **state)
{
	static struct links *l;

	if (unshare(CLONE_NEWNET) < 0)
		return 0;	/* *state stays NULL: each test says so */
	assert_int_equal(links_new(&l), 0);
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	links_free(*state);
	return 0;
}

static struct links *need(void **state)
{
	if (!*state)
		skip();
	return *state;
}

static void every_kind_with_all_its_figures(void **state)
{
	static const uint8_t mac[] = { 2, 0, 0, 0, 0, 7 };
	struct links *l = need(state);
	_cleanup_(freep) struct seen *s = calloc(1, sizeof(*s));
	const struct link_info *i;
	int q[4], tun, single;

	for (int n = 0; n < 4; n++)
		q[n] = open_tap("mq0", IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE);
	detach(q[3]);
	single = open_tap("one0", IFF_TAP | IFF_NO_PI);
	tun = open_tap("tun0", IFF_TUN | IFF_NO_PI);
	run("ip link add zbr type bridge && ip link set mq0 master zbr txqueuelen 77 address "
	    "02:00:00:00:00:07 up");
	run("ip tuntap add keep0 mode tap");
	run("ip link add low0 type veth peer name low1 && ip link set low0 up && ip link add link "
	    "low0 name mv0 type macvtap mode bridge");
	assert_int_equal(links_dump(l, on_link, s), 0);

	i = find(s, "mq0");
	assert_non_null(i);
	assert_int_equal(i->kind, TL_KIND_TUN);
	assert_int_equal(i->netns, links_netns(l));
	assert_int_equal(i->ifindex, if_nametoindex("mq0"));
	assert_true(i->multi_queue && i->up && !i->persist && !i->l3);
	assert_int_equal(i->queues, 3);
	assert_int_equal(i->queues_disabled, 1);
	assert_int_equal(i->ring_frames, 77);
	assert_string_equal(i->bridge, "zbr");
	assert_memory_equal(i->mac, mac, 6);

	i = find(s, "one0");
	assert_true(i && !i->multi_queue && !i->up);
	assert_int_equal(i->queues, 1);
	assert_string_equal(i->bridge, "");
	assert_true(find(s, "tun0") && find(s, "tun0")->l3);
	i = find(s, "keep0");
	assert_true(i && i->persist);
	i = find(s, "mv0");
	assert_non_null(i);
	assert_int_equal(i->kind, TL_KIND_MACVTAP);
	assert_string_equal(i->lower, "low0");
	assert_int_equal(s->n, 5);	/* no bridge, no veth, no lo */

	for (int n = 0; n < 4; n++)
		close(q[n]);
	close(single);
	close(tun);
	run("ip link del keep0 && ip link del low0 && ip link del zbr");
	memset(s, 0, sizeof(*s));
	assert_int_equal(links_dispatch(l, on_link, s), 0);
}

/* A device that moved in the tests before is waited for by name: each test has names of its own. */
static void a_life_in_events(void **state)
{
	struct links *l = need(state);
	_cleanup_(freep) struct seen *s = calloc(1, sizeof(*s));
	int fd = open_tap("life0", IFF_TAP | IFF_NO_PI);

	events_until(l, s, known, "life0");
	run("ip link add lbr type bridge && ip link set life0 master lbr");
	run("ip link set life0 nomaster && ip link set life0 name life1 && ip link set life1 up");
	events_until(l, s, known, "life1");
	/* the bridge said that its port left; the device stayed */
	assert_false(gone(s, "life0"));
	assert_string_equal(find(s, "life0")->bridge, "");

	from_guest(fd, 5);
	s->ifindex = if_nametoindex("life1");
	assert_int_equal(links_stats(l, on_stats, s), 0);
	assert_int_equal(s->counters.rx_frames, 5);
	assert_true(s->n_stats >= 3);	/* lo and the bridge, too */

	from_guest(fd, 2);
	close(fd);
	events_until(l, s, gone, "life1");
	assert_int_equal(find(s, "life1")->counters.rx_frames, 7);
	run("ip link del lbr");
}

static void more_events_than_the_buffer_holds(void **state)
{
	struct links *l = need(state);
	_cleanup_(freep) struct seen *s = calloc(1, sizeof(*s));
	int fd = open_tap("many0", IFF_TAP | IFF_NO_PI), sk = socket(AF_INET, SOCK_DGRAM, 0), r = 0;
	struct ifreq ifr = { .ifr_name = "many0" };

	for (int i = 0; i < 20000; i++) {
		ifr.ifr_qlen = 100 + i;
		assert_int_equal(ioctl(sk, SIOCSIFTXQLEN, &ifr), 0);
	}
	close(fd);
	for (int i = 0; i < 20000 && r == 0; i++) {
		s->n = 0;
		r = links_dispatch(l, NULL, NULL);
	}
	assert_int_equal(r, -ENOBUFS);
	assert_int_equal(links_dump(l, on_link, s), 0);
	assert_null(find(s, "many0"));

	/* And what comes later is heard again. */
	assert_int_equal(links_dispatch(l, NULL, NULL), 0);
	fd = open_tap("many1", IFF_TAP | IFF_NO_PI);
	s->n = 0;
	events_until(l, s, known, "many1");
	close(fd);
	close(sk);
}

/* A process with a namespace and a tap of its own; ends when its standard input, *ret_end, is
 * closed. */
static pid_t other_namespace(int *ret_end)
{
	int in[2], ready[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(in[1]);
		if (unshare(CLONE_NEWNET) < 0)
			_exit(1);
		open_tap("far0", IFF_TAP | IFF_NO_PI);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		_exit(read(in[0], &c, 1) < 0);
	}
	close(in[0]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	*ret_end = in[1];
	return pid;
}

static uint64_t namespace_of(const char *pid)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static void another_namespace(void **state)
{
	struct links *l = need(state);
	_cleanup_(freep) struct seen *s = calloc(1, sizeof(*s));
	int end, pid = other_namespace(&end), near = open_tap("near0", IFF_TAP | IFF_NO_PI);
	char text[16];
	uint32_t netns = 0;

	snprintf(text, sizeof(text), "%d", pid);
	assert_int_equal(links_dump_netns(l, pid, &netns, on_link, s), 0);
	assert_int_equal(netns, namespace_of(text));
	assert_int_equal(s->n, 1);
	assert_string_equal(s->info[0].name, "far0");
	assert_int_equal(s->info[0].netns, netns);
	s->ifindex = s->info[0].ifindex;
	assert_int_equal(links_stats_netns(l, pid, on_stats, s), 0);
	assert_true(s->n_stats > 0);
	assert_int_equal(namespace_of("thread-self"), links_netns(l));

	s->n = 0;
	assert_int_equal(links_dump(l, on_link, s), 0);
	assert_non_null(find(s, "near0"));
	assert_null(find(s, "far0"));

	close(end);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	netns = 1;
	assert_int_equal(links_dump_netns(l, pid, &netns, on_link, s), -ESRCH);
	assert_int_equal(netns, 1);
	assert_int_equal(links_stats_netns(l, pid, on_stats, s), -ESRCH);
	assert_int_equal(namespace_of("thread-self"), links_netns(l));
	close(near);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_with_all_its_figures),
		cmocka_unit_test(a_life_in_events),
		cmocka_unit_test(more_events_than_the_buffer_holds),
		cmocka_unit_test(another_namespace),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
