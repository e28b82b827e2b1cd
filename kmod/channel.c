// SPDX-License-Identifier: GPL-2.0-only
/* channel.c - the fd between a connection and the daemon: what goes up, and read(), write(), poll(). */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "kmod.h"

struct kh_up *kh_up_new(u32 len)
{
	struct kh_up *u = kvmalloc(struct_size(u, data, len), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);

	if (!u)
		return NULL;
	kh_count(KH_OBJ_UP, 1);
	u->cap = len;
	u->off = 0;
	return u;
}

void kh_up_free(struct kh_up *u)
{
	if (!u)
		return;
	kh_count(KH_OBJ_UP, -1);
	kvfree(u);
}

static u32 up_size(const struct kh_up *u)
{
	return kh_record_size(u->hdr.len);
}

void kh_up_queue(struct kh_conn *c, struct kh_up *u, u32 len, enum kh_upcall_type type, u16 flags,
		 u64 session_id, u64 value)
{
	u->hdr = (struct kh_upcall){
		.len = sizeof(u->hdr) + len,
		.type = type,
		.flags = flags,
		.session_id = session_id,
		.value = value,
		.time_ns = ktime_get_ns(),
	};
	spin_lock(&c->up_lock);
	list_add_tail(&u->node, &c->up_queue);
	c->up_bytes += up_size(u);
	if (c->up_bytes > c->up_limit)
		set_bit(KH_CONN_UP_FULL, &c->flags);
	c->slot->up_bytes = c->up_bytes;
	spin_unlock(&c->up_lock);
	wake_up_interruptible_poll(&c->up_wait, EPOLLIN | EPOLLRDNORM);
}

void kh_up_drop(struct kh_conn *c)
{
	struct kh_up *u, *next;

	list_for_each_entry_safe(u, next, &c->up_queue, node) {
		list_del(&u->node);
		kh_up_free(u);
	}
}

/* The first record, if it fits into room. *size: of the first one, 0: there is none. */
static struct kh_up *take(struct kh_conn *c, size_t room, u32 *size)
{
	struct kh_up *u;
	bool kick = false;

	spin_lock(&c->up_lock);
	u = list_first_entry_or_null(&c->up_queue, struct kh_up, node);
	*size = u ? up_size(u) : 0;
	if (u && *size > room)
		u = NULL;
	if (u) {
		list_del(&u->node);
		c->up_bytes -= *size;
		c->slot->up_bytes = c->up_bytes;
		if (u->hdr.type == KH_UP_GONE)
			set_bit(KH_CONN_TOLD, &c->flags);
		if (c->up_bytes <= c->up_limit / 2 && test_and_clear_bit(KH_CONN_UP_FULL, &c->flags))
			kick = true;
	}
	spin_unlock(&c->up_lock);
	if (kick)
		kh_conn_kick(c);
	return u;
}

static bool put_record(struct kh_up *u, u32 size, struct iov_iter *to)
{
	u32 body = u->hdr.len - sizeof(u->hdr), pad = size - u->hdr.len;

	return copy_to_iter(&u->hdr, sizeof(u->hdr), to) == sizeof(u->hdr) &&
	       copy_to_iter(u->data + u->off, body, to) == body && iov_iter_zero(pad, to) == pad;
}

static ssize_t read_records(struct kh_conn *c, struct iov_iter *to)
{
	ssize_t done = 0;
	struct kh_up *u;
	u32 size;
	bool ok;

	while ((u = take(c, iov_iter_count(to), &size))) {
		ok = put_record(u, size, to);
		kh_up_free(u);
		if (!ok)
			return -EFAULT;
		done += size;
	}
	if (done)
		return done;
	if (size)
		return -EMSGSIZE;
	return test_bit(KH_CONN_TOLD, &c->flags) ? 0 : -EAGAIN;
}

static bool readable(struct kh_conn *c)
{
	return !list_empty_careful(&c->up_queue) || test_bit(KH_CONN_TOLD, &c->flags);
}

static bool writable(struct kh_conn *c)
{
	return READ_ONCE(c->out_bytes) <= c->out_limit || test_bit(KH_CONN_GONE, &c->flags);
}

static bool nonblocking(const struct kiocb *iocb)
{
	return iocb->ki_flags & IOCB_NOWAIT || iocb->ki_filp->f_flags & O_NONBLOCK;
}

static ssize_t channel_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct kh_conn *c = iocb->ki_filp->private_data;
	ssize_t n;

	while ((n = read_records(c, to)) == -EAGAIN && !nonblocking(iocb)) {
		n = wait_event_interruptible(c->up_wait, readable(c));
		if (n)
			break;
	}
	return n;
}

static ssize_t channel_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct kh_conn *c = iocb->ki_filp->private_data;
	ssize_t n;

	while ((n = kh_tx_records(c, from)) == -EAGAIN && !nonblocking(iocb)) {
		n = wait_event_interruptible(c->up_wait, writable(c));
		if (n)
			break;
	}
	return n;
}

static __poll_t channel_poll(struct file *file, poll_table *wait)
{
	struct kh_conn *c = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &c->up_wait, wait);
	if (readable(c))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (writable(c))
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}

static long channel_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kh_conn *c = file->private_data;
	struct kh_up *u;
	u32 size = 0;

	if (cmd != KH_CHANNEL_PEEK)
		return -ENOTTY;
	spin_lock(&c->up_lock);
	u = list_first_entry_or_null(&c->up_queue, struct kh_up, node);
	if (u)
		size = up_size(u);
	spin_unlock(&c->up_lock);
	return put_user(size, (u32 __user *)arg);
}

static int channel_release(struct inode *inode, struct file *file)
{
	kh_conn_end(file->private_data);
	return 0;
}

const struct file_operations kh_channel_fops = {
	.owner = THIS_MODULE,
	.read_iter = channel_read,
	.write_iter = channel_write,
	.poll = channel_poll,
	.unlocked_ioctl = channel_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = channel_release,
};
