/* SPDX-License-Identifier: GPL-2.0-or-later */
/* taploss-probe - the inside of a guest: captures numbered frames and says which are missing, or
 * sends them, on the channel of wire.h.
 *
 * A static program: the first process of the probe's own machine, or a service of any guest that
 * has the port.
 *
 *   main.c      the channel         capture.c   the ring
 *   send.c      the frames          machine.c   the guest around it */
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

#include "collector/base.h"
#include "receive.h"
#include "machine.h"
#include "send.h"

static struct probe {
	FILE *out;
	int port;
	struct receiver receiver;
	struct sender sender;
	bool capturing, sending;	/* sending: also when all is sent */
	char nic[16];
	uint64_t nic_packets, nic_dropped, busy_ns, began_ns;	/* when it began */
} probe = { .port = -1, .receiver.fd = -1, .sender.fd = -1 };

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

static void end_all(void)
{
	if (probe.capturing)
		receive_close(&probe.receiver);
	sender_close(&probe.sender);
	probe.capturing = probe.sending = false;
}

static uint64_t dropped(bool tx)
{
	return machine_counter(probe.nic, tx ? "tx_dropped" : "rx_dropped") +
	       machine_counter(probe.nic, tx ? "tx_errors" : "rx_errors");
}

/* From here on things are counted. */
static void mark(bool tx)
{
	probe.nic_packets = machine_counter(probe.nic, tx ? "tx_packets" : "rx_packets");
	probe.nic_dropped = dropped(tx);
	probe.busy_ns = machine_busy_ns();
	probe.began_ns = now_ns();
}

static void start_capture(const char *line)
{
	struct receive_order o = { 0 };
	const char *why = "interface";
	char mac[18];
	int r;

	end_all();
	if (sscanf(line, "capture %u %d %u %u %u %u %17s", &o.run, &o.version, &o.block_bytes,
		   &o.blocks, &o.expect, &o.flows, mac) != 7 ||
	    !receive_possible(&o)) {
		fputs("error capture: these values cannot be\n", probe.out);
		return;
	}
	r = machine_nic(mac, probe.nic, &o.ifindex);
	if (r == 0) {
		r = receive_open(&probe.receiver, &o, &why);
		probe.capturing = true;
	}
	if (r < 0) {
		end_all();
		fprintf(probe.out, "error capture: %s: %s\n", why, strerror(-r));
		return;
	}
	mark(false);
	machine_announce(o.ifindex, mac);
	fputs("ok\n", probe.out);
}

static bool read_mac(const char *text, uint8_t mac[static 6])
{
	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &mac[0], &mac[1], &mac[2],
		      &mac[3], &mac[4], &mac[5]) == 6;
}

static void start_sending(const char *line)
{
	struct send_order o = { .flows = 1 };
	unsigned long long pps;
	char lengths[64], to[18], mac[18];
	int r;

	end_all();
	if (sscanf(line, "send %u %u %llu %63s %17s %17s", &o.run, &o.frames, &pps, lengths, to,
		   mac) != 6 ||
	    !o.frames || o.frames > WIRE_MAX_FRAMES || !send_lengths(lengths, &o) ||
	    !read_mac(to, o.to) || !read_mac(mac, o.from)) {
		fputs("error send: these values cannot be\n", probe.out);
		return;
	}
	o.pps = pps;
	r = machine_nic(mac, probe.nic, &o.ifindex);
	mark(true);
	if (r == 0)
		r = sender_open(&probe.sender, &o);
	probe.sending = r == 0;
	if (r < 0)
		fprintf(probe.out, "error send: %s\n", strerror(-r));
	else
		fputs("ok\n", probe.out);
}

static void report_sent(void)
{
	const struct sender *s = &probe.sender;

	if (!probe.sending) {
		fputs("error sent: nothing is being sent\n", probe.out);
		return;
	}
	fprintf(probe.out, "sent %d %u %u %llu %llu %llu %llu %llu\nok\n", !sender_done(s), s->sent,
		s->refused,
		(unsigned long long)(machine_counter(probe.nic, "tx_packets") - probe.nic_packets),
		(unsigned long long)(dropped(true) - probe.nic_dropped),
		(unsigned long long)(machine_busy_ns() - probe.busy_ns),
		(unsigned long long)(now_ns() - probe.began_ns),
		(unsigned long long)(s->ended_ns - s->began_ns));
}

/* Runs of zeros before the last number that came. */
static void report_gaps(const struct receiver *c)
{
	uint32_t omitted = 0, at = 0, n, told = 0;

	for (; (n = receive_gap(c, &at)); at += n) {
		if (told++ < WIRE_GAPS)
			fprintf(probe.out, "gap %u %u\n", at, n);
		else
			omitted++;
	}
	for (uint32_t i = 0; i < c->n_losses; i++)
		fprintf(probe.out, "ring %u %u %u\n", c->losses[i].after, c->losses[i].before,
			c->losses[i].frames);
	fprintf(probe.out, "omitted %u\n", omitted);
}

static void report(void)
{
	struct receiver *c = &probe.receiver;

	if (!probe.capturing) {
		fputs("error report: nothing was captured\n", probe.out);
		return;
	}
	receive_take(c);
	receive_end(c);
	fprintf(probe.out,
		"frames %llu\nrepeated %llu\nlate %llu\nforeign %llu\nring_frames %llu\nring_drops "
		"%llu\n",
		(unsigned long long)c->frames, (unsigned long long)c->repeated,
		(unsigned long long)c->late, (unsigned long long)c->foreign,
		(unsigned long long)c->ring_frames, (unsigned long long)c->ring_drops);
	fprintf(probe.out, "nic_packets %llu\nnic_dropped %llu\ncpu_ns %llu\nwall_ns %llu\n",
		(unsigned long long)(machine_counter(probe.nic, "rx_packets") - probe.nic_packets),
		(unsigned long long)(dropped(false) - probe.nic_dropped),
		(unsigned long long)(machine_busy_ns() - probe.busy_ns),
		(unsigned long long)(now_ns() - probe.began_ns));
	report_gaps(c);
	fputs("ok\n", probe.out);
	end_all();
}

static void obey(const char *line)
{
	if (!strcmp(line, "hello"))
		hello();
	else if (!strncmp(line, "capture ", 8))
		start_capture(line);
	else if (!strncmp(line, "send ", 5))
		start_sending(line);
	else if (!strcmp(line, "sent"))
		report_sent();
	else if (!strcmp(line, "count"))
		fprintf(probe.out, "count %llu %llu\nok\n",
			(unsigned long long)probe.receiver.frames,
			(unsigned long long)probe.receiver.foreign);
	else if (!strcmp(line, "report"))
		report();
	else if (!strcmp(line, "quit") && getpid() == 1)
		reboot(RB_POWER_OFF);
	else
		fputs("error no such command\n", probe.out);
	fflush(probe.out);
}

/* Whole lines out of what the port gives. Nobody at the other end reads as an end of file, again
 * and again. */
static void serve(void)
{
	static char line[WIRE_LINE];
	static size_t n;
	ssize_t r = read(probe.port, line + n, sizeof(line) - 1 - n);
	char *end;

	if (r <= 0) {
		end_all();
		usleep(getpid() == 1 ? 5000 : 200000);	/* a service may wait for days */
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

/* A frame that cannot be sent ends the sending: the host sees that its number does not grow, and
 * what misses. */
static void send_some(void)
{
	if (sender_batch(&probe.sender) < 0)
		end_all();
}

/* How long nothing has to be done, in ms; -1: until something comes. */
static int idle_ms(void)
{
	uint64_t due, now;

	if (!probe.sending || sender_done(&probe.sender))
		return -1;
	due = sender_due(&probe.sender);
	now = send_clock_ns();
	return due <= now ? 0 : (int)((due - now) / NSEC_PER_MSEC) + 1;
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
		p[1] = (struct pollfd){
			.fd = probe.capturing ? probe.receiver.fd : -1,
			.events = POLLIN,
		};
		poll(p, 2, idle_ms());
		if (probe.capturing)
			receive_take(&probe.receiver);
		if (p[0].revents)
			serve();
		if (idle_ms() == 0)
			send_some();
	}
}
