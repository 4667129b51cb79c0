/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vhost - the driver of a guest without the guest: two virtqueues in memory of our own, and the
 * kernel's vhost-net behind them.
 *
 * Guest-physical addresses are our virtual ones. Rings have 256 descriptors; one is made available
 * per buffer, and buffers are never taken up again: a case has 256 to spend in each direction.
 * Failures end the program (die()). */
#ifndef TAPLOSS_TAPTOOL_VHOST_H
#define TAPLOSS_TAPTOOL_VHOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define VHOST_HDR 12	/* bytes of the virtio-net header of virtio 1.0 */
#define VHOST_RING 256

struct vhost;

enum vhost_queue { VHOST_RX, VHOST_TX };	/* the guest's view */

/* Serves the queue @tap. @mergeable: a frame may use several of the guest's buffers
 * (VIRTIO_NET_F_MRG_RXBUF). */
struct vhost *vhost_new(int tap, bool mergeable);

void vhost_set_backend(struct vhost *v, int tap);	/* -1: none */
void vhost_close(struct vhost *v);	/* the kernel's side; the rings stay readable */

/* The memory of one direction, @size bytes; vhost_unmap() takes what lies at and behind @from away
 * under the kernel. */
uint8_t *vhost_memory(struct vhost *v, enum vhost_queue q, size_t *size);
void vhost_unmap(struct vhost *v, enum vhost_queue q, size_t from);

/* Makes a chain of @n buffers available, with @flags (VRING_DESC_F_WRITE) on each; tells nobody. */
void vhost_post(struct vhost *v, enum vhost_queue q, const struct iovec *parts, unsigned int n,
		uint16_t flags);
void vhost_loop(struct vhost *v, enum vhost_queue q);	/* two descriptors that name each other */
void vhost_kick(struct vhost *v, enum vhost_queue q);

/* for frames to the guest; with a kick */
void vhost_post_buffers(struct vhost *v, unsigned int n, size_t len);

/* A frame of @len bytes behind @head bytes of the virtio-net header @hdr (NULL: zeroes). */
struct vnet;
void vhost_post_frame(struct vhost *v, const struct vnet *hdr, size_t head, const void *frame,
		      size_t len);

/* buffers that came back since the start */
unsigned int vhost_used(struct vhost *v, enum vhost_queue q);
/* until @n came back, @ms at most; as vhost_used() */
unsigned int vhost_wait(struct vhost *v, enum vhost_queue q, unsigned int n, int ms);
#define VHOST_PATIENCE 10000
/* waits up to 10 s for the kernel to say that the ring is not sound */
bool vhost_broken(struct vhost *v, enum vhost_queue q);

#endif
