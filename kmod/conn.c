// SPDX-License-Identifier: GPL-2.0-only
/*
 * conn.c - a connection from CONN_ATTACH to the release of its channel fd.
 *
 * The socket's callbacks are ours from attach on; the daemon keeps its fd, but neither reads nor
 * writes it. Teardown, in this order: no new work; callbacks back; shutdown, which ends a send that
 * is stuck; wait for io_work and for requests with a work item; then everything is ours alone.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/kcov.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "kmod.h"

/* ---- callbacks: softirq, or whoever holds the socket's lock ---- */

void kh_conn_kick(struct kh_conn *c)
{
	queue_work_on(raw_smp_processor_id(), kh_wq, &c->io_work);
}

static void data_ready(struct sock *sk)
{
	struct kh_conn *c;

	read_lock_bh(&sk->sk_callback_lock);
	c = __locked_read_sk_user_data_with_flags(sk, 0);
	if (c)
		kh_conn_kick(c);
	read_unlock_bh(&sk->sk_callback_lock);
}

static void write_space(struct sock *sk)
{
	struct kh_conn *c;

	read_lock_bh(&sk->sk_callback_lock);
	c = __locked_read_sk_user_data_with_flags(sk, 0);
	if (c && sk_stream_is_writeable(sk)) {
		clear_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		kh_conn_kick(c);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

static void state_change(struct sock *sk)
{
	struct kh_conn *c;

	read_lock_bh(&sk->sk_callback_lock);
	c = __locked_read_sk_user_data_with_flags(sk, 0);
	if (c) {
		kh_conn_kick(c);
		c->old_state_change(sk);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

static int take_callbacks(struct kh_conn *c)
{
	struct sock *sk = c->sock->sk;
	int err = 0;

	write_lock_bh(&sk->sk_callback_lock);
	if (sk->sk_user_data) {
		err = -EBUSY;
	} else {
		c->old_data_ready = sk->sk_data_ready;
		c->old_write_space = sk->sk_write_space;
		c->old_state_change = sk->sk_state_change;
		/* The daemon may make a listener of the socket: its children are not ours. */
		__rcu_assign_sk_user_data_with_flags(sk, c, SK_USER_DATA_NOCOPY);
		sk->sk_data_ready = data_ready;
		sk->sk_write_space = write_space;
		sk->sk_state_change = state_change;
	}
	write_unlock_bh(&sk->sk_callback_lock);
	return err;
}

static void return_callbacks(struct kh_conn *c)
{
	struct sock *sk = c->sock->sk;

	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	rcu_assign_sk_user_data(sk, NULL);
	sk->sk_data_ready = c->old_data_ready;
	sk->sk_write_space = c->old_write_space;
	sk->sk_state_change = c->old_state_change;
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
}

/* ---- work ---- */

static void io_work(struct work_struct *work)
{
	struct kh_conn *c = container_of(work, struct kh_conn, io_work);
	bool more;

	kcov_remote_start_common(c->kcov_handle);
	more = kh_rx_run(c);
	kh_tx_send(c);
	kcov_remote_stop();
	c->slot->cpu = raw_smp_processor_id();
	if (more)
		kh_conn_kick(c);
}

void kh_conn_gone(struct kh_conn *c, enum kh_gone why)
{
	struct kh_up *u;

	if (test_and_set_bit(KH_CONN_GONE, &c->flags))
		return;
	u = kh_up_new(0);
	if (u) {
		kh_up_queue(c, u, 0, KH_UP_GONE, 0, 0, why);
	} else {
		set_bit(KH_CONN_TOLD, &c->flags);
		wake_up_interruptible_poll(&c->up_wait, EPOLLIN | EPOLLRDNORM);
	}
}

u16 kh_conn_grant(struct kh_conn *c, u16 charge, u16 asked)
{
	u16 n;

	spin_lock(&c->window_lock);
	n = smb2_window_grant(&c->window, charge, asked);
	c->slot->credits = c->window.granted;
	spin_unlock(&c->window_lock);
	return n;
}

/* ---- begin ---- */

static struct kh_conn *conn_alloc(struct kh_server *s, const struct kh_conn_args *a)
{
	struct kh_conn *c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);

	if (!c)
		return NULL;
	kref_init(&c->ref);
	INIT_LIST_HEAD(&c->node);
	INIT_LIST_HEAD(&c->chans);
	INIT_LIST_HEAD(&c->up_queue);
	INIT_LIST_HEAD(&c->tx_queue);
	INIT_WORK(&c->io_work, io_work);
	spin_lock_init(&c->window_lock);
	spin_lock_init(&c->chan_lock);
	spin_lock_init(&c->up_lock);
	spin_lock_init(&c->tx_list_lock);
	mutex_init(&c->tx_lock);
	init_waitqueue_head(&c->up_wait);
	c->kcov_handle = kcov_common_handle(); /* of the fuzzer that attaches; 0 */
	c->id = a->id;
	c->dialect = a->dialect;
	c->large_mtu = a->large_mtu;
	c->max_frame = a->max_frame;
	c->max_read = a->max_read;
	c->max_write = a->max_write;
	c->up_limit = a->up_limit;
	c->out_limit = a->out_limit;
	c->window = *a->window;
	c->server = s;
	kh_server_get(s);
	kh_count(KH_OBJ_CONN, 1);
	return c;
}

static void conn_free(struct kref *ref)
{
	struct kh_conn *c = container_of(ref, struct kh_conn, ref);

	kh_count(KH_OBJ_CONN, -1);
	kh_server_put(c->server);
	kfree(c);
}

void kh_conn_get(struct kh_conn *c)
{
	kref_get(&c->ref);
}

void kh_conn_put(struct kh_conn *c)
{
	kref_put(&c->ref, conn_free);
}

struct kh_conn *kh_conn_find(struct kh_server *s, u64 id)
{
	struct kh_conn *c;

	mutex_lock(&s->lock);
	list_for_each_entry(c, &s->conns, node) {
		if (c->id == id) {
			kh_conn_get(c);
			mutex_unlock(&s->lock);
			return c;
		}
	}
	mutex_unlock(&s->lock);
	return NULL;
}

static int take_socket(struct kh_conn *c, int fd, struct netlink_ext_ack *extack)
{
	struct sock *sk;
	int err;

	c->sock = sockfd_lookup(fd, &err);
	if (!c->sock) {
		NL_SET_ERR_MSG(extack, "socket is not a socket");
		return err;
	}
	sk = c->sock->sk;
	if ((sk->sk_family != AF_INET && sk->sk_family != AF_INET6) ||
	    sk->sk_type != SOCK_STREAM || sk->sk_protocol != IPPROTO_TCP) {
		NL_SET_ERR_MSG(extack, "socket is not a TCP socket");
		return -EPROTONOSUPPORT;
	}
	if (READ_ONCE(sk->sk_state) != TCP_ESTABLISHED &&
	    READ_ONCE(sk->sk_state) != TCP_CLOSE_WAIT) {
		NL_SET_ERR_MSG(extack, "socket is not connected");
		return -ENOTCONN;
	}
	if (sock_net(sk) != c->server->net) {
		NL_SET_ERR_MSG(extack, "socket is of another network namespace");
		return -EXDEV;
	}
	return 0;
}

static int publish(struct kh_server *s, struct kh_conn *c, struct netlink_ext_ack *extack)
{
	struct kh_conn *other;
	int err = 0;

	mutex_lock(&s->lock);
	if (s->dead)
		err = -ENODEV;
	list_for_each_entry(other, &s->conns, node)
		if (other->id == c->id || other->slot == c->slot)
			err = -EEXIST;
	if (!err) {
		list_add_tail(&c->node, &s->conns);
		atomic_inc(&s->nconns);
	}
	mutex_unlock(&s->lock);
	if (err == -EEXIST)
		NL_SET_ERR_MSG(extack, "a connection of this id or slot is attached already");
	return err;
}

static void unpublish(struct kh_conn *c)
{
	mutex_lock(&c->server->lock);
	if (!list_empty(&c->node)) {
		list_del_init(&c->node);
		atomic_dec(&c->server->nconns);
	}
	mutex_unlock(&c->server->lock);
}

/* Everything but the socket's callbacks and io_work. */
static void release_all(struct kh_conn *c)
{
	unpublish(c);
	kh_rx_free(c);
	kh_tx_drop(c);
	kh_up_drop(c);
	kh_chans_drop(c);
	if (c->sock)
		sockfd_put(c->sock);
	kh_conn_put(c);
}

struct file *kh_conn_attach(struct kh_server *s, const struct kh_conn_args *a,
			    struct netlink_ext_ack *extack)
{
	struct kh_conn *c;
	struct file *file;
	unsigned int i;
	int err;

	if (!s->has_maps || !kh_maps_conn(&s->maps, a->slot)) {
		NL_SET_ERR_MSG(extack, "slot is outside the map of connections");
		return ERR_PTR(-EINVAL);
	}
	c = conn_alloc(s, a);
	if (!c)
		return ERR_PTR(-ENOMEM);
	c->slot = kh_maps_conn(&s->maps, a->slot);
	err = kh_rx_init(c, a->unhandled, a->unhandled_len);
	if (!err)
		err = take_socket(c, a->sock_fd, extack);
	for (i = 0; i < a->nsessions && !err; i++)
		err = kh_session_set(c, &a->sessions[i], extack);
	if (!err)
		err = publish(s, c, extack);
	if (err)
		goto fail;
	file = anon_inode_getfile("[ksmbd-hybrid-channel]", &kh_channel_fops, c, O_RDWR);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto fail;
	}
	file->f_mode |= FMODE_NOWAIT | FMODE_STREAM;
	err = take_callbacks(c);
	if (err) {
		NL_SET_ERR_MSG(extack, "socket has another owner in the kernel");
		file->private_data = NULL;
		fput(file);
		goto fail;
	}
	kh_conn_kick(c); /* for what came before the callbacks were ours */
	return file;
fail:
	release_all(c);
	return ERR_PTR(err);
}

/* ---- the end: release of the channel fd ---- */

void kh_conn_end(struct kh_conn *c)
{
	if (!c)
		return;
	set_bit(KH_CONN_GONE, &c->flags);
	set_bit(KH_CONN_CLOSING, &c->flags);
	return_callbacks(c);
	kernel_sock_shutdown(c->sock, SHUT_RDWR);
	disable_work_sync(&c->io_work);
	wait_var_event(&c->nreqs, !atomic_read(&c->nreqs));
	release_all(c);
}
