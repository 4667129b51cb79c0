/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine - the guest around the probe: its modules, its virtio-serial port, its interfaces. */
#ifndef TAPLOSS_COLLECTOR_PROBE_MACHINE_H
#define TAPLOSS_COLLECTOR_PROBE_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/* What the first process of a machine does: mounts, and the modules listed in /modules, in that
 * order. */
void machine_begin(void);

/* The port called @name, -1 while there is none. */
int machine_port(const char *name);

/* The interface with this address ("52:54:00:..."), up and open to all frames; its name into @name.
 * -ENODEV. */
int machine_nic(const char *mac, char name[static 16], int *ret_ifindex);

/* Sends one frame to everybody, so that bridges learn where @mac is: they would flood what is for
 * it. */
void machine_announce(int ifindex, const char *mac);

/* One of its counters in /sys; 0 when it cannot be read. */
uint64_t machine_counter(const char *nic, const char *counter);

/* Time that all CPUs together spent at work. */
uint64_t machine_busy_ns(void);

#endif
