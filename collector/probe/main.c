/* SPDX-License-Identifier: GPL-2.0-or-later */
/* taploss-probe - the inside of a guest: captures numbered frames and says which are missing, on the channel of wire.h.
 *
 * A static program: the first process of the probe's own machine, or a service of any guest that has the port.
 *
 *   main.c      the channel        capture.c   the ring        machine.c   the guest around it */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "../base.h"
#include "capture.h"
#include "machine.h"

#define MAX_RING (256U << 20)

static struct probe {
	FILE *out;
	int port;
	struct capture capture;
	bool capturing;
	char nic[16];
	uint64_t nic_packets, nic_dropped, busy_ns, began_ns;
} probe = { .port = -1, .capture.fd = -1 };

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void hello(void)
{
	struct utsname u;

	uname(&u);
	fprintf(probe.out, "probe %d %.60s\nok\n", WIRE_VERSION, u.release);
}

static void end_capture(void)
{
	if (probe.capturing)
		capture_close(&probe.capture);
	probe.capturing = false;
}

/* The first reading of a counter, or what was added since. */
static uint64_t since(const char *counter, uint64_t base)
{
	return machine_counter(probe.nic, counter) - base;
}

static void start(const char *line)
{
	unsigned int run, version, block_bytes, blocks, expect;
	char mac[18];
	const char *why = "interface";
	int ifindex, r;

	end_capture();
	if (sscanf(line, "capture %u %u %u %u %u %17s", &run, &version, &block_bytes, &blocks, &expect, mac) != 6 || version < 1 || version > 3 ||
	    !expect || expect > WIRE_MAX_FRAMES || !blocks || blocks > MAX_RING / 4096 || block_bytes < 4096 || block_bytes > MAX_RING / blocks) {
		fputs("error capture: these values cannot be\n", probe.out);
		return;
	}
	r = machine_nic(mac, probe.nic, &ifindex);
	if (r == 0) {
		r = capture_open(&probe.capture, (int)version, block_bytes, blocks, ifindex, run, expect, &why);
		probe.capturing = true;
	}
	if (r < 0) {
		end_capture();
		fprintf(probe.out, "error capture: %s: %s\n", why, strerror(-r));
		return;
	}
	probe.nic_packets = since("rx_packets", 0);
	probe.nic_dropped = since("rx_dropped", 0) + since("rx_errors", 0);
	probe.busy_ns = machine_busy_ns();
	probe.began_ns = now_ns();
	machine_announce(ifindex, mac);
	fputs("ok\n", probe.out);
}

/* Runs of zeros before the last number that came. */
static void report_gaps(const struct capture *c)
{
	uint32_t n = 0, first = 0;
	bool inside = false;

	for (uint32_t i = 0; i < c->expect; i++) {
		bool here = c->seen[i / 8] & 1 << i % 8;

		if (!here && !inside)
			first = i;
		if (here && inside && n++ < WIRE_GAPS)
			fprintf(probe.out, "gap %u %u\n", first, i - first);
		inside = !here;
	}
	for (uint32_t i = 0; i < c->n_losses; i++)
		fprintf(probe.out, "ring %u %u %u\n", c->losses[i].after, c->losses[i].before, c->losses[i].frames);
	fprintf(probe.out, "omitted %u\n", n > WIRE_GAPS ? n - WIRE_GAPS : 0);
}

static void report(void)
{
	struct capture *c = &probe.capture;

	if (!probe.capturing) {
		fputs("error report: nothing was captured\n", probe.out);
		return;
	}
	capture_take(c);
	capture_end(c);
	fprintf(probe.out, "frames %llu\nrepeated %llu\nlate %llu\nforeign %llu\nring_frames %llu\nring_drops %llu\n", (unsigned long long)c->frames,
		(unsigned long long)c->repeated, (unsigned long long)c->late, (unsigned long long)c->foreign, (unsigned long long)c->ring_frames,
		(unsigned long long)c->ring_drops);
	fprintf(probe.out, "nic_packets %llu\nnic_dropped %llu\ncpu_ns %llu\nwall_ns %llu\n",
		(unsigned long long)since("rx_packets", probe.nic_packets),
		(unsigned long long)(since("rx_dropped", 0) + since("rx_errors", probe.nic_dropped)),
		(unsigned long long)(machine_busy_ns() - probe.busy_ns), (unsigned long long)(now_ns() - probe.began_ns));
	report_gaps(c);
	fputs("ok\n", probe.out);
	end_capture();
}

static void obey(const char *line)
{
	if (!strcmp(line, "hello"))
		hello();
	else if (!strncmp(line, "capture ", 8))
		start(line);
	else if (!strcmp(line, "count"))
		fprintf(probe.out, "count %llu %llu\nok\n", (unsigned long long)probe.capture.frames,
			(unsigned long long)probe.capture.foreign);
	else if (!strcmp(line, "report"))
		report();
	else if (!strcmp(line, "quit") && getpid() == 1)
		reboot(RB_POWER_OFF);
	else
		fputs("error no such command\n", probe.out);
	fflush(probe.out);
}

/* Whole lines out of what the port gives. Nobody at the other end reads as an end of file, again and again. */
static void serve(void)
{
	static char line[WIRE_LINE];
	static size_t n;
	ssize_t r = read(probe.port, line + n, sizeof(line) - 1 - n);
	char *end;

	if (r <= 0) {
		usleep(5000);
		return;
	}
	n += (size_t)r;
	line[n] = '\0';
	while ((end = strchr(line, '\n'))) {
		*end = '\0';
		obey(line);
		n -= (size_t)(end + 1 - line);
		memmove(line, end + 1, n + 1);
	}
	if (n == sizeof(line) - 1)
		n = 0;
}

int main(void)
{
	struct pollfd p[2];

	if (getpid() == 1)
		machine_begin();
	while ((probe.port = machine_port(WIRE_PORT)) < 0)
		usleep(5000);
	probe.out = fdopen(dup(probe.port), "w");
	if (!probe.out)
		return 1;
	for (;;) {
		p[0] = (struct pollfd){ .fd = probe.port, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = probe.capturing ? probe.capture.fd : -1, .events = POLLIN };
		poll(p, 2, -1);
		if (probe.capturing)
			capture_take(&probe.capture);
		if (p[0].revents)
			serve();
	}
}
