/* SPDX-License-Identifier: GPL-2.0-or-later */
/* commands - all commands of taplossctl. Each is one file, which ends in its struct cmd. */
#ifndef TAPLOSS_CTL_COMMANDS_COMMANDS_H
#define TAPLOSS_CTL_COMMANDS_COMMANDS_H

#include "ctl/options/cmd.h"

extern const struct cmd cmd_status, cmd_vms, cmd_loss, cmd_timeline, cmd_top, cmd_audit, cmd_report,
	cmd_mask, cmd_trace, cmd_db, cmd_events, cmd_bursts, cmd_diagnose, cmd_watch, cmd_capture,
	cmd_gaps, cmd_ring, cmd_probe;

#endif
