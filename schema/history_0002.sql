-- SPDX-License-Identifier: GPL-2.0-or-later
-- history.db, version 2: rings and queueing disciplines as day_0002.sql has them, and what VMs'
-- threads got of the processor.
ALTER TABLE traffic_hour ADD COLUMN ring_peak INTEGER;
ALTER TABLE traffic_hour ADD COLUMN ring_free INTEGER;
ALTER TABLE traffic_hour ADD COLUMN ring_samples INTEGER NOT NULL DEFAULT 0;
ALTER TABLE traffic_hour ADD COLUMN ring_sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE traffic_hour ADD COLUMN qdisc_peak INTEGER;
ALTER TABLE traffic_day ADD COLUMN ring_peak INTEGER;
ALTER TABLE traffic_day ADD COLUMN ring_free INTEGER;
ALTER TABLE traffic_day ADD COLUMN ring_samples INTEGER NOT NULL DEFAULT 0;
ALTER TABLE traffic_day ADD COLUMN ring_sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE traffic_day ADD COLUMN qdisc_peak INTEGER;

-- Columns as in pressure_hour of day_0002.sql.
CREATE TABLE pressure_hour (
	day INTEGER NOT NULL,
	hour INTEGER NOT NULL,
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
	PRIMARY KEY (day, hour, vm_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE pressure_day (
	day INTEGER NOT NULL,
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
	PRIMARY KEY (day, vm_id)
) STRICT, WITHOUT ROWID;
