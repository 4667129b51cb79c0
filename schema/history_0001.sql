-- SPDX-License-Identifier: GPL-2.0-or-later
-- history.db, version 1: what stays of days when their files are gone. Each closed day is rolled up
-- once, in one transaction; rolling it up again replaces it. Keys start with the day (days since
-- the epoch, of the file), so that writing appends and a day goes in one piece. hour: hours since
-- the epoch; what it holds lies in (hour, hour + 1 h].

CREATE TABLE day (
	day INTEGER PRIMARY KEY,
	from_ns INTEGER NOT NULL,		-- all that it holds lies in (from_ns, to_ns]
	to_ns INTEGER NOT NULL,
	hours INTEGER NOT NULL			-- 0: its hours are deleted, the day's sums are kept
) STRICT;

CREATE TABLE coverage (
	day INTEGER NOT NULL,
	from_ns INTEGER NOT NULL,
	to_ns INTEGER NOT NULL,
	how TEXT NOT NULL,
	PRIMARY KEY (day, from_ns)
) STRICT, WITHOUT ROWID;

CREATE TABLE loss_hour (
	day INTEGER NOT NULL,
	hour INTEGER NOT NULL,
	series_id INTEGER NOT NULL,
	frames INTEGER NOT NULL,
	segments INTEGER NOT NULL,
	bytes INTEGER NOT NULL,
	PRIMARY KEY (day, hour, series_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE loss_day (
	day INTEGER NOT NULL,
	series_id INTEGER NOT NULL,
	frames INTEGER NOT NULL,
	segments INTEGER NOT NULL,
	bytes INTEGER NOT NULL,
	PRIMARY KEY (day, series_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE witness_hour (
	day INTEGER NOT NULL,
	hour INTEGER NOT NULL,
	device_id INTEGER NOT NULL,
	counter TEXT NOT NULL,
	frames INTEGER NOT NULL,
	PRIMARY KEY (day, hour, device_id, counter)
) STRICT, WITHOUT ROWID;

CREATE TABLE traffic_hour (
	day INTEGER NOT NULL,
	hour INTEGER NOT NULL,
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
	PRIMARY KEY (day, hour, device_id)
) STRICT, WITHOUT ROWID;

-- The same by the day, and how its minutes were: rx_demand, tx_demand as schema/demand.h says;
-- NULL: no frames that way. A device whose counters were read has a row, also when it had no
-- traffic.
CREATE TABLE traffic_day (
	day INTEGER NOT NULL,
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
	rx_demand BLOB,
	tx_demand BLOB,
	PRIMARY KEY (day, device_id)
) STRICT, WITHOUT ROWID;
