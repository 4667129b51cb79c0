-- SPDX-License-Identifier: GPL-2.0-or-later
-- meta.db, version 1: everything that has a name and lives longer than a day. Small; written
-- rarely; synced before each transaction on a day file, so that no row there ever points to a row
-- here that a power failure took away. Times are UTC ns since the epoch. A released migration is
-- never edited.

-- A virtual machine. ident is the domain UUID where there is one, else "name:NAME" or
-- "pid:BOOT:PID:START".
CREATE TABLE vm (
	id INTEGER PRIMARY KEY,
	ident TEXT NOT NULL UNIQUE,
	uuid TEXT,				-- NULL: the VMM was given none
	name TEXT NOT NULL,			-- the newest one
	-- running, paused, migrating, saving, starting, shutoff, ...; gone: no source reports it
	-- any more
	state TEXT NOT NULL,
	first_ns INTEGER NOT NULL,
	last_ns INTEGER NOT NULL
) STRICT;

-- Every name that a VM ever had, so that a query by the old name finds the one history.
CREATE TABLE vm_name (
	vm_id INTEGER NOT NULL REFERENCES vm(id),
	since_ns INTEGER NOT NULL,
	name TEXT NOT NULL,
	PRIMARY KEY (vm_id, since_ns)
) STRICT, WITHOUT ROWID;

-- One lifetime of a tap-like network device. (boot_id, netns, ifindex) and the name are used again;
-- ids are not.
CREATE TABLE device (
	id INTEGER PRIMARY KEY,
	boot_id TEXT NOT NULL,
	netns INTEGER NOT NULL,			-- inode number
	ifindex INTEGER NOT NULL,
	name TEXT NOT NULL,			-- the newest one
	kind TEXT NOT NULL,			-- tun, tap, macvtap, ipvtap
	since_ns INTEGER NOT NULL,
	until_ns INTEGER			-- NULL: still there
) STRICT;
CREATE INDEX device_by_key ON device (boot_id, netns, ifindex);

-- One lifetime of one interface of one VM.
CREATE TABLE attachment (
	id INTEGER PRIMARY KEY,
	vm_id INTEGER NOT NULL REFERENCES vm(id),
	device_id INTEGER NOT NULL REFERENCES device(id),
	mac TEXT,				-- the guest's address; NULL: unknown
	queues INTEGER,
	ring_frames INTEGER,
	backend TEXT,				-- vhost, userspace; NULL: unknown
	bridge TEXT,				-- bridge, network or lower device; NULL: none
	since_ns INTEGER NOT NULL,
	until_ns INTEGER			-- NULL: still attached
) STRICT;
CREATE INDEX attachment_by_vm ON attachment (vm_id);
CREATE INDEX attachment_by_device ON attachment (device_id);

-- What happened to VMs, their interfaces and the agent itself, as it was stored; a thousand of each
-- VM and kind are kept, and for as long as day files are. An agent's starts and ends stand in run.
CREATE TABLE event (
	id INTEGER PRIMARY KEY,
	t_ns INTEGER NOT NULL,			-- when it was noticed
	vm_id INTEGER REFERENCES vm(id),	-- NULL: the host's
	device_id INTEGER REFERENCES device(id),	-- NULL: the VM's as a whole
	-- vm, state, name; nic, queues, ring, bridge, backend, mac; source, interval
	what TEXT NOT NULL,
	was TEXT,				-- NULL: it was not there
	became TEXT				-- NULL: it went
) STRICT;
CREATE INDEX event_by_vm ON event (vm_id, what);

-- One way in which one queue of one interface loses frames: what a loss row in a day file points
-- to. A series never changes its meaning; that unattributed loss found its owner is the one
-- exception (attachment_id and vm_id are then filled in, when all of it belongs to that owner).
CREATE TABLE series (
	id INTEGER PRIMARY KEY,
	vm_id INTEGER REFERENCES vm(id),		-- NULL: nobody's yet
	-- NULL: nobody's yet, or the VM is known and the device is not
	attachment_id INTEGER REFERENCES attachment(id),
	device_id INTEGER REFERENCES device(id),	-- NULL: the kernel named none
	queue INTEGER,				-- NULL: not known
	direction TEXT NOT NULL,		-- the guest's: rx, tx
	class TEXT NOT NULL,			-- PTR_FULL, ...
	kind TEXT NOT NULL,			-- capacity, fault, policy, lifecycle
	reason TEXT NOT NULL,			-- the kernel's name for it
	site TEXT NOT NULL,			-- the kernel function
	counter TEXT,				-- device counter that moves with it; NULL: none
	-- NULL: the tap; else what lost it on the way, and where: "qdisc eth1" (class PATH)
	place TEXT,
	-- who sent the frames: a device, "host", "other"; NULL: not known
	sender TEXT,
	sender_vm_id INTEGER REFERENCES vm(id),	-- whose device that was; NULL: no VM's
	first_ns INTEGER NOT NULL		-- of its first loss row
) STRICT;
CREATE INDEX series_by_device ON series (device_id);
CREATE INDEX series_by_vm ON series (vm_id);

-- One run of the agent. clean = 0 and no agent running: it died.
CREATE TABLE run (
	id INTEGER PRIMARY KEY,
	pid INTEGER NOT NULL,
	version TEXT NOT NULL,
	kernel TEXT NOT NULL,			-- uname -r
	reasons INTEGER NOT NULL,		-- how many reasons this kernel names; 0: none
	interval_ns INTEGER NOT NULL,
	since_ns INTEGER NOT NULL,
	until_ns INTEGER,
	clean INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Losses that the newest agent cannot show on this host: they depend on the kernel and on the
-- programs that could be attached. In order.
CREATE TABLE blind (
	id INTEGER PRIMARY KEY,
	loss TEXT NOT NULL,
	why TEXT NOT NULL,
	witness TEXT NOT NULL			-- which counter shows it instead
) STRICT;

-- The newest state of each of the agent's sources.
CREATE TABLE source (
	-- bpf-loss, bpf-sockets, bpf-context, bpf-xdp, link, proc, libvirt:URI, store
	name TEXT PRIMARY KEY,
	state TEXT NOT NULL,			-- ok, connecting, stale, failed, off
	why TEXT NOT NULL,
	since_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A probe: numbered frames sent to a guest that captures them. taplossctl probe writes this and the
-- next three.
CREATE TABLE probe (
	id INTEGER PRIMARY KEY,
	since_ns INTEGER NOT NULL,
	until_ns INTEGER NOT NULL,		-- so far, while it runs
	state TEXT NOT NULL,			-- complete, incomplete
	why TEXT NOT NULL,			-- incomplete: what happened
	target TEXT NOT NULL,			-- "bridge br0"
	tap TEXT NOT NULL,			-- "" when it was never made
	kernel TEXT NOT NULL,			-- the guest's
	accel TEXT NOT NULL,			-- kvm, tcg
	frame_bytes INTEGER NOT NULL
) STRICT;

-- One rate. sent = captured + the entries of probe_ledger + unaccounted.
CREATE TABLE probe_step (
	probe_id INTEGER NOT NULL REFERENCES probe(id),
	step INTEGER NOT NULL,
	ring TEXT NOT NULL,			-- the guest's packet ring: V1, V2, V3
	ring_bytes INTEGER NOT NULL,
	pps INTEGER NOT NULL,			-- asked for; 0: as fast as it goes
	began_ns INTEGER NOT NULL,
	span_ns INTEGER NOT NULL,		-- of the sending
	sent INTEGER NOT NULL,
	captured INTEGER NOT NULL,		-- each number once
	unaccounted INTEGER NOT NULL,
	tap_delivered INTEGER NOT NULL,		-- the tap's own counters, of the step
	tap_dropped INTEGER NOT NULL,
	guest_cpu_ns INTEGER NOT NULL,		-- busy, all CPUs, of guest_wall_ns
	guest_wall_ns INTEGER NOT NULL,
	gaps INTEGER NOT NULL,			-- the first ones stand in probe_gap
	PRIMARY KEY (probe_id, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE probe_ledger (
	probe_id INTEGER NOT NULL REFERENCES probe(id),
	step INTEGER NOT NULL,
	place TEXT NOT NULL,			-- guest-ring, guest-nic, vmm, tap, path
	what TEXT NOT NULL,			-- at the tap its class, on the path the place
	frames INTEGER NOT NULL,
	PRIMARY KEY (probe_id, step, place, what)
) STRICT, WITHOUT ROWID;

-- Missing numbers in a row, by what explains them: a row for each.
CREATE TABLE probe_gap (
	probe_id INTEGER NOT NULL REFERENCES probe(id),
	step INTEGER NOT NULL,
	first INTEGER NOT NULL,
	last INTEGER NOT NULL,
	part INTEGER NOT NULL,
	from_ns INTEGER NOT NULL,		-- when they were sent, to the batch
	to_ns INTEGER NOT NULL,
	place TEXT NOT NULL,			-- unaccounted: nothing explains them
	what TEXT NOT NULL,
	frames INTEGER NOT NULL,
	-- position, time, total: how the explanation was found
	how TEXT NOT NULL,
	PRIMARY KEY (probe_id, step, first, part)
) STRICT, WITHOUT ROWID;
