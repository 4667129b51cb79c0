-- SPDX-License-Identifier: GPL-2.0-or-later
-- timeline-YYYYMMDD.db, version 2: how full the rings were from which guests take their frames,
-- between losses and at them, and the queueing disciplines in front. Looked at about once a second;
-- a NIC's sample is its fullest queue. In frames; NULL: not known.
-- the most that lay in a ring; all of it when frames were lost to a full ring
ALTER TABLE traffic ADD COLUMN ring_peak INTEGER;
-- the fewest places that were left: the closest it came to losing
ALTER TABLE traffic ADD COLUMN ring_free INTEGER;
ALTER TABLE traffic ADD COLUMN ring_samples INTEGER NOT NULL DEFAULT 0;
-- of the samples: their mean is ring_sum / ring_samples
ALTER TABLE traffic ADD COLUMN ring_sum INTEGER NOT NULL DEFAULT 0;
-- the most that waited in the discipline, when it was looked at (once a minute); NULL also: never
-- any
ALTER TABLE traffic ADD COLUMN qdisc_peak INTEGER;

-- The same by the hour: the highest, the fewest, sums.
ALTER TABLE traffic_hour ADD COLUMN ring_peak INTEGER;
ALTER TABLE traffic_hour ADD COLUMN ring_free INTEGER;
ALTER TABLE traffic_hour ADD COLUMN ring_samples INTEGER NOT NULL DEFAULT 0;
ALTER TABLE traffic_hour ADD COLUMN ring_sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE traffic_hour ADD COLUMN qdisc_peak INTEGER;

-- pressure of a downsampled day, which is empty then: sums over its rows with t_ns in (t_ns, t_ns +
-- 1 h]. vcpu_ns, vhost_ns: threads times the time looked at. The peaks are the largest share of
-- that time for which threads of the kind had to wait in any one row, in thousandths; NULL: no such
-- threads.
CREATE TABLE pressure_hour (
	t_ns INTEGER NOT NULL,			-- start of the hour
	vm_id INTEGER NOT NULL,
	span_ns INTEGER NOT NULL,
	vcpu_ns INTEGER NOT NULL,
	vhost_ns INTEGER NOT NULL,
	vcpu_run_ns INTEGER NOT NULL,
	vcpu_wait_ns INTEGER NOT NULL,
	vhost_run_ns INTEGER NOT NULL,
	vhost_wait_ns INTEGER NOT NULL,
	emulator_run_ns INTEGER NOT NULL,
	emulator_wait_ns INTEGER NOT NULL,
	vcpu_peak INTEGER,
	vhost_peak INTEGER,
	PRIMARY KEY (t_ns, vm_id)
) STRICT, WITHOUT ROWID;
