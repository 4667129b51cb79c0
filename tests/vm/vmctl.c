/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmctl - one test host: boots or restores it, has it do a job, saves it.
 *
 * usage: vmctl [-r FILE] [-j ARCHIVE] [-s FILE] [-c CONSOLE] [-t SECONDS] -- QEMU ARGUMENT... [--
 * COMMAND...]
 *
 *   -r FILE      the machine as saved there, otherwise it boots
 *   -j ARCHIVE   a cpio archive to unpack over / before COMMAND
 *   -s FILE      saves the machine there, after COMMAND if there is one and it succeeded
 *   -c CONSOLE   what the kernel said, copied to standard error when the machine fails
 *   -t SECONDS   for COMMAND (60); the machine gets 60 more
 *
 * A machine that starts again while it does its job, as one that COMMAND has told to, is given the
 * job once more when it is up.
 *
 * The output of COMMAND is written to standard output as it comes. The exit status is COMMAND's;
 * 125 when the machine did not say how COMMAND ended: it is never taken to be a success. Two
 * sockets lead to QEMU: the port that init.c describes, and the monitor. QEMU dies with this
 * process. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/base.h"

enum { STATUS_USAGE = 2, STATUS_MACHINE = 125, OVERHEAD_S = 60, MAX_QEMU_ARGS = 256 };

static const char *restore_from, *archive, *save_to, *console;
static unsigned int limit_s = 60;
static char **qemu_argv, **command;

static int port = -1, monitor = -1;	/* our ends */
static pid_t qemu;
static struct timespec deadline;

__attribute__((format(printf, 1, 2), noreturn)) static void give_up(const char *format, ...)
{
	char block[4096];
	ssize_t n;
	va_list ap;
	int fd;

	fflush(stdout);
	fputs("vmctl: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	fd = console ? open(console, O_RDONLY | O_CLOEXEC) : -1;
	while (fd >= 0 && (n = read(fd, block, sizeof(block))) > 0)
		fwrite(block, 1, (size_t)n, stderr);
	if (qemu > 0)
		kill(qemu, SIGKILL);
	exit(STATUS_MACHINE);
}

static int left_ms(void)
{
	struct timespec now;
	long ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (deadline.tv_sec - now.tv_sec) * 1000 + (deadline.tv_nsec - now.tv_nsec) / 1000000;
	return ms > 0 ? (int)ms : 0;
}

/* Some bytes, at least one. */
static size_t receive(int fd, void *to, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, left_ms()) <= 0)
		give_up("no answer in time");
	n = read(fd, to, size);
	if (n <= 0)
		give_up("the machine ended");
	return (size_t)n;
}

static void receive_line(char *line, size_t size)
{
	size_t n = 0;

	do {
		if (n + 1 >= size)
			give_up("an answer that is too long");
		receive(port, line + n, 1);
	} while (line[n++] != '\n');
	line[n - 1] = '\0';
}

/* What the monitor says to @text, until it asks for more. */
static const char *monitor_does(const char *text)
{
	static char answer[16 << 10];
	size_t n = 0;

	if (*text && dprintf(monitor, "%s\n", text) < 0)
		give_up("the monitor: %s", strerror(errno));
	for (;;) {
		n += receive(monitor, answer + n, sizeof(answer) - 1 - n);
		answer[n] = '\0';
		if (n >= 7 && !memcmp(answer + n - 7, "(qemu) ", 7))
			return answer;
		if (n + 1024 > sizeof(answer))
			n = 0;
	}
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	if (!left_ms())
		give_up("not in time");
}

static void pair(int ret[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret) < 0)
		give_up("socketpair: %s", strerror(errno));
}

static void start_qemu(void)
{
	char rx_ring_arg[48], monitor_arg[48], incoming[48];
	const char *argv[MAX_QEMU_ARGS + 16];
	int p[2], m[2], in = -1, n = 0;

	pair(p);
	pair(m);
	if (restore_from) {
		in = open(restore_from, O_RDONLY | O_CLOEXEC);
		if (in < 0)
			give_up("%s: %s", restore_from, strerror(errno));
	}
	for (; qemu_argv[n]; n++)
		argv[n] = qemu_argv[n];
	snprintf(rx_ring_arg, sizeof(rx_ring_arg), "socket,id=job,fd=%d", p[1]);
	snprintf(monitor_arg, sizeof(monitor_arg), "socket,id=mon,fd=%d", m[1]);
	snprintf(incoming, sizeof(incoming), "fd:%d", in);
	argv[n++] = "-device";
	argv[n++] = "virtio-serial-pci";
	argv[n++] = "-chardev";
	argv[n++] = rx_ring_arg;
	argv[n++] = "-device";
	argv[n++] = "virtserialport,chardev=job,name=job,nr=1";
	argv[n++] = "-chardev";
	argv[n++] = monitor_arg;
	argv[n++] = "-mon";
	argv[n++] = "chardev=mon,mode=readline";
	if (restore_from) {
		argv[n++] = "-incoming";
		argv[n++] = incoming;
	}
	argv[n] = NULL;
	qemu = fork();
	if (qemu < 0)
		give_up("fork: %s", strerror(errno));
	if (!qemu) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fcntl(p[1], F_SETFD, 0);
		fcntl(m[1], F_SETFD, 0);
		if (in >= 0)
			fcntl(in, F_SETFD, 0);
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(argv[0], (char *const *)argv);
		fprintf(stderr, "vmctl: %s: %s\n", argv[0], strerror(errno));
		_exit(STATUS_MACHINE);
	}
	close(p[1]);
	close(m[1]);
	close_fd(in);
	port = p[0];
	monitor = m[0];
}

static void wait_until_up(void)
{
	char line[128];

	monitor_does("");
	if (!restore_from) {
		receive_line(line, sizeof(line));
		if (strcmp(line, "READY") != 0)
			give_up("init said '%s'", line);
		return;
	}
	while (!strstr(monitor_does("info status"), "VM status: running"))
		nap();
}

static void send_all(const char *from, size_t size)
{
	for (size_t n = 0; n < size;) {
		ssize_t r = write(port, from + n, size - n);

		if (r < 0)
			give_up("the port: %s", strerror(errno));
		n += (size_t)r;
	}
}

static void send_job(void)
{
	int fd = archive ? open(archive, O_RDONLY | O_CLOEXEC) : -1;
	struct timespec now;
	struct stat st = { 0 };
	size_t arg_bytes = 0;

	if (archive && (fd < 0 || fstat(fd, &st) < 0))
		give_up("%s: %s", archive, strerror(errno));
	for (char **arg = command; *arg; arg++)
		arg_bytes += strlen(*arg) + 1;
	clock_gettime(CLOCK_REALTIME, &now);
	dprintf(port, "JOB %zu %jd %u %jd %ld\n", arg_bytes, (intmax_t)st.st_size, limit_s,
		(intmax_t)now.tv_sec, now.tv_nsec);
	for (char **arg = command; *arg; arg++)
		send_all(*arg, strlen(*arg) + 1);
	for (off_t at = 0; at < st.st_size;)
		if (sendfile(port, fd, &at, (size_t)(st.st_size - at)) <= 0)
			give_up("the port: %s", strerror(errno));
	close_fd(fd);
}

/* Copies what the job writes; its exit status. */
static int follow_job(void)
{
	static char block[32 << 10];
	char line[128];
	size_t bytes;
	int status;

	for (;;) {
		receive_line(line, sizeof(line));
		if (sscanf(line, "END %d", &status) == 1)
			return status;
		if (!strcmp(line, "READY")) {
			send_job();
			continue;
		}
		if (sscanf(line, "OUT %zu", &bytes) != 1)
			give_up("init said '%s'", line);
		while (bytes) {
			size_t n =
				receive(port, block, bytes < sizeof(block) ? bytes : sizeof(block));

			fwrite(block, 1, n, stdout);
			bytes -= n;
		}
		fflush(stdout);
	}
}

static void save(void)
{
	char text[512];

	if (snprintf(text, sizeof(text), "migrate \"exec:cat > '%s'\"", save_to) >=
	    (int)sizeof(text))
		give_up("%s: too long a name", save_to);
	monitor_does("migrate_set_parameter max-bandwidth 100G");
	monitor_does(text);
	for (;;) {
		const char *answer = monitor_does("info migrate");

		if (strstr(answer, "Migration status: completed"))
			return;
		if (strstr(answer, "Migration status: failed"))
			give_up("the machine cannot be saved: %s", answer);
		nap();
	}
}

static int usage(void)
{
	fputs("usage: vmctl [-r FILE] [-j ARCHIVE] [-s FILE] [-c CONSOLE] [-t SECONDS] -- QEMU "
	      "ARGUMENT... [-- COMMAND...]\n",
	      stderr);
	return STATUS_USAGE;
}

static bool parse(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "+r:j:s:c:t:")) != -1) {
		switch (option) {
		case 'r': restore_from = optarg; break;
		case 'j': archive = optarg; break;
		case 's': save_to = optarg; break;
		case 'c': console = optarg; break;
		case 't': limit_s = (unsigned int)strtoul(optarg, NULL, 10); break;
		default: return false;
		}
	}
	qemu_argv = argv + optind;
	for (int i = optind; i < argc && !command; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		argv[i] = NULL;
		command = argv + i + 1;
	}
	return qemu_argv[0] && argc - optind < MAX_QEMU_ARGS && limit_s && (!command || command[0]);
}

int main(int argc, char **argv)
{
	int status = 0;

	if (!parse(argc, argv))
		return usage();
	signal(SIGPIPE, SIG_IGN);
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += limit_s + OVERHEAD_S;
	start_qemu();
	wait_until_up();
	if (command) {
		send_job();
		status = follow_job();
	}
	if (save_to && status == 0)
		save();
	kill(qemu, SIGKILL);
	waitpid(qemu, NULL, 0);
	return status;
}
