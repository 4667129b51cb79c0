/* SPDX-License-Identifier: GPL-2.0-or-later */
/* asunit UNIT [--without CAP_X]... PROGRAM [ARG]... - runs PROGRAM as systemd would by the service
 * unit UNIT, without systemd: its system call filter, capabilities, address families, namespaces,
 * group and read-only trees. What other lines of a unit say is left out (memory, devices' cgroup).
 *
 * A refused call is answered as the unit says, and "asunit: refused NAME" goes to standard error
 * and to the file $ASUNIT_LOG. Groups of calls (@system-service) are those of the systemd that is
 * installed here. The directory after PROGRAM's --store stands for StateDirectory=. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/mount.h>

#include "collector/base.h"

#define MAX_WORDS 1024
#define NAMESPACES                                                                              \
	(CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID |           \
	 CLONE_NEWUSER | CLONE_NEWUTS | CLONE_NEWTIME)

struct words {
	char *word[MAX_WORDS];
	size_t n;
};

static char *unit_text, *groups_text;

static void die(const char *what)
{
	fprintf(stderr, "asunit: %s: %s\n", what, strerror(errno));
	exit(125);
}

static void must(long r, const char *what)
{
	if (r < 0)
		die(what);
}

/* libseccomp returns -errno. */
static void rule(int r, const char *what)
{
	errno = -r;
	must(r, what);
}

static char *read_all(FILE *f)
{
	size_t room = 1 << 18;
	char *text = calloc(1, room);

	if (!f || !text)
		die("reading");
	if (fread(text, 1, room - 1, f) == room - 1)
		die("too long");
	return text;
}

/* The values of all lines KEY=, in one string; "" when there is none. */
static char *unit_value(const char *key)
{
	static char value[8192];
	size_t len = strlen(key);

	value[0] = '\0';
	for (const char *line = unit_text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) != 0 || line[len] != '=')
			continue;
		snprintf(value + strlen(value), sizeof(value) - strlen(value), "%.*s ",
			 (int)strcspn(line + len + 1, "\n"), line + len + 1);
	}
	return value;
}

static bool unit_says(const char *key, const char *value)
{
	char *text = unit_value(key);

	return !strncmp(text, value, strlen(value)) && text[strlen(value)] == ' ';
}

static bool add_word(struct words *w, const char *word, size_t len)
{
	for (size_t i = 0; i < w->n; i++)
		if (strlen(w->word[i]) == len && !strncmp(w->word[i], word, len))
			return false;
	if (w->n == MAX_WORDS)
		die("too many words");
	w->word[w->n++] = strndup(word, len);
	return true;
}

static void remove_word(struct words *w, const char *word)
{
	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->word[i], word))
			w->word[i] = w->word[--w->n];
}

static void split(const char *text, struct words *ret)
{
	while (*(text += strspn(text, " \t")))
		for (size_t len = strcspn(text, " \t"); len; text += len, len = 0)
			add_word(ret, text, len);
}

/* The words of group @name, those of the groups in it included. */
static void expand(const char *name, struct words *ret)
{
	char head[80];
	const char *line;

	if (name[0] != '@') {
		add_word(ret, name, strlen(name));
		return;
	}
	snprintf(head, sizeof(head), "\n%s\n", name);
	line = strstr(groups_text, head);
	if (!line) {
		fprintf(stderr, "asunit: there is no group %s of calls\n", name);
		exit(125);
	}
	for (line += strlen(head); *line == ' '; line += strcspn(line, "\n") + 1) {
		char word[80];

		line += strspn(line, " ");
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(line, "\n"), line);
		if (word[0] != '#')
			expand(word, ret);
	}
}

/* Words with ~ in front of them take away; a line's ~ stands for all of the line. */
static void allowed_calls(struct words *ret)
{
	for (const char *line = unit_text; line; line = strchr(line, '\n')) {
		struct words given = { .n = 0 }, all = { .n = 0 };
		char text[4096];
		bool away;

		line += *line == '\n';
		if (strncmp(line, "SystemCallFilter=", 17) != 0)
			continue;
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(line + 17, "\n"), line + 17);
		away = text[0] == '~';
		split(text + away, &given);
		for (size_t i = 0; i < given.n; i++)
			expand(given.word[i], &all);
		for (size_t i = 0; i < all.n && away; i++)
			remove_word(ret, all.word[i]);
		for (size_t i = 0; i < all.n && !away; i++)
			add_word(ret, all.word[i], strlen(all.word[i]));
	}
	expand("@default", ret);
}

/* Calls whose arguments decide. */

static const struct {
	const char *name;
	int number;
} families[] = { { "AF_UNIX", AF_UNIX },       { "AF_INET", AF_INET },
		 { "AF_INET6", AF_INET6 },     { "AF_NETLINK", AF_NETLINK },
		 { "AF_PACKET", AF_PACKET } };

static const struct {
	const char *name;
	unsigned int flag;
} namespaces[] = { { "cgroup", CLONE_NEWCGROUP }, { "ipc", CLONE_NEWIPC },
		   { "net", CLONE_NEWNET },	  { "mnt", CLONE_NEWNS },
		   { "pid", CLONE_NEWPID },	  { "user", CLONE_NEWUSER },
		   { "uts", CLONE_NEWUTS } };

static bool filter_socket(scmp_filter_ctx ctx)
{
	struct words given = { .n = 0 };

	split(unit_value("RestrictAddressFamilies"), &given);
	for (size_t i = 0; i < given.n; i++)
		for (size_t j = 0; j < ARRAY_SIZE(families); j++)
			if (!strcmp(given.word[i], families[j].name))
				rule(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
						      SCMP_A0(SCMP_CMP_EQ, families[j].number)),
				     "socket");
	return given.n > 0;
}

/* The flags that may not be given; 0: all may. */
static unsigned int refused_namespaces(void)
{
	struct words given = { .n = 0 };
	unsigned int refused = NAMESPACES;

	split(unit_value("RestrictNamespaces"), &given);
	for (size_t i = 0; i < given.n; i++)
		for (size_t j = 0; j < ARRAY_SIZE(namespaces); j++)
			if (!strcmp(given.word[i], namespaces[j].name))
				refused &= ~namespaces[j].flag;
	return given.n ? refused : 0;
}

static bool filter_namespaces(scmp_filter_ctx ctx, const char *call)
{
	unsigned int refused = refused_namespaces();

	if (!refused)
		return false;
	if (!strcmp(call, "clone3"))
		rule(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0), call);
	else if (!strcmp(call, "setns"))
		for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
			if (!(refused & namespaces[i].flag))
				rule(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(setns), 1,
						      SCMP_A1(SCMP_CMP_EQ, namespaces[i].flag)),
				     call);
		}
	else
		rule(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(call), 1,
				      SCMP_A0(SCMP_CMP_MASKED_EQ, refused, 0)),
		     call);
	return true;
}

static bool filter_memory(scmp_filter_ctx ctx, const char *call)
{
	static const int fine[] = { 0, PROT_WRITE, PROT_EXEC };
	bool map = !strcmp(call, "mmap");

	if (!unit_says("MemoryDenyWriteExecute", "yes"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(fine) && map; i++)
		rule(seccomp_rule_add(
			     ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
			     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_WRITE | PROT_EXEC, fine[i])),
		     call);
	if (!map)
		rule(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),
		     call);
	return true;
}

/* Has @call rules by its arguments? */
static bool filter_arguments(scmp_filter_ctx ctx, const char *call)
{
	if (!strcmp(call, "socket"))
		return filter_socket(ctx);
	if (!strcmp(call, "clone") || !strcmp(call, "clone3") || !strcmp(call, "unshare") ||
	    !strcmp(call, "setns"))
		return filter_namespaces(ctx, call);
	if (!strcmp(call, "mmap") || !strcmp(call, "mprotect"))
		return filter_memory(ctx, call);
	return false;
}

static int load_filter(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_NOTIFY);
	struct words calls = { .n = 0 };

	if (!ctx)
		die("seccomp_init");
	allowed_calls(&calls);
	for (size_t i = 0; i < calls.n; i++) {
		int number = seccomp_syscall_resolve_name(calls.word[i]);

		if (number >= 0 && !filter_arguments(ctx, calls.word[i]))
			rule(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, number, 0), calls.word[i]);
	}
	rule(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize");
	rule(seccomp_load(ctx), "seccomp_load");
	return seccomp_notify_fd(ctx);
}

/* Whoever answers for the kernel: a process of its own, which ends with the last that it serves. */

static void report(const char *verb, const struct seccomp_notif *n)
{
	_cleanup_(freep) char *name =
		seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, n->data.nr);
	const char *path = getenv("ASUNIT_LOG");
	char line[160];
	int len = snprintf(line, sizeof(line), "asunit: %s %s (%#llx, %#llx, %#llx)\n", verb,
			   name ? name : "?", n->data.args[0], n->data.args[1], n->data.args[2]);
	int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644) : -1;

	if (fd >= 0 && write(fd, line, (size_t)len) < 0)
		fputs("asunit: $ASUNIT_LOG cannot be written\n", stderr);
	close_fd(fd);
	fputs(line, stderr);
}

static void serve(int fd)
{
	bool kill_it = !unit_value("SystemCallErrorNumber")[0];
	struct seccomp_notif *req;
	struct seccomp_notif_resp *resp;

	rule(seccomp_notify_alloc(&req, &resp), "seccomp_notify_alloc");
	for (;;) {
		int r;

		memset(req, 0, sizeof(*req));
		r = seccomp_notify_receive(fd, req);
		if (r == -ENOENT || errno == EINTR)
			continue;
		if (r < 0)
			_exit(0);
		report(kill_it ? "killed for" : "refused", req);
		if (kill_it)
			kill((pid_t)req->pid, SIGSYS);
		*resp = (struct seccomp_notif_resp){ .id = req->id, .error = -EPERM };
		seccomp_notify_respond(fd, resp);
	}
}

static int receive_fd(int from)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	int fd;

	if (recvmsg(from, &m, MSG_CMSG_CLOEXEC) <= 0 || !CMSG_FIRSTHDR(&m))
		_exit(125);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

static void send_fd(int to, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	must(sendmsg(to, &m, 0), "sendmsg");
}

/* Returns the socket that wants the descriptor of the filter. It is nobody's child: PROGRAM has
 * those that it makes itself. */
static int start_server(void)
{
	int pair[2];
	pid_t pid;

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
	pid = fork();
	must(pid, "fork");
	if (pid == 0) {
		if (fork() != 0)
			_exit(0);
		close(pair[0]);
		setsid();
		serve(receive_fd(pair[1]));
	}
	waitpid(pid, NULL, 0);
	close(pair[1]);
	return pair[0];
}

/* Trees. */

static void set_rdonly(const char *path, bool on)
{
	struct mount_attr attr = { 0 };

	*(on ? &attr.attr_set : &attr.attr_clr) = MOUNT_ATTR_RDONLY;
	if (syscall(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &attr, sizeof(attr)) < 0 &&
	    errno != ENOENT && errno != EINVAL)
		die(path);
}

static void bind_itself(const char *path)
{
	must(mount(path, path, NULL, MS_BIND | MS_REC, NULL), path);
}

/* An empty one with mode 000 in its place. */
static void inaccessible(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return;
	if (S_ISLNK(st.st_mode) || access(path, F_OK) < 0)
		return;
	if (S_ISDIR(st.st_mode))
		must(mount("none", path, "tmpfs", MS_RDONLY, "mode=000"), path);
	else
		must(mount("/run/asunit.none", path, NULL, MS_BIND, NULL), path);
}

static void private_devices(void)
{
	static const char *const nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };
	char from[64], to[64];

	mkdir("/run/asunit.dev", 0755);
	must(mount("none", "/run/asunit.dev", "tmpfs", MS_NOSUID, "mode=755"), "/run/asunit.dev");
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		snprintf(from, sizeof(from), "/dev/%s", nodes[i]);
		snprintf(to, sizeof(to), "/run/asunit.dev/%s", nodes[i]);
		close_fd(open(to, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
		if (access(from, F_OK) == 0)
			must(mount(from, to, NULL, MS_BIND, NULL), to);
	}
	must(mount("/run/asunit.dev", "/dev", NULL, MS_MOVE, NULL), "/dev");
}

static void set_up_trees(const char *store)
{
	struct words writable = { .n = 0 };

	split(unit_value("ReadWritePaths"), &writable);
	must(unshare(CLONE_NEWNS), "unshare");
	must(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "mount --make-rslave /");
	close_fd(open("/run/asunit.none", O_CREAT | O_WRONLY | O_CLOEXEC, 0000));
	if (unit_says("ProtectProc", "invisible"))
		must(mount("proc", "/proc", "proc", 0, "hidepid=invisible"), "/proc");
	if (unit_says("PrivateDevices", "yes"))
		private_devices();
	if (store) {
		mkdir(store, 0750);
		bind_itself(store);
	}
	if (unit_says("ProtectSystem", "strict"))
		set_rdonly("/", true);
	set_rdonly("/dev", false);
	set_rdonly("/proc", false);
	set_rdonly("/sys", unit_says("ProtectKernelTunables", "yes"));
	if (unit_says("ProtectKernelTunables", "yes")) {
		bind_itself("/proc/sys");
		set_rdonly("/proc/sys", true);
		inaccessible("/proc/kallsyms");
		inaccessible("/proc/kcore");
	}
	if (unit_says("ProtectKernelLogs", "yes"))
		inaccessible("/proc/kmsg");
	if (unit_says("ProtectKernelModules", "yes"))
		inaccessible("/usr/lib/modules");
	for (size_t i = 0; i < writable.n; i++)
		set_rdonly(writable.word[i] + (writable.word[i][0] == '-'), false);
	if (store)
		set_rdonly(store, false);
}

/* Capabilities. */

static void take_away(bool *keep, const char *name)
{
	cap_value_t cap;

	if (cap_from_name(name, &cap) < 0)
		die(name);
	keep[cap] = false;
}

static void bound_capabilities(const struct words *without)
{
	struct words given = { .n = 0 };
	bool keep[CAP_LAST_CAP + 1] = { false };

	split(unit_value("CapabilityBoundingSet"), &given);
	for (size_t i = 0; i < given.n; i++) {
		cap_value_t cap;

		if (cap_from_name(given.word[i], &cap) < 0)
			die(given.word[i]);
		keep[cap] = true;
	}
	if (unit_says("ProtectKernelLogs", "yes"))
		take_away(keep, "CAP_SYSLOG");
	if (unit_says("ProtectKernelModules", "yes"))
		take_away(keep, "CAP_SYS_MODULE");
	for (size_t i = 0; i < without->n; i++)
		take_away(keep, without->word[i]);
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (!keep[cap] && prctl(PR_CAPBSET_READ, cap) > 0)
			must(prctl(PR_CAPBSET_DROP, cap), "PR_CAPBSET_DROP");
}

static void set_process(void)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	char name[64];
	struct group *g;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(unit_value("Group"), " "),
		 unit_value("Group"));
	g = name[0] ? getgrnam(name) : NULL;
	if (g)
		must(setresgid(g->gr_gid, g->gr_gid, g->gr_gid), "setresgid");
	if (unit_says("LimitMEMLOCK", "infinity"))
		setrlimit(RLIMIT_MEMLOCK, &unlimited);
	if (unit_value("UMask")[0])
		umask((mode_t)strtoul(unit_value("UMask"), NULL, 8));
}

static const char *store_of(char **argv)
{
	for (; *argv; argv++)
		if (!strcmp(*argv, "--store"))
			return argv[1];
	return NULL;
}

int main(int argc, char **argv)
{
	struct words without = { .n = 0 };
	int server;

	if (argc < 3) {
		fputs("usage: asunit UNIT [--without CAP_X]... PROGRAM [ARG]...\n", stderr);
		return 2;
	}
	unit_text = read_all(fopen(argv[1], "re"));
	groups_text =
		read_all(popen("echo; systemd-analyze syscall-filter --no-pager 2>/dev/null", "r"));
	argv += 2;
	for (; argv[0] && argv[1] && !strcmp(argv[0], "--without"); argv += 2)
		add_word(&without, argv[1], strlen(argv[1]));
	if (geteuid() != 0) {	/* a test of what works without any privilege */
		execv(argv[0], argv);
		die(argv[0]);
	}
	server = start_server();
	set_up_trees(store_of(argv));
	set_process();
	bound_capabilities(&without);
	send_fd(server, load_filter());
	close(server);
	execv(argv[0], argv);
	die(argv[0]);
}
