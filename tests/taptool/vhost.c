/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include "taptool.h"

#define MEMORY ((size_t)8 << 20)
#define RX_BUFFERS ((size_t)1 << 20)	/* where the guest's buffers start */
#define TX_BUFFERS ((size_t)4 << 20)
#define BUFFER 2048
#define VERSION_1 (1ULL << 32)
#define MRG_RXBUF (1ULL << VIRTIO_NET_F_MRG_RXBUF)

struct virtqueue {
	struct vring ring;
	unsigned int next;	/* descriptor */
	int kick, call, error;
};

struct vhost {
	int fd;
	uint8_t *memory;
	struct virtqueue queues[2];
	unsigned int frames;	/* posted by vhost_post_frame() */
};

static void command(const struct vhost *v, unsigned long request, const char *what, const void *arg)
{
	if (ioctl(v->fd, request, arg) < 0)
		die("vhost: %s", what);
}

static void set_memory(const struct vhost *v)
{
	uint64_t room[(sizeof(struct vhost_memory) + sizeof(struct vhost_memory_region)) /
		      sizeof(uint64_t)] = { 0 };
	struct vhost_memory *table = (struct vhost_memory *)room;

	table->nregions = 1;
	table->regions[0] = (struct vhost_memory_region){ (uintptr_t)v->memory, MEMORY,
							  (uintptr_t)v->memory, 0 };
	command(v, VHOST_SET_MEM_TABLE, "memory", table);
}

static int event(const struct vhost *v, unsigned int index, unsigned long request)
{
	struct vhost_vring_file file = { index, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };

	if (file.fd < 0)
		die("eventfd");
	command(v, request, "an eventfd", &file);
	return file.fd;
}

static void set_queue(struct vhost *v, unsigned int index)
{
	struct virtqueue *q = v->queues + index;
	struct vhost_vring_state state = { index, VHOST_RING };
	struct vhost_vring_addr address = { .index = index };

	vring_init(&q->ring, VHOST_RING, v->memory + index * ((size_t)256 << 10), 4096);
	command(v, VHOST_SET_VRING_NUM, "ring length", &state);
	state.num = 0;
	command(v, VHOST_SET_VRING_BASE, "ring start", &state);
	address.desc_user_addr = (uintptr_t)q->ring.desc;
	address.avail_user_addr = (uintptr_t)q->ring.avail;
	address.used_user_addr = (uintptr_t)q->ring.used;
	command(v, VHOST_SET_VRING_ADDR, "ring address", &address);
	q->kick = event(v, index, VHOST_SET_VRING_KICK);
	q->call = event(v, index, VHOST_SET_VRING_CALL);
	q->error = event(v, index, VHOST_SET_VRING_ERR);
}

struct vhost *vhost_new(int tap, bool mergeable)
{
	uint64_t features = VERSION_1 | (mergeable ? MRG_RXBUF : 0);
	struct vhost *v = calloc(1, sizeof(*v));
	int header = VHOST_HDR;

	if (!v)
		die("memory");
	v->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	v->fd = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);
	if (v->memory == MAP_FAILED || v->fd < 0)
		die("/dev/vhost-net");
	if (ioctl(tap, TUNSETVNETHDRSZ, &header) < 0)
		die("header length");
	command(v, VHOST_SET_OWNER, "owner", NULL);
	command(v, VHOST_SET_FEATURES, "features", &features);
	set_memory(v);
	set_queue(v, VHOST_RX);
	set_queue(v, VHOST_TX);
	vhost_set_backend(v, tap);
	return v;
}

void vhost_set_backend(struct vhost *v, int tap)
{
	for (unsigned int i = 0; i < 2; i++)
		command(v, VHOST_NET_SET_BACKEND, "backend", &(struct vhost_vring_file){ i, tap });
}

void vhost_close(struct vhost *v)
{
	v->fd = close_fd(v->fd);
}

uint8_t *vhost_memory(struct vhost *v, enum vhost_queue q, size_t *size)
{
	*size = q == VHOST_RX ? TX_BUFFERS - RX_BUFFERS : MEMORY - TX_BUFFERS;
	return v->memory + (q == VHOST_RX ? RX_BUFFERS : TX_BUFFERS);
}

void vhost_unmap(struct vhost *v, enum vhost_queue q, size_t from)
{
	size_t size;
	uint8_t *m = vhost_memory(v, q, &size);

	if (munmap(m + from, size - from) < 0)
		die("munmap");
}

static void make_available(struct virtqueue *q, unsigned int head)
{
	q->ring.avail->ring[q->ring.avail->idx % VHOST_RING] = (uint16_t)head;
	__sync_synchronize();
	q->ring.avail->idx++;
	__sync_synchronize();
}

void vhost_post(struct vhost *v, enum vhost_queue queue, const struct iovec *parts, unsigned int n,
		uint16_t flags)
{
	struct virtqueue *q = v->queues + queue;
	unsigned int head = q->next;

	errno = 0;
	if (q->next + n > VHOST_RING)
		die("vhost: no descriptor left");
	for (unsigned int i = 0; i < n; i++) {
		bool last = i + 1 == n;

		q->ring.desc[q->next] = (struct vring_desc){
			.addr = (uintptr_t)parts[i].iov_base,
			.len = (uint32_t)parts[i].iov_len,
			.flags = flags | (last ? 0 : VRING_DESC_F_NEXT),
			.next = (uint16_t)(last ? 0 : q->next + 1),
		};
		q->next++;
	}
	make_available(q, head);
}

void vhost_loop(struct vhost *v, enum vhost_queue queue)
{
	struct virtqueue *q = v->queues + queue;
	struct vring_desc *d = q->ring.desc + q->next;
	size_t size;

	d[0] = (struct vring_desc){ (uintptr_t)vhost_memory(v, queue, &size), 12, VRING_DESC_F_NEXT,
				    (uint16_t)(q->next + 1) };
	d[1] = (struct vring_desc){ d[0].addr + 12, 60, VRING_DESC_F_NEXT, (uint16_t)q->next };
	make_available(q, q->next);
	q->next += 2;
}

void vhost_kick(struct vhost *v, enum vhost_queue q)
{
	const uint64_t one = 1;

	if (write(v->queues[q].kick, &one, sizeof(one)) != sizeof(one))
		die("kick");
}

void vhost_post_buffers(struct vhost *v, unsigned int n, size_t len)
{
	size_t size;
	uint8_t *m = vhost_memory(v, VHOST_RX, &size);

	for (unsigned int i = 0; i < n; i++) {
		size_t at = (size_t)v->queues[VHOST_RX].next * BUFFER;

		vhost_post(v, VHOST_RX, &(struct iovec){ m + at, len }, 1, VRING_DESC_F_WRITE);
	}
	vhost_kick(v, VHOST_RX);
}

void vhost_post_frame(struct vhost *v, const struct vnet *hdr, size_t head, const void *frame,
		      size_t len)
{
	size_t size;
	uint8_t *b = vhost_memory(v, VHOST_TX, &size) +
		     (size_t)v->frames++ * (len > BUFFER - VHOST_HDR ? 4 * 4096 : BUFFER);

	if (hdr)
		vnet_put(b, hdr);
	if (len)
		memcpy(b + head, frame, len);
	vhost_post(v, VHOST_TX, &(struct iovec){ b, head + len }, 1, 0);
}

unsigned int vhost_used(struct vhost *v, enum vhost_queue q)
{
	__sync_synchronize();
	return *(volatile uint16_t *)&v->queues[q].ring.used->idx;
}

unsigned int vhost_wait(struct vhost *v, enum vhost_queue q, unsigned int n, int ms)
{
	for (int i = 0; i < ms && vhost_used(v, q) < n; i++)
		usleep(1000);
	return vhost_used(v, q);
}

bool vhost_broken(struct vhost *v, enum vhost_queue q)
{
	struct pollfd p = { .fd = v->queues[q].error, .events = POLLIN };

	return poll(&p, 1, VHOST_PATIENCE) == 1;
}
