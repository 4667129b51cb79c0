/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One walk over /proc: every process that holds a tap. Interface: vmm_scan() in vmm.h. */
#include "vmm.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/major.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "collector/alloc.h"
#include "collector/clock.h"
#include "cmdline.h"

#define MAX_CMDLINE (1 << 20)
#define TUN_MINOR 200		/* linux/miscdevice.h, which has no user-space copy */

/* A descriptor of a process and the NIC that it is a queue of. */
struct queue {
	int fd;
	unsigned int nic;
};

/* One process while it is looked at. */
struct process {
	int pid, dir;			/* /proc/PID */
	int pidfd;			/* -1: not asked for yet */
	char comm[32], state;
	bool vhost, named;
	bool kvm;			/* it runs a virtual CPU */
	bool ethernet;			/* one of its devices is no IFF_TUN, or may be none */
	const unsigned int *tap_majors;	/* struct walk's */
	struct queue *queues;
	unsigned int n_queues;
	struct owner_vm vm;
};

static void process_clear(struct process *p)
{
	close_fd(p->dir);
	close_fd(p->pidfd);
	free(p->queues);
	owner_vm_free(&p->vm);
}

static int read_file(int dir, const char *name, char *buf, size_t size)
{
	_cleanup_(close_fdp) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return (int)n;
}

/* "PID (COMM) STATE ... starttime ...": field 22, and COMM may hold anything. */
static int read_stat(struct process *p)
{
	char text[1024], *open, *close, *at;
	int r = read_file(p->dir, "stat", text, sizeof(text));

	if (r < 0)
		return r;
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (!open || !close || close < open || strlen(close) < 4)
		return -EINVAL;
	snprintf(p->comm, sizeof(p->comm), "%.*s", (int)(close - open - 1), open + 1);
	p->state = close[2];
	at = close + 2;
	for (int field = 3; field < 22 && at; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	p->vm.start_ticks = at ? strtoull(at, NULL, 10) : 0;
	return 0;
}

static uint32_t read_netns(const struct process *p)
{
	struct stat st;

	return fstatat(p->dir, "ns/net", &st, 0) < 0 ? 0 : (uint32_t)st.st_ino;
}

static bool is_one_of(const char *comm, const char *const *names)
{
	for (; *names; names++)
		if (!strcmp(comm, *names))
			return true;
	return false;
}

/* The daemons that make taps for VMs hold them for a moment; they are nobody's VM. */
static bool makes_taps_for_others(const char *comm)
{
	static const char *const daemons[] = { "libvirtd",	 "virtqemud",	    "virtnetworkd",
					       "rpc-libvirtd",	 "rpc-virtqemud",   "taplossd",
					       "NetworkManager", "systemd-network", "ip", NULL };

	return is_one_of(comm, daemons);
}

/* Tunnels and user-mode networks: they may hold Ethernet taps as a VMM does. */
static bool is_tunnel(const char *comm)
{
	static const char *const programs[] = {
		"openvpn",     "tailscaled",	 "zerotier-one",
		"tincd",       "edge",		 "supernode",
		"vtund",       "vpnserver",	 "vpnclient",
		"vpnbridge",   "openconnect",	 "vpnc",
		"charon",      "charon-systemd", "wireguard-go",
		"boringtun",   "boringtun-cli",	 "nebula",
		"ssh",	       "sshd",		 "slirp4netns",
		"pasta",       "pasta.avx2",	 "passt",
		"ocserv",      "ocserv-worker",	 "gvproxy",
		"cloudflared", "netbird",	 NULL,
	};

	return is_one_of(comm, programs);
}

/* A process that holds a tap is a VMM unless all that is known of it speaks against that: no
 * virtual CPU, no vhost, no VM's name, and a device that carries IP packets, or a tunnel's name. */
static bool is_vmm(const struct process *p)
{
	if (makes_taps_for_others(p->comm))
		return false;
	if (p->kvm || p->vhost)
		return true;
	return !is_tunnel(p->comm) && (p->ethernet || p->named || p->vm.uuid[0]);
}

/* NICs. */

/* A tap can be moved to another namespace while its VMM holds it. Only the descriptor knows
 * (tun_chr_ioctl(), 5.2), so it is borrowed for a moment (5.6). It tells as well whether the
 * device carries Ethernet frames. Returns the namespace, 0: not known. */
static uint32_t ask_tun(struct process *p, int fd)
{
	_cleanup_(close_fdp) int copy = -1, ns = -1;
	struct ifreq ifr = { 0 };
	struct stat st;

	if (p->pidfd < 0)
		p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	copy = p->pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, p->pidfd, fd, 0);
	if (copy < 0 || ioctl(copy, TUNGETIFF, &ifr) < 0 || !(ifr.ifr_flags & IFF_TUN))
		p->ethernet = true;
	ns = copy < 0 ? -1 : ioctl(copy, TUNGETDEVNETNS);
	return ns < 0 || fstat(ns, &st) < 0 ? 0 : (uint32_t)st.st_ino;
}

static int add_queue(struct process *p, int fd, const char *ifname, uint32_t ifindex)
{
	struct owner_nic *nic = NULL;
	unsigned int i;

	if (alloc_resize(p->queues, p->n_queues + 1) < 0)
		return -ENOMEM;
	for (i = p->vm.n_nics; i > 0; i--)	/* a NIC's queues are opened one after the other */
		if (p->vm.nics[i - 1].ifindex == ifindex &&
		    !strcmp(p->vm.nics[i - 1].ifname, ifname))
			break;
	i = i ? i - 1 : p->vm.n_nics;
	nic = i < p->vm.n_nics ? &p->vm.nics[i] : owner_vm_add_nic(&p->vm);
	if (!nic)
		return -ENOMEM;
	nic->ifindex = ifindex;
	snprintf(nic->ifname, sizeof(nic->ifname), "%s", ifname);
	if (!ifindex && !nic->queues)
		nic->netns = ask_tun(p, fd);
	p->ethernet |= ifindex != 0;
	nic->queues++;
	p->queues[p->n_queues++] = (struct queue){ fd, i };
	return 0;
}

/* "iff:\tvnet0"; a descriptor that was not given a device yet has none. */
static int on_tun(struct process *p, const char *fd)
{
	char path[64], text[512], *iff;

	snprintf(path, sizeof(path), "fdinfo/%.20s", fd);
	if (read_file(p->dir, path, text, sizeof(text)) < 0)
		return 0;
	iff = strstr(text, "iff:\t");
	if (!iff)
		return 0;
	iff += 5;
	iff[strcspn(iff, "\n")] = '\0';
	return *iff ? add_queue(p, (int)strtol(fd, NULL, 10), iff, 0) : 0;
}

/* /dev/tapN, wherever the node stands: N is the ifindex. */
static int on_tap(struct process *p, const char *fd, const char *target)
{
	const char *name = strrchr(target, '/');
	char *end;
	unsigned long n;

	if (!name || strncmp(name, "/tap", 4) != 0 || !isdigit((unsigned char)name[4]))
		return 0;
	n = strtoul(name + 4, &end, 10);
	return *end || n > UINT32_MAX ? 0
				      : add_queue(p, (int)strtol(fd, NULL, 10), "", (uint32_t)n);
}

/* The device number of the character device that a descriptor is open on; 0: it is none. Paths
 * are what their owner makes them: a file may be called /dev/tap7. Does not wait for a file system
 * that does not answer (FUSE). */
static dev_t device_of(int fds, const char *fd)
{
	struct statx st;

	if (statx(fds, fd, AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0 || !S_ISCHR(st.stx_mode))
		return 0;
	return makedev(st.stx_rdev_major, st.stx_rdev_minor);
}

static bool is_tap(const struct process *p, dev_t dev)
{
	return dev && (major(dev) == p->tap_majors[0] || major(dev) == p->tap_majors[1]);
}

static int on_fd(struct process *p, int fds, const char *fd)
{
	char target[256];
	ssize_t n = readlinkat(fds, fd, target, sizeof(target) - 1);
	dev_t dev;

	if (n < 0)
		return 0;	/* closed meanwhile */
	target[n] = '\0';
	p->kvm |= !strcmp(target, "anon_inode:kvm-vm");
	if (strncmp(target, "/dev/", 5) != 0)
		return 0;
	dev = device_of(fds, fd);
	if (!strcmp(target, "/dev/net/tun"))
		return dev == makedev(MISC_MAJOR, TUN_MINOR) ? on_tun(p, fd) : 0;
	if (dev && !strcmp(target, "/dev/vhost-net"))
		p->vhost = true;
	return is_tap(p, dev) ? on_tap(p, fd, target) : 0;
}

static int look_at_fds(struct process *p)
{
	int fds = openat(p->dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;
	DIR *d;
	int r = 0;

	if (fds < 0)
		return -errno;
	d = fdopendir(fds);
	if (!d) {
		close_fd(fds);
		return -errno;
	}
	while (r >= 0 && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]))
			r = on_fd(p, fds, e->d_name);
	closedir(d);
	return r;
}

/* Identity. */

static void match_mac(struct process *p, const struct cmdline_nic *from)
{
	for (unsigned int i = 0; i < p->vm.n_nics; i++) {
		struct owner_nic *nic = &p->vm.nics[i];
		bool same = from->ifname[0] && !strcmp(nic->ifname, from->ifname);

		for (unsigned int q = 0; q < p->n_queues && !same; q++)
			same = p->queues[q].nic == i && p->queues[q].fd == from->fd;
		if (same)
			memcpy(nic->mac, from->mac, sizeof(nic->mac));
	}
}

static char *read_cmdline(const struct process *p, size_t *ret_len)
{
	_cleanup_(close_fdp) int fd = openat(p->dir, "cmdline", O_RDONLY | O_CLOEXEC);
	_cleanup_(freep) char *text = malloc(MAX_CMDLINE);
	size_t len = 0;
	ssize_t n = 1;

	if (fd < 0 || !text)
		return NULL;
	while (n > 0 && len < MAX_CMDLINE) {
		n = read(fd, text + len, MAX_CMDLINE - len);
		len += n > 0 ? (size_t)n : 0;
	}
	*ret_len = len;
	return TAKE_PTR(text);
}

static void boot_id(char ret[static 37])
{
	char text[64] = "";

	if (read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof(text)) < 36)
		text[0] = '\0';
	snprintf(ret, 37, "%.36s", text);
}

static int ident_by_process(struct owner_vm *vm)
{
	char boot[37];

	boot_id(boot);
	if (asprintf(&vm->ident, "pid:%s:%d:%llu", boot, vm->pid,
		     (unsigned long long)vm->start_ticks) < 0)
		vm->ident = NULL;
	return vm->ident ? 0 : -ENOMEM;
}

static int set_ident(struct process *p)
{
	struct owner_vm *vm = &p->vm;
	int n;

	if (!vm->uuid[0] && !p->named)
		return ident_by_process(vm);
	if (vm->uuid[0])
		n = asprintf(&vm->ident, "%s", vm->uuid);
	else
		n = asprintf(&vm->ident, "name:%s", vm->name);
	if (n < 0)
		vm->ident = NULL;
	return n < 0 ? -ENOMEM : 0;
}

static int name_after_process(struct process *p)
{
	char text[64];

	if (p->vm.name)
		return 0;
	snprintf(text, sizeof(text), "%s-%d", p->comm, p->pid);
	p->vm.name = owner_clean_name(text, strlen(text));
	return p->vm.name ? 0 : -ENOMEM;
}

static int identify(struct process *p)
{
	_cleanup_(cmdline_free) struct cmdline c = { 0 };
	_cleanup_(freep) char *text = NULL;
	size_t len = 0;
	int r = 0;

	text = read_cmdline(p, &len);
	if (text)
		r = cmdline_parse(text, len, &c);
	if (r < 0)
		return r;
	p->named = c.name && c.name[0];
	if (p->named)
		p->vm.name = TAKE_PTR(c.name);
	memcpy(p->vm.uuid, c.uuid, sizeof(p->vm.uuid));
	r = owner_vm_label(&p->vm, "vmid", c.vmid);
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < c.n_nics; i++)
		match_mac(p, &c.nics[i]);
	r = name_after_process(p);
	return r < 0 ? r : set_ident(p);
}

/* The user whose process it is; the owner of /proc/PID is root's for who is not dumpable. */
static uint32_t read_uid(const struct process *p)
{
	char text[1024], *at;

	if (read_file(p->dir, "status", text, sizeof(text)) < 0)
		return OWNER_UID_UNKNOWN;
	at = strstr(text, "\nUid:\t");
	return at ? (uint32_t)strtoul(at + 6, NULL, 10) : OWNER_UID_UNKNOWN;
}

static void describe(struct process *p, uint32_t netns)
{
	struct owner_vm *vm = &p->vm;

	vm->uid = read_uid(p);
	vm->netns = netns;
	vm->since_ns =
		boot_to_utc_ns(p->vm.start_ticks * (NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK)));
	snprintf(vm->state, sizeof(vm->state), "%s", p->state == 'T' ? "stopped" : "running");
	for (unsigned int i = 0; i < vm->n_nics; i++) {
		if (!vm->nics[i].netns)
			vm->nics[i].netns = netns;
		snprintf(vm->nics[i].backend, sizeof(vm->nics[i].backend), "%s",
			 p->vhost ? "vhost" : "userspace");
	}
}

/* The walk. */

struct walk {
	struct owner_list *list;
	bool denied;
	unsigned int tap_majors[2];	/* of macvtap's and ipvtap's devices; 0: not loaded */
};

/* /proc/devices: "511 macvtap". */
static void read_tap_majors(int proc, unsigned int ret[static 2])
{
	static const char *const names[] = { " macvtap\n", " ipvtap\n" };
	char text[8192];

	if (read_file(proc, "devices", text, sizeof(text)) < 0)
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		char *at = strstr(text, names[i]);

		while (at && at > text && at[-1] != '\n')
			at--;
		ret[i] = at ? (unsigned int)strtoul(at, NULL, 10) : 0;
	}
}

static int look_at(struct walk *w, int proc, const char *pid)
{
	_cleanup_(process_clear) struct process p = { .pid = (int)strtol(pid, NULL, 10),
						      .pidfd = -1,
						      .tap_majors = w->tap_majors };
	uint32_t netns;
	int r;

	p.vm.at_ns = mono_ns();
	p.vm.pid = p.pid;
	p.dir = openat(proc, pid, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p.dir < 0)
		return 0;	/* it ended */
	r = look_at_fds(&p);
	w->denied |= r == -EACCES || r == -EPERM;
	if (r == -ENOMEM)
		return r;
	if (r < 0 || !p.vm.n_nics || read_stat(&p) < 0)
		return 0;
	netns = read_netns(&p);
	if (!netns)
		return 0;
	r = identify(&p);
	if (r < 0)
		return r;
	if (!is_vmm(&p))
		return 0;
	describe(&p, netns);
	return owner_list_add(w->list, &p.vm);
}

static bool same_nic(const struct owner_nic *a, const struct owner_nic *b)
{
	return a->netns == b->netns && a->ifindex == b->ifindex && !strcmp(a->ifname, b->ifname);
}

static void drop_nic(struct owner_vm *vm, const struct owner_nic *nic)
{
	for (unsigned int i = 0; i < vm->n_nics; i++) {
		if (!same_nic(&vm->nics[i], nic))
			continue;
		vm->nics[i] = vm->nics[--vm->n_nics];
		return;
	}
}

/* A descriptor is inherited by children and kept by launchers: the process that has a VM's name is
 * the VM, else the older one. */
static bool better(const struct owner_vm *a, const struct owner_vm *b)
{
	bool a_named = strncmp(a->ident, "pid:", 4) != 0,
	     b_named = strncmp(b->ident, "pid:", 4) != 0;

	return a_named != b_named ? a_named : a->since_ns <= b->since_ns;
}

static void decide_rivals(struct owner_vm *a, struct owner_vm *b)
{
	for (unsigned int i = 0; i < a->n_nics; i++) {
		struct owner_nic nic = a->nics[i];
		bool shared = false;

		for (unsigned int j = 0; j < b->n_nics; j++)
			shared |= same_nic(&nic, &b->nics[j]);
		if (!shared)
			continue;
		drop_nic(better(a, b) ? b : a, &nic);
		i -= !better(a, b);	/* the last one took its place */
	}
}

/* Two VMs may have one name and no UUID: the older one keeps the name as its identity. */
static int decide_names(struct owner_vm *a, struct owner_vm *b)
{
	struct owner_vm *younger = a->start_ticks > b->start_ticks ? a : b;

	if (!a->n_nics || !b->n_nics || strcmp(a->ident, b->ident) != 0 || a->uuid[0])
		return 0;
	free(younger->ident);
	return ident_by_process(younger);
}

static int decide_all(struct owner_list *l)
{
	int r = 0;

	for (unsigned int i = 0; i < l->n_vms; i++)
		for (unsigned int j = i + 1; j < l->n_vms; j++)
			decide_rivals(&l->vms[i], &l->vms[j]);
	for (unsigned int i = 0; i < l->n_vms; i++)
		for (unsigned int j = i + 1; r >= 0 && j < l->n_vms; j++)
			r = decide_names(&l->vms[i], &l->vms[j]);
	return r;
}

static void owner_list_freep(struct owner_list **l)
{
	*l = owner_list_free(*l);
}

int vmm_scan(const char *proc, struct owner_list **ret)
{
	_cleanup_(owner_list_freep) struct owner_list *list = calloc(1, sizeof(*list));
	struct walk w = { .list = list };
	struct dirent *e;
	DIR *d;
	int r = 0;

	if (!list)
		return -ENOMEM;
	d = opendir(proc);
	if (!d)
		return -errno;
	read_tap_majors(dirfd(d), w.tap_majors);
	while (r >= 0 && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]))
			r = look_at(&w, dirfd(d), e->d_name);
	closedir(d);
	if (r >= 0 && w.denied && !list->n_vms)
		r = -EACCES;
	if (r < 0)
		return r;
	r = decide_all(list);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(list);
	return 0;
}
