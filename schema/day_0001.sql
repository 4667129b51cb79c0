-- SPDX-License-Identifier: GPL-2.0-or-later
-- timeline-YYYYMMDD.db, version 1: one UTC day, (midnight, midnight]. Keys start with time, so that
-- writing appends. The newest day file holds the baselines: they move in the same transaction as
-- the rows derived from them.

-- Which counters the baselines belong to. Other counters (reboot, new map) start from 0.
CREATE TABLE epoch (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	boot_id TEXT NOT NULL,
	map_id INTEGER NOT NULL
) STRICT;

-- Up to where each kernel counter is stored. key: struct tl_loss_key as it is.
CREATE TABLE baseline (
	key BLOB PRIMARY KEY,
	-- CLOCK_BOOTTIME; another one: the counter began anew
	born_ns INTEGER NOT NULL,
	frames INTEGER NOT NULL,
	segments INTEGER NOT NULL,
	bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Up to where each device's own counters are stored; device terms.
CREATE TABLE device_baseline (
	device_id INTEGER PRIMARY KEY,		-- meta.device
	rx_frames INTEGER NOT NULL,
	rx_bytes INTEGER NOT NULL,
	tx_frames INTEGER NOT NULL,
	tx_bytes INTEGER NOT NULL,
	rx_dropped INTEGER NOT NULL,
	tx_dropped INTEGER NOT NULL,
	rx_errors INTEGER NOT NULL,
	tx_errors INTEGER NOT NULL,
	rx_frame_errors INTEGER NOT NULL,	-- this and the next: -1, never read yet
	qdisc_dropped INTEGER NOT NULL
) STRICT;

-- What the program itself could not do: uncounted_frames, late_ticks, ... Totals, carried from day
-- to day.
CREATE TABLE self (
	name TEXT PRIMARY KEY,
	total INTEGER NOT NULL,
	-- of the kernel's counter behind it, 0 when there is none
	baseline INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Intervals in which loss was being counted. how: "tick" (resolution is the interval), "catch-up"
-- (counted by the kernel while the agent was away, stored in one piece at the end), or the name of
-- a source that sees less than all: "counters" (the devices' own, in ticks), "net-dm". The first
-- one may begin before the day does.
CREATE TABLE coverage (
	from_ns INTEGER PRIMARY KEY,
	to_ns INTEGER NOT NULL,
	how TEXT NOT NULL
) STRICT;

-- A moment at which loss was stored; the loss happened in (t_ns - span_ns, t_ns].
CREATE TABLE tick (
	t_ns INTEGER PRIMARY KEY,
	span_ns INTEGER NOT NULL
) STRICT;

-- Loss, never zero.
CREATE TABLE loss (
	t_ns INTEGER NOT NULL,			-- tick
	series_id INTEGER NOT NULL,		-- meta.series
	frames INTEGER NOT NULL,
	segments INTEGER NOT NULL,
	bytes INTEGER NOT NULL,
	PRIMARY KEY (t_ns, series_id)
) STRICT, WITHOUT ROWID;

-- The same by the hour, for the hours listed in rolled: the sum of loss with t_ns in (t_ns, t_ns +
-- 1 h]. Hours without loss are not listed; nor is the hour at hand.
CREATE TABLE loss_hour (
	t_ns INTEGER NOT NULL,			-- start of the hour
	series_id INTEGER NOT NULL,
	frames INTEGER NOT NULL,
	segments INTEGER NOT NULL,
	bytes INTEGER NOT NULL,
	PRIMARY KEY (t_ns, series_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE rolled (
	t_ns INTEGER PRIMARY KEY
) STRICT;

-- Bursts: frames of one series lost on one CPU with less than 10 ms between any two; a long one is
-- split each second. Rows of a queue and class that lie closer than 10 ms are one burst. One that
-- began before midnight may stand in the file of the day on which it ended.
CREATE TABLE burst (
	start_ns INTEGER NOT NULL,		-- of its first frame
	series_id INTEGER NOT NULL,		-- meta.series
	cpu INTEGER NOT NULL,
	span_ns INTEGER NOT NULL,		-- to its last frame
	frames INTEGER NOT NULL,
	-- in the sequence: the device's first frame after what it had delivered in that direction
	-- when the burst began, 1 for its very first; NULL: the kernel does not show it
	place INTEGER,
	PRIMARY KEY (start_ns, series_id, cpu)
) STRICT, WITHOUT ROWID;

-- What the threads of a VM's VMM got of the processor in (t_ns - span_ns, t_ns]: run time, and time
-- for which they could have run but had to wait. Sums over the threads. A row a tick while the VM
-- loses frames and for 10 s after, else one in 5 minutes.
CREATE TABLE pressure (
	t_ns INTEGER NOT NULL,
	vm_id INTEGER NOT NULL,			-- meta.vm
	span_ns INTEGER NOT NULL,
	vcpus INTEGER NOT NULL,			-- threads; 0: the VMM does not name them
	-- vhost workers: threads of its own (Linux 6.4 and later), or of the kernel
	vhosts INTEGER NOT NULL,
	vcpu_run_ns INTEGER NOT NULL,
	vcpu_wait_ns INTEGER NOT NULL,
	vhost_run_ns INTEGER NOT NULL,
	vhost_wait_ns INTEGER NOT NULL,
	emulator_run_ns INTEGER NOT NULL,	-- all other threads
	emulator_wait_ns INTEGER NOT NULL,
	PRIMARY KEY (t_ns, vm_id)
) STRICT, WITHOUT ROWID;

-- The device's own counters, when they moved: a second count, independent of loss. counter:
-- rx_dropped, tx_dropped, rx_errors, tx_errors in device terms; rx_frame_errors (tun.ko's own count
-- of bad headers), qdisc_dropped (the root queueing discipline's).
CREATE TABLE witness (
	t_ns INTEGER NOT NULL,
	device_id INTEGER NOT NULL,
	counter TEXT NOT NULL,
	frames INTEGER NOT NULL,
	PRIMARY KEY (t_ns, device_id, counter)
) STRICT, WITHOUT ROWID;

-- Delivered frames, in the guest's terms (rx: towards the guest), of NICs that had any, and what
-- was lost beside them; about one row a minute and NIC, begun when a NIC begins to lose frames and
-- grown while it does. Covers (t_ns - span_ns, t_ns].
CREATE TABLE traffic (
	t_ns INTEGER NOT NULL,
	device_id INTEGER NOT NULL,
	span_ns INTEGER NOT NULL,
	rx_frames INTEGER NOT NULL,
	rx_bytes INTEGER NOT NULL,
	tx_frames INTEGER NOT NULL,
	tx_bytes INTEGER NOT NULL,
	-- offered (delivered + lost) in its busiest second: frames/s
	rx_peak INTEGER NOT NULL,
	tx_peak INTEGER NOT NULL,
	rx_lost INTEGER NOT NULL,		-- frames lost for want of capacity
	tx_lost INTEGER NOT NULL,
	PRIMARY KEY (t_ns, device_id)
) STRICT, WITHOUT ROWID;

-- The same by the hour, for the hours listed in traffic_rolled: rows of traffic with t_ns in (t_ns,
-- t_ns + 1 h].
CREATE TABLE traffic_hour (
	t_ns INTEGER NOT NULL,			-- start of the hour
	device_id INTEGER NOT NULL,
	span_ns INTEGER NOT NULL,
	rx_frames INTEGER NOT NULL,
	rx_bytes INTEGER NOT NULL,
	tx_frames INTEGER NOT NULL,
	tx_bytes INTEGER NOT NULL,
	rx_peak INTEGER NOT NULL,
	tx_peak INTEGER NOT NULL,
	rx_lost INTEGER NOT NULL,
	tx_lost INTEGER NOT NULL,
	PRIMARY KEY (t_ns, device_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE traffic_rolled (
	t_ns INTEGER PRIMARY KEY
) STRICT;

-- A row here: the day was downsampled. loss, witness and tick are sums of loss_ns, traffic is empty
-- (traffic_hour has it).
CREATE TABLE thinned (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	loss_ns INTEGER NOT NULL,
	traffic_ns INTEGER NOT NULL
) STRICT;
