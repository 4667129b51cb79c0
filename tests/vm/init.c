/* SPDX-License-Identifier: GPL-2.0-or-later */
/* init of the test host: mounts what a host has, loads the modules listed in /modules, says "READY"
 * on the virtio-serial port "job" and does the jobs that come in there (vmctl.c). The machine may
 * be saved while it waits, and each job done in a copy of it that has just been restored; so the
 * clock is set by each job.
 *
 *   in:   JOB ARGUMENT-BYTES ARCHIVE-BYTES SECONDS UNIX-SECONDS NANOSECONDS \n, the arguments (each
 * with its NUL), a cpio archive out:  OUT BYTES \n and that many of what the job writes, ...; then
 * END EXIT-STATUS \n
 *
 * With "system=DEVICE" on the kernel's command line it only mounts the ext4 file system there and
 * leaves the rest to that system's own init, which may start this program once more, as a service:
 * then it finds all mounted and does the jobs (tests/host).
 *
 * The archive is unpacked over /. The exit status is the command's, 128 + N when signal N ended it,
 * 124 when it took longer than SECONDS, 125 when the archive could not be unpacked. What the
 * command leaves running goes on: the next job finds it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_ARGS 1024
#define MAX_ARG_BYTES (64 << 10)

enum { STATUS_TIME = 124, STATUS_ARCHIVE = 125, STATUS_NO_COMMAND = 127 };

static int port = -1;

struct job {
	unsigned int arg_bytes, limit_s;
	unsigned long archive_bytes;
	struct timespec now;
	char args[MAX_ARG_BYTES];
	char *argv[MAX_ARGS + 1];
};

static void give_up(const char *what)
{
	fprintf(stderr, "init: %s: %s\n", what, strerror(errno));
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void mount_one(const char *type, const char *at, const char *options)
{
	mkdir(at, 0755);
	if (mount(type, at, type, 0, options) < 0)
		fprintf(stderr, "init: %s: %s\n", at, strerror(errno));
}

static void mount_all(void)
{
	mount_one("proc", "/proc", NULL);
	mount_one("sysfs", "/sys", NULL);
	mount_one("devtmpfs", "/dev", NULL);
	mount_one("devpts", "/dev/pts", "ptmxmode=0666");
	mount_one("tmpfs", "/dev/shm", NULL);
	mount_one("tmpfs", "/tmp", NULL);
	mount_one("tmpfs", "/run", NULL);
	mount_one("bpf", "/sys/fs/bpf", NULL);
	mount_one("tracefs", "/sys/kernel/tracing", NULL);
	mount_one("cgroup2", "/sys/fs/cgroup", NULL);
	mkdir("/run/netns", 0755);
	mkdir("/run/lock", 0755);
	if (symlink("/proc/self/fd", "/dev/fd") < 0 ||
	    symlink("/proc/self/fd/0", "/dev/stdin") < 0 ||
	    symlink("/proc/self/fd/1", "/dev/stdout") < 0 ||
	    symlink("/proc/self/fd/2", "/dev/stderr") < 0)
		perror("init: /dev/fd");
}

static void load_modules(void)
{
	char path[256];
	FILE *f = fopen("/modules", "re");

	while (f && fgets(path, sizeof(path), f)) {
		int fd;

		path[strcspn(path, "\n")] = '\0';
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
			fprintf(stderr, "init: %s: %s\n", path, strerror(errno));
		close(fd);
	}
	if (f)
		fclose(f);
}

/* The number in /dev/vportNpM differs with what else the machine has, the name does not; devtmpfs
 * may be a moment late. */
static int open_port(void)
{
	char path[64], name[16];

	for (;;) {
		for (int i = 0; i < 16; i++) {
			FILE *f;

			snprintf(path, sizeof(path), "/sys/class/virtio-ports/vport%dp1/name", i);
			f = fopen(path, "re");
			if (!f)
				continue;
			if (!fgets(name, sizeof(name), f) || strcmp(name, "job\n") != 0)
				name[0] = '\0';
			fclose(f);
			snprintf(path, sizeof(path), "/dev/vport%dp1", i);
			if (name[0])
				return open(path, O_RDWR | O_CLOEXEC);
		}
		usleep(5000);
	}
}

/* All of it. An end of file only means that the other end has gone, and in a restored machine not
 * even that. */
static void receive(void *to, size_t size)
{
	for (size_t n = 0; n < size;) {
		ssize_t r = read(port, (char *)to + n, size - n);

		if (r > 0)
			n += (size_t)r;
		else
			usleep(1000);
	}
}

static void transmit(const void *from, size_t size)
{
	for (size_t n = 0; n < size;) {
		ssize_t r = write(port, (const char *)from + n, size - n);

		if (r > 0)
			n += (size_t)r;
		else
			usleep(1000);
	}
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	char line[128];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	transmit(line, strlen(line));
}

static void receive_job(struct job *job)
{
	char line[128] = "", *at = job->args;
	long long seconds;
	size_t n = 0;
	int argc = 0;

	do {
		n = n < sizeof(line) - 1 ? n : 0;
		receive(line + n, 1);
	} while (line[n++] != '\n');
	line[n - 1] = '\0';
	if (sscanf(line, "JOB %u %lu %u %lld %ld", &job->arg_bytes, &job->archive_bytes,
		   &job->limit_s, &seconds, &job->now.tv_nsec) != 5 ||
	    job->arg_bytes > sizeof(job->args))
		give_up(line);
	job->now.tv_sec = seconds;
	receive(job->args, job->arg_bytes);
	for (; at < job->args + job->arg_bytes && argc < MAX_ARGS; at += strlen(at) + 1)
		job->argv[argc++] = at;
	job->argv[argc] = NULL;
}

static pid_t start(char *const *argv, int in, int out)
{
	pid_t pid = fork();

	if (pid < 0)
		give_up("fork");
	if (pid > 0)
		return pid;
	setsid();
	dup2(in, STDIN_FILENO);
	if (out >= 0) {
		dup2(out, STDOUT_FILENO);
		dup2(out, STDERR_FILENO);
	}
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(STATUS_NO_COMMAND);
}

static int status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int unpack(unsigned long bytes)
{
	char *const cpio[] = { (char[]){ "cpio" }, (char[]){ "-idmu" }, (char[]){ "--quiet" },
			       NULL };
	static char block[64 << 10];
	int fds[2], status;
	pid_t pid;

	if (!bytes)
		return 0;
	if (pipe2(fds, O_CLOEXEC) < 0)
		give_up("pipe");
	pid = start(cpio, fds[0], -1);
	close(fds[0]);
	while (bytes) {
		size_t n = bytes < sizeof(block) ? bytes : sizeof(block);

		receive(block, n);
		if (write(fds[1], block, n) < 0)
			fprintf(stderr, "init: cpio: %s\n", strerror(errno));
		bytes -= n;
	}
	close(fds[1]);
	return waitpid(pid, &status, 0) == pid ? status_of(status) : -1;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* What is there of the job's output now. */
static void relay(int fd)
{
	static char block[32 << 10];
	ssize_t n;

	while ((n = read(fd, block, sizeof(block))) > 0) {
		say("OUT %zd\n", n);
		transmit(block, (size_t)n);
	}
}

/* True, and *ret, when @pid was among the dead. */
static bool reap(pid_t pid, int *ret)
{
	bool found = false;
	int status;
	pid_t dead;

	while ((dead = waitpid(-1, &status, WNOHANG)) > 0) {
		if (dead != pid)
			continue;
		*ret = status_of(status);
		found = true;
	}
	return found;
}

static int run(char *const *argv, unsigned int limit_s)
{
	uint64_t end_ms = now_ms() + limit_s * 1000ULL;
	struct pollfd p = { .events = POLLIN };
	int fds[2], null, status = STATUS_TIME;
	pid_t pid;

	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || pipe2(fds, O_CLOEXEC) < 0)
		give_up("pipe");
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	pid = start(argv, null, fds[1]);
	close(null);
	close(fds[1]);
	p.fd = fds[0];
	while (!reap(pid, &status)) {
		if (now_ms() >= end_ms) {
			kill(-1, SIGKILL);
			waitpid(pid, NULL, 0);
			break;
		}
		poll(&p, 1, 5);
		relay(fds[0]);
		if (p.revents & POLLHUP)
			p.fd = -1;	/* it has closed its output and goes on */
	}
	relay(fds[0]);
	close(fds[0]);
	return status;
}

static int do_job(struct job *job)
{
	receive_job(job);
	clock_settime(CLOCK_REALTIME, &job->now);
	if (unpack(job->archive_bytes) != 0)
		return STATUS_ARCHIVE;
	return run(job->argv, job->limit_s);
}

/* "shell=1" on the kernel's command line. */
static void shell(void)
{
	char *const argv[] = { (char[]){ "setsid" }, (char[]){ "-c" }, (char[]){ "bash" },
			       (char[]){ "-l" }, NULL };
	int status;

	waitpid(start(argv, STDIN_FILENO, -1), &status, 0);
	reboot(RB_POWER_OFF);
}

/* Goes on as the system on @device. */
static void enter_system(const char *device)
{
	char *const argv[] = { (char[]){ "/sbin/init" }, NULL };

	mount_one("devtmpfs", "/dev", NULL);
	load_modules();
	while (access(device, F_OK) < 0)
		usleep(5000);
	if (mount(device, "/root", "ext4", MS_NOATIME, NULL) < 0 || chdir("/root") < 0 ||
	    mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0)
		give_up(device);
	execv(argv[0], argv);
	give_up(argv[0]);
}

static void begin(void)
{
	if (getenv("system"))
		enter_system(getenv("system"));
	mount_all();
	load_modules();
}

int main(void)
{
	static struct job job;

	if (getpid() == 1)
		begin();
	signal(SIGPIPE, SIG_IGN);
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("TERM", "dumb", 1);
	if (chdir("/") < 0)
		give_up("/");
	if (getenv("shell"))
		shell();
	port = open_port();
	if (port < 0)
		give_up("no port");
	say("READY\n");
	for (;;) {
		int status = do_job(&job);

		say("END %d\n", status);
	}
}
