/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsinit COMMAND... - runs COMMAND in pid, mount, network and IPC namespaces of its own, and leaves
 * nothing behind.
 *
 * Inside: /proc and /sys of the new namespaces, an empty bpffs at /sys/fs/bpf, an empty /run, a
 * small /dev, lo up, no IPv6 (the kernel's own frames would take room in rings). Process 1 reaps
 * orphans at once (libvirt waits for them) and makes /dev/tapN for macvtaps: the kernel makes those
 * in the one devtmpfs that all namespaces share, where their numbers clash. When COMMAND ends, or
 * this program is interrupted or killed, every process inside dies and every mount, link and pinned
 * map goes with the namespaces. The exit status is COMMAND's, 128 + N when signal N ended it. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/netlink.h>

#include "collector/base.h"

enum { EXIT_NAMESPACES = 125, EXIT_NO_COMMAND = 127 };

static volatile sig_atomic_t interrupted;
static pid_t init_pid;	/* process 1 inside, as seen from outside */

/* A signal for the test is a signal for everything in it. */
static void on_signal(int signal)
{
	interrupted = signal;
	kill(init_pid, SIGKILL);
}

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "nsinit: %s: %s\n", what, strerror(errno));
	exit(EXIT_NAMESPACES);
}

static int status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return;	/* a kernel without IPv6 */
	must(fd, path);
	must((int)write(fd, text, strlen(text)), path);
	close(fd);
}

static void lo_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	must(fd, "socket");
	must(ioctl(fd, SIOCSIFFLAGS, &ifr), "lo");
	close(fd);
}

/* What programs here ask for, as far as the machine has it. */
static void furnish_dev(void)
{
	static const char *const nodes[] = {
		"null", "zero", "full", "random", "urandom", "tty", "net/tun", "kvm", "vhost-net",
	};
	struct stat st[ARRAY_SIZE(nodes)];
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		snprintf(path, sizeof(path), "/dev/%s", nodes[i]);
		if (stat(path, &st[i]) < 0)
			st[i].st_rdev = 0;
	}
	must(mount("dev", "/dev", "tmpfs", MS_NOSUID, "mode=0755"), "/dev");
	must(mkdir("/dev/net", 0755), "/dev/net");
	must(mkdir("/dev/shm", 01777), "/dev/shm");
	must(mkdir("/dev/pts", 0755), "/dev/pts");
	must(mount("devpts", "/dev/pts", "devpts", MS_NOSUID, "newinstance,ptmxmode=0666"),
	     "/dev/pts");
	must(symlink("pts/ptmx", "/dev/ptmx"), "/dev/ptmx");
	must(symlink("/proc/self/fd", "/dev/fd"), "/dev/fd");
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		snprintf(path, sizeof(path), "/dev/%s", nodes[i]);
		if (st[i].st_rdev)
			must(mknod(path, st[i].st_mode, st[i].st_rdev), path);
	}
}

static void furnish(void)
{
	umask(0);
	furnish_dev();
	umask(022);
	must(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV, NULL), "/proc");
	must(mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV, NULL), "/sys");
	must(mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700"), "/sys/fs/bpf");
	must(mount("run", "/run", "tmpfs", MS_NOSUID, "mode=0755"), "/run");
	must(mkdir("/run/lock", 0755), "/run/lock");
	write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	lo_up();
}

static const char *uevent_value(const char *event, size_t len, const char *key)
{
	size_t n = strlen(key);

	for (const char *at = event; at < event + len; at += strlen(at) + 1)
		if (!strncmp(at, key, n))
			return at + n;
	return "";
}

/* "add@/devices/virtual/net/m0/tap7", "MAJOR=246", "MINOR=3", "DEVNAME=tap7", each with its NUL. */
static void on_uevent(int fd)
{
	char event[8192], path[64];
	ssize_t n = recv(fd, event, sizeof(event) - 1, MSG_DONTWAIT);
	unsigned int major_nr, minor_nr;
	const char *name;

	if (n <= 0)
		return;
	event[n] = '\0';
	name = uevent_value(event, (size_t)n, "DEVNAME=");
	if (strncmp(name, "tap", 3) != 0)
		return;
	snprintf(path, sizeof(path), "/dev/%.16s", name);
	unlink(path);
	major_nr = (unsigned int)atoi(uevent_value(event, (size_t)n, "MAJOR="));
	minor_nr = (unsigned int)atoi(uevent_value(event, (size_t)n, "MINOR="));
	if (!strncmp(event, "add@", 4))
		must(mknod(path, S_IFCHR | 0600, makedev(major_nr, minor_nr)), path);
}

static int uevent_socket(void)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	must(fd, "uevent socket");
	must(bind(fd, (struct sockaddr *)&to, sizeof(to)), "uevent socket");
	return fd;
}

static pid_t start(char **argv, const sigset_t *mask)
{
	pid_t pid = fork();

	must(pid, "fork");
	if (pid > 0)
		return pid;
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	fprintf(stderr, "nsinit: %s: %s\n", argv[0], strerror(errno));
	_exit(EXIT_NO_COMMAND);
}

/* True, and *ret, when @main_pid was among the dead. */
static bool reap(int fd, pid_t main_pid, int *ret)
{
	struct signalfd_siginfo info;
	bool found = false;
	int status;
	pid_t pid;

	if (read(fd, &info, sizeof(info)) < 0)
		return false;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != main_pid)
			continue;
		*ret = status_of(status);
		found = true;
	}
	return found;
}

/* Process 1 inside. */
static int run_init(char **argv)
{
	struct pollfd p[2];
	sigset_t child, before;
	pid_t main_pid;
	int status = EXIT_NAMESPACES;

	must(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
	furnish();
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	must(sigprocmask(SIG_BLOCK, &child, &before), "sigprocmask");
	p[0] = (struct pollfd){
		.fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK),
		.events = POLLIN,
	};
	must(p[0].fd, "signalfd");
	p[1] = (struct pollfd){ .fd = uevent_socket(), .events = POLLIN };
	main_pid = start(argv, &before);
	do {
		must(poll(p, 2, -1), "poll");
		if (p[1].revents)
			on_uevent(p[1].fd);
	} while (!p[0].revents || !reap(p[0].fd, main_pid, &status));
	return status;
}

/* Outside. */
static int wait_for_init(void)
{
	int status;

	while (waitpid(init_pid, &status, 0) < 0)
		must(errno == EINTR ? 0 : -1, "waitpid");
	return interrupted ? 128 + interrupted : status_of(status);
}

static void catch_signals(const sigset_t *set)
{
	struct sigaction act = { .sa_handler = on_signal };

	for (int i = 1; i < NSIG; i++)
		if (sigismember(set, i) == 1)
			must(sigaction(i, &act, NULL), "sigaction");
}

int main(int argc, char **argv)
{
	sigset_t set;

	if (argc < 2) {
		fputs("usage: nsinit COMMAND [ARGUMENT]...\n", stderr);
		return 2;
	}
	must(unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC),
	     "namespaces (root?)");
	must(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "/");
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	/* until on_signal() knows whom to kill */
	must(sigprocmask(SIG_BLOCK, &set, NULL), "sigprocmask");
	init_pid = fork();
	must(init_pid, "fork");
	if (init_pid)
		catch_signals(&set);
	must(sigprocmask(SIG_UNBLOCK, &set, NULL), "sigprocmask");
	/* Not by way of exit handlers: a leak checker's could not fork any more, its process 1 is
	 * dead. */
	_exit(init_pid ? wait_for_init() : run_init(argv + 1));
}
