/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loss.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/base.h"
#include "collector/loss/class.h"
#include "collector/source/source.h"
#include "ctl/print/when.h"

#define STILL_MS 2000 /* for tap_still() */
#define MAX_KEYS 256
#define MAX_BURSTS 65536

struct probe_loss {
	struct source *source;
	uint32_t netns, ifindex;
	uint8_t mac[6];
	bool out;
	struct {
		struct tl_loss_key key;
		uint64_t base;
		int entry;
	} keys[MAX_KEYS];
	size_t n_keys;
	bool marking;
	struct ledger *ledger;
	struct ledger_burst *bursts;
	size_t n_bursts;
};

int probe_loss_open(struct probe_loss **ret, char why[static 512])
{
	struct probe_loss *p = calloc(1, sizeof(*p));
	struct stat st = { 0 };
	int r = p ? source_open("bpf", &(struct source_options){ .max_keys = 4096 }, &p->source,
				why)
		  : -ENOMEM;

	if (r == 0 && stat("/proc/self/ns/net", &st) < 0)
		r = -errno;
	if (r < 0)
		return probe_loss_close(p), r;
	p->netns = (uint32_t)st.st_ino;
	*ret = p;
	return 0;
}

struct probe_loss *probe_loss_close(struct probe_loss *p)
{
	if (p && p->source)
		source_close(p->source);
	free(p);
	return NULL;
}

int probe_loss_watch(struct probe_loss *p, const struct probe_tap *tap)
{
	char why[256];

	p->ifindex = if_nametoindex(tap->name);
	if (!p->ifindex)
		return -errno;
	memcpy(p->mac, tap->mac, 6);
	p->out = tap->out;
	p->n_keys = 0;
	loss_sockets_known(source_loss(p->source), why);
	return loss_watch_macs(source_loss(p->source), (const uint8_t (*)[6])&p->mac, 1);
}

/* On the guest's tap, or with its address. */
static bool ours(const struct probe_loss *p, const struct tl_loss_key *key)
{
	if (key->netns != p->netns)
		return false;
	return key->kind == TL_KIND_PATH
		       ? !key->ingress == p->out && !memcmp(tl_path_mac(key), p->mac, 6)
		       : key->ifindex == p->ifindex;
}

static void entry_text(const struct probe_loss *p, const struct tl_loss_key *key,
		       const char **place, char what[static 64])
{
	struct source_text text;
	struct class_out c;

	source_text(p->source, key, &text);
	class_of(&(struct class_in){ text.reason, text.site, key->kind, key->ingress }, &c);
	*place = !c.class || class_copy(&c) || strcmp(c.direction, p->out ? "tx" : "rx") != 0 ? NULL
		 : c.place ? "path"
			   : "tap";
	snprintf(what, 64, "%s", !c.class ? "" : c.place ? c.place : c.class);
}

static int on_key(const struct tl_loss_key *key, const struct loss_total *total, void *arg)
{
	struct probe_loss *p = arg;
	const char *place;
	char what[64];
	size_t i = 0;

	if (!ours(p, key))
		return 0;
	while (i < p->n_keys && memcmp(&p->keys[i].key, key, sizeof(*key)) != 0)
		i++;
	if (i == MAX_KEYS)
		return -ENOSPC;
	if (i == p->n_keys) {
		p->n_keys++;
		p->keys[i].key = *key;
		p->keys[i].base = 0;
	}
	p->keys[i].entry = -1;
	entry_text(p, key, &place, what);
	if (p->marking)
		p->keys[i].base = total->frames;
	else if (place && total->frames > p->keys[i].base)
		p->keys[i].entry =
			ledger_add(p->ledger, place, what, total->frames - p->keys[i].base);
	return 0;
}

static int on_burst(const struct tl_burst *b, void *arg)
{
	struct probe_loss *p = arg;

	for (size_t i = 0; i < p->n_keys && p->bursts && p->n_bursts < MAX_BURSTS; i++)
		if (p->keys[i].entry >= 0 && !memcmp(&p->keys[i].key, &b->key, sizeof(b->key)))
			p->bursts[p->n_bursts++] =
				(struct ledger_burst){ (size_t)p->keys[i].entry, b->start_ns,
						       b->last_ns, b->frames };
	return 0;
}

static int read_bursts(struct probe_loss *p)
{
	struct loss *l = source_loss(p->source);
	int r = loss_bursts(l, MAX_BURSTS, on_burst, p);

	if (r >= 0)
		loss_bursts_taken(l);
	return r;
}

int probe_loss_mark(struct probe_loss *p)
{
	int r;

	p->marking = true;
	p->bursts = NULL;
	r = source_read(p->source, on_key, p);
	p->marking = false;
	return r < 0 ? r : read_bursts(p);
}

int probe_loss_read(struct probe_loss *p, struct ledger *l, struct ledger_burst **ret, size_t *n)
{
	_cleanup_(freep) struct ledger_burst *bursts = calloc(MAX_BURSTS, sizeof(*bursts));
	int r = bursts ? 0 : -ENOMEM;

	p->ledger = l;
	p->bursts = bursts;
	p->n_bursts = 0;
	if (r == 0)
		r = source_read(p->source, on_key, p);
	if (r >= 0)
		r = read_bursts(p);
	p->bursts = NULL;
	if (r < 0)
		return r;
	*ret = TAKE_PTR(bursts);
	*n = p->n_bursts;
	return 0;
}

static int read_counter(const char *tap, const char *counter, uint64_t *ret)
{
	char path[128];
	unsigned long long n;
	FILE *f;
	int got;

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s", tap, counter);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	got = fscanf(f, "%llu", &n);
	fclose(f);
	*ret = got == 1 ? n : 0;
	return got == 1 ? 0 : -EIO;
}

int tap_counters_read(const struct probe_tap *tap, struct tap_counters *ret)
{
	/* of the device: a tap sends to the guest, a macvtap receives for it */
	bool tx = tap->macvtap == tap->out;
	struct tap_counters c = { 0 };
	int r = read_counter(tap->name, tx ? "tx_packets" : "rx_packets", &c.delivered);

	if (r == 0)
		r = read_counter(tap->name, tx ? "tx_dropped" : "rx_dropped", &c.dropped);
	if (r < 0)
		return r;
	if (tap->macvtap && !tap->out)
		c.delivered -= c.dropped;
	*ret = c;
	return 0;
}

bool tap_is_macvtap(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/tun_flags", name);
	return access(path, F_OK) < 0;
}

int tap_still(const struct probe_tap *tap, struct tap_counters *ret)
{
	uint64_t end = now_ns() + STILL_MS * NSEC_PER_MSEC;
	struct tap_counters before;
	int r = tap_counters_read(tap, ret);

	do {
		before = *ret;
		usleep(100000);
		r = r < 0 ? r : tap_counters_read(tap, ret);
	} while (r == 0 && memcmp(ret, &before, sizeof(before)) != 0 && now_ns() < end);
	return r;
}
