// SPDX-License-Identifier: GPL-2.0-only
/* session.c - sessions on a connection: their keys, and who uses them. */
#include <linux/netlink.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "kmod.h"

static void chan_free(struct kh_chan *ch)
{
	kh_sign_free(ch->sign);
	kh_crypt_free(ch->crypt);
	kh_count(KH_OBJ_CHAN, -1);
	kfree_rcu(ch, rcu);
}

/* Whoever unlinked it waits until its own reference is the last one. */
void kh_chan_put(struct kh_chan *ch)
{
	if (!ch)
		return;
	rcu_read_lock(); /* afterwards who waited may free it */
	if (refcount_dec_and_test(&ch->refs)) {
		chan_free(ch);
	} else {
		smp_mb__after_atomic(); /* the waiter sees the count, or this sees the waiter */
		if (READ_ONCE(ch->waited))
			wake_up_var(&ch->refs);
	}
	rcu_read_unlock();
}

struct kh_chan *kh_chan_find(struct kh_conn *c, u64 session_id)
{
	struct kh_chan *ch;

	rcu_read_lock();
	list_for_each_entry_rcu(ch, &c->chans, node) {
		if (ch->session_id == session_id && refcount_inc_not_zero(&ch->refs)) {
			rcu_read_unlock();
			return ch;
		}
	}
	rcu_read_unlock();
	return NULL;
}

/* The session of that id, off the list; chan_lock is held. Lists are short: a session or two. */
static struct kh_chan *chan_unlink(struct kh_conn *c, u64 session_id)
{
	struct kh_chan *ch;

	list_for_each_entry(ch, &c->chans, node) {
		if (ch->session_id == session_id) {
			list_del_rcu(&ch->node);
			return ch;
		}
	}
	return NULL;
}

/* It is off the list: returns when it is not in use any more. NULL is fine. */
static void chan_end(struct kh_chan *ch)
{
	if (!ch)
		return;
	WRITE_ONCE(ch->waited, true);
	smp_mb(); /* pairs with the one in kh_chan_put() */
	wait_var_event(&ch->refs, refcount_read(&ch->refs) == 1);
	kh_chan_put(ch);
}

static bool chan_remove(struct kh_conn *c, u64 session_id)
{
	struct kh_chan *ch;

	spin_lock(&c->chan_lock);
	ch = chan_unlink(c, session_id);
	spin_unlock(&c->chan_lock);
	chan_end(ch);
	return ch;
}

static struct kh_chan *chan_new(struct kh_conn *c, const struct kh_session_args *a,
				struct netlink_ext_ack *extack)
{
	struct kh_chan *ch = kzalloc(sizeof(*ch), GFP_KERNEL_ACCOUNT);
	int err;

	if (!ch)
		return ERR_PTR(-ENOMEM);
	refcount_set(&ch->refs, 1);
	atomic64_set(&ch->nonce_counter, 0);
	ch->conn = c;
	ch->session_id = a->session_id;
	ch->flags = a->flags;
	ch->nonce_prefix = a->nonce_prefix;
	if (a->signing_key_len) {
		ch->sign = kh_sign_new(a->signing_alg, a->signing_key, a->signing_key_len);
		if (IS_ERR(ch->sign)) {
			NL_SET_ERR_MSG(extack, "the kernel lacks this signing algorithm, or the key does not fit it");
			err = PTR_ERR(ch->sign);
			goto free;
		}
	}
	if (a->crypt_key_len) {
		ch->crypt = kh_crypt_new(a->cipher, a->enc_key, a->dec_key, a->crypt_key_len);
		if (IS_ERR(ch->crypt)) {
			NL_SET_ERR_MSG(extack, "the kernel lacks this cipher, or the key does not fit it");
			err = PTR_ERR(ch->crypt);
			goto free_sign;
		}
	}
	kh_count(KH_OBJ_CHAN, 1);
	return ch;
free_sign:
	kh_sign_free(ch->sign);
free:
	kfree(ch);
	return ERR_PTR(err);
}

int kh_session_set(struct kh_conn *c, const struct kh_session_args *a,
		   struct netlink_ext_ack *extack)
{
	struct kh_chan *ch = chan_new(c, a, extack), *old;
	bool over;

	if (IS_ERR(ch))
		return PTR_ERR(ch);
	spin_lock(&c->chan_lock);
	over = c->chans_over;
	old = chan_unlink(c, a->session_id);
	if (!over)
		list_add_rcu(&ch->node, &c->chans);
	spin_unlock(&c->chan_lock);
	chan_end(old);
	if (!over)
		return 0;
	kh_chan_put(ch);
	NL_SET_ERR_MSG(extack, "the connection is ending");
	return -ENOENT;
}

int kh_session_del(struct kh_server *s, struct kh_conn *only, u64 session_id)
{
	struct kh_conn *c;
	bool found = false;

	if (only)
		return chan_remove(only, session_id) ? 0 : -ENOENT;
	mutex_lock(&s->lock);
	list_for_each_entry(c, &s->conns, node)
		found |= chan_remove(c, session_id);
	mutex_unlock(&s->lock);
	return found ? 0 : -ENOENT;
}

void kh_chans_drop(struct kh_conn *c)
{
	struct kh_chan *ch;

	for (;;) {
		spin_lock(&c->chan_lock);
		c->chans_over = true; /* netlink operations may still hold the connection */
		ch = list_first_entry_or_null(&c->chans, struct kh_chan, node);
		if (ch)
			list_del_rcu(&ch->node);
		spin_unlock(&c->chan_lock);
		if (!ch)
			return;
		kh_chan_put(ch);
	}
}
