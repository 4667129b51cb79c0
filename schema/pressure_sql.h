/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pressure_sql - rows of pressure added up, in SQL: the columns of pressure_hour and pressure_day
 * from span_ns on. */
#ifndef TAPLOSS_SCHEMA_PRESSURE_SQL_H
#define TAPLOSS_SCHEMA_PRESSURE_SQL_H

/* The largest share of the threads' time for which they waited in one row, in thousandths. */
#define WAITED_MOST(kind)                                        \
	"max(CASE WHEN " kind "s > 0 AND span_ns > 0 THEN " kind \
	"_wait_ns * 1000 / (span_ns * " kind "s) END)"

/* Of rows of pressure. */
#define WAITED_ROWS                                                                      \
	"sum(span_ns), sum(span_ns * vcpus), sum(span_ns * vhosts), sum(vcpu_run_ns), "  \
	"sum(vcpu_wait_ns), sum(vhost_run_ns), "                                         \
	"sum(vhost_wait_ns), sum(emulator_run_ns), sum(emulator_wait_ns), " WAITED_MOST( \
		"vcpu") ", " WAITED_MOST("vhost")

/* Of rows of pressure_hour, pressure_day. */
#define WAITED_SUMS                                                                        \
	"sum(span_ns), sum(vcpu_ns), sum(vhost_ns), sum(vcpu_run_ns), sum(vcpu_wait_ns), " \
	"sum(vhost_run_ns), sum(vhost_wait_ns), "                                          \
	"sum(emulator_run_ns), sum(emulator_wait_ns), max(vcpu_peak), max(vhost_peak)"

#endif
