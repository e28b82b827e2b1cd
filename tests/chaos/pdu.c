// SPDX-License-Identifier: GPL-2.0-or-later
/* pdu.c - bodies of requests, and what their answers mean to the model. */
#include "chaos.h"

#include "core/utf16.h"

static struct smb2_wr start(uint8_t *buf, size_t n, uint16_t size)
{
	struct smb2_wr w = wr_init(buf, n);

	wr_le16(&w, size);
	return w;
}

static void put_fid(struct smb2_wr *w, struct smb2_fid f)
{
	wr_le64(w, f.persistent);
	wr_le64(w, f.vol);
}

static void put_name(struct smb2_wr *w, const char *name, uint64_t length_at)
{
	uint8_t raw[4 * NAME_MAX_CH];
	int n = utf8_to_utf16(name, strlen(name), raw, sizeof(raw));

	for (int i = 0; i < n; i += 2)
		if (raw[i] == '/')
			raw[i] = '\\';
	kh_put_le16(w->buf + length_at, (uint16_t)n);
	wr_bytes(w, raw, (uint64_t)n);
}

static struct request *ask(struct open *o, uint16_t command,
			   void (*done)(struct request *q, const struct answer *a))
{
	return request_new(session_link(o->session), command, o, done);
}

static void nothing(struct request *q, const struct answer *a)
{
}

/* ---- CREATE ---- */

static void put_context(struct smb2_wr *w, uint64_t *last, const char tag[4], const void *data,
			uint32_t n)
{
	wr_align(w, 8);
	if (*last)
		kh_put_le32(w->buf + *last, (uint32_t)(w->off - *last));
	*last = w->off;
	wr_le32(w, 0);
	wr_le16(w, 16);
	wr_le16(w, 4);
	wr_le16(w, 0);
	wr_le16(w, n ? 24 : 0);
	wr_le32(w, n);
	wr_bytes(w, tag, 4);
	wr_zero(w, 4);
	wr_bytes(w, data, n);
}

static void put_lease(struct smb2_wr *w, uint64_t *last, const struct request *q)
{
	uint8_t d[52] = { 0 };

	memcpy(d, q->cache->key, 16);
	kh_put_le32(d + 16, q->level);
	kh_put_le16(d + 48, q->cache->epoch);
	put_context(w, last, "RqLs", d, q->cache->v2 ? 52 : 32);
}

static void put_durable(struct smb2_wr *w, uint64_t *last, const struct request *q)
{
	const struct open *old = q->old;
	uint8_t d[36] = { 0 };
	bool v2 = old ? old->durable == 2 : q->durable == 2;

	if (old) {
		kh_put_le64(d, old->fid.persistent);
		kh_put_le64(d + 8, old->fid.vol);
		memcpy(d + 16, old->guid, 16);
		put_context(w, last, v2 ? "DH2C" : "DHnC", d, v2 ? 36 : 16);
	} else if (v2) {
		kh_put_le32(d, 3000);
		memcpy(d + 16, q->guid, 16);
		put_context(w, last, "DH2Q", d, 32);
	} else if (q->durable) {
		put_context(w, last, "DHnQ", d, 16);
	}
}

void say_create(struct link *l, struct request *q)
{
	uint8_t buf[1024];
	struct smb2_wr w = start(buf, sizeof(buf), 57);
	uint64_t last = 0, first;

	wr_u8(&w, 0);
	wr_u8(&w, q->cache ? SMB2_OPLOCK_LEVEL_LEASE : q->level);
	wr_le32(&w, 2);
	wr_zero(&w, 16);
	wr_le32(&w, q->access);
	wr_le32(&w, 0);
	wr_le32(&w, q->share);
	wr_le32(&w, q->disposition);
	wr_le32(&w, q->options);
	wr_le16(&w, SMB2_HDR_SIZE + 56);
	wr_le16(&w, 0);
	wr_zero(&w, 8);
	put_name(&w, q->name, 46);
	wr_align(&w, 8);
	first = w.off;
	if (!q->old) /* nothing else goes along with a reconnect */
		put_context(&w, &last, "QFid", NULL, 0);
	if (q->cache)
		put_lease(&w, &last, q);
	put_durable(&w, &last, q);
	kh_put_le32(buf + 48, (uint32_t)(SMB2_HDR_SIZE + first));
	kh_put_le32(buf + 52, (uint32_t)(w.off - first));
	request_send(q, &w);
}

/* ---- data ---- */

static void read_done(struct request *q, const struct answer *a)
{
	struct inode *i = q->open->inode;
	struct smb2_rd r;
	const uint8_t *p;
	uint32_t n;
	uint8_t off;

	i->reading--;
	if (!a || (a->h.status && a->h.status != NT_STATUS_END_OF_FILE))
		return;
	lock_io(q->open, q->offset, q->length, false, q->sent);
	if (a->h.status) {
		data_read(q, NULL, 0);
		return;
	}
	r = rd_init(a->p, a->len);
	rd_skip(&r, SMB2_HDR_SIZE + 2);
	off = rd_u8(&r);
	rd_skip(&r, 1);
	n = rd_le32(&r);
	p = rd_sub(&r, off, n).buf;
	if (!rd_ok(&r) || n > q->length || n % BLOCK)
		violation(i, "form", "READ gives %u bytes of %llu", n,
			  (unsigned long long)q->length);
	else
		data_read(q, p, n);
}

void say_read(struct open *o, uint64_t offset, uint32_t length)
{
	uint8_t buf[64];
	struct smb2_wr w = start(buf, sizeof(buf), 49);
	struct request *q = ask(o, SMB2_READ, read_done);

	q->offset = offset;
	q->length = length;
	o->inode->reading++;
	wr_u8(&w, SMB2_HDR_SIZE + 16);
	wr_u8(&w, 0);
	wr_le32(&w, length);
	wr_le64(&w, offset);
	put_fid(&w, o->fid);
	wr_zero(&w, 17);
	request_send(q, &w);
}

static void write_done(struct request *q, const struct answer *a)
{
	struct open *o = q->open;

	if (q->cache) {
		q->cache->writing--;
		q->cache->wrote_at = now;
	}
	event_end(o->inode, q->id, !a || !a->h.status, a ? now : now + 2 * set.grace_ns);
	if (!a || a->h.status)
		return;
	lock_io(o, q->offset, q->length, true, q->sent);
	cache_changed(o->inode, q->cache, q->sent, "WRITE");
}

void say_write(struct open *o, uint64_t offset, uint32_t length)
{
	uint8_t buf[64 + BLOCKS * BLOCK];
	struct smb2_wr w = start(buf, sizeof(buf), 49);
	struct request *q = ask(o, SMB2_WRITE, write_done);
	uint64_t value = value_new();

	tick();
	q->offset = offset;
	q->length = length;
	if (o->cache) {
		q->cache = cache_ref(o->cache);
		q->cache->writing++;
		q->cache->wrote_at = now;
		memset(q->cache->has_view, 0, sizeof(q->cache->has_view));
	}
	q->id = event_begin(o->inode, offset, length, value, now);
	wr_le16(&w, SMB2_HDR_SIZE + 48);
	wr_le32(&w, length);
	wr_le64(&w, offset);
	put_fid(&w, o->fid);
	wr_zero(&w, 16);
	for (uint32_t k = 0; k < length; k += 8)
		wr_le64(&w, value);
	request_send(q, &w);
}

void say_flush(struct open *o)
{
	uint8_t buf[24];
	struct smb2_wr w = start(buf, sizeof(buf), 24);

	wr_zero(&w, 6);
	put_fid(&w, o->fid);
	request_send(ask(o, SMB2_FLUSH, nothing), &w);
}

/* ---- locks ---- */

static void put_lock(struct request *q, uint32_t flags)
{
	uint8_t buf[48];
	struct smb2_wr w = start(buf, sizeof(buf), 48);

	wr_le16(&w, 1);
	wr_le32(&w, 0);
	put_fid(&w, q->open->fid);
	wr_le64(&w, q->lock->start);
	wr_le64(&w, q->lock->length);
	wr_le32(&w, flags);
	wr_le32(&w, 0);
	request_send(q, &w);
}

void say_lock(struct open *o, uint64_t offset, uint64_t length, bool exclusive, bool wait)
{
	struct request *q = ask(o, SMB2_LOCK, lock_done);

	q->lock = lock_new(o, offset, length, exclusive);
	q->patient = wait;
	put_lock(q, (exclusive ? 2u : 1u) | (wait ? 0 : 0x10));
}

void say_unlock(struct lock *k)
{
	struct request *q = ask(k->open, SMB2_LOCK, unlock_done);

	story(k->open->inode, "s%u unlock %llu+%llu", q->session->n, (unsigned long long)k->start,
	      (unsigned long long)k->length);
	k->held = false;
	q->lock = k;
	put_lock(q, 4);
}

/* ---- SET_INFO ---- */

static struct smb2_wr set_info(struct open *o, uint8_t *buf, size_t cap, uint8_t class, uint32_t n)
{
	struct smb2_wr w = start(buf, cap, 33);

	wr_u8(&w, SMB2_0_INFO_FILE);
	wr_u8(&w, class);
	wr_le32(&w, n);
	wr_le16(&w, SMB2_HDR_SIZE + 32);
	wr_zero(&w, 6);
	put_fid(&w, o->fid);
	return w;
}

static void size_done(struct request *q, const struct answer *a)
{
	event_end(q->open->inode, q->id, !a || !a->h.status, a ? now : now + 2 * set.grace_ns);
	if (q->cache) {
		q->cache->writing--;
		q->cache->wrote_at = now;
	}
	if (a && !a->h.status)
		cache_changed(q->open->inode, q->cache, q->sent, "new size");
}

void say_size(struct open *o, uint64_t size)
{
	struct request *q = ask(o, SMB2_SET_INFO, size_done);
	uint8_t buf[64];
	struct smb2_wr w = set_info(o, buf, sizeof(buf), FileEndOfFileInformation, 8);

	tick();
	wr_le64(&w, size);
	if (o->cache) {
		q->cache = cache_ref(o->cache);
		q->cache->writing++;
		memset(q->cache->has_view, 0, sizeof(q->cache->has_view));
	}
	q->id = event_begin(o->inode, size, BLOCKS * BLOCK - size, 0, now);
	request_send(q, &w);
}

void say_rename(struct open *o, const char *to, bool replace)
{
	struct request *q = ask(o, SMB2_SET_INFO, nothing);
	uint8_t buf[256];
	struct smb2_wr w = set_info(o, buf, sizeof(buf), FileRenameInformation, 0);

	wr_u8(&w, replace);
	wr_zero(&w, 15);
	wr_le32(&w, 0);
	put_name(&w, to, w.off - 4);
	kh_put_le32(buf + 4, (uint32_t)(w.off - 32));
	request_send(q, &w);
}

void say_delete(struct open *o, bool on)
{
	uint8_t buf[64];
	struct smb2_wr w = set_info(o, buf, sizeof(buf), FileDispositionInformation, 1);

	wr_u8(&w, on);
	request_send(ask(o, SMB2_SET_INFO, nothing), &w);
}

/* ---- the others ---- */

static void put_close(struct request *q, struct smb2_fid fid)
{
	uint8_t buf[24];
	struct smb2_wr w = start(buf, sizeof(buf), 24);

	wr_zero(&w, 6);
	put_fid(&w, fid);
	request_send(q, &w);
}

void say_close(struct open *o)
{
	struct request *q = ask(o, SMB2_CLOSE, nothing);

	story(o->inode, "s%u close", o->session->n);
	open_drop(o);
	put_close(q, o->fid);
}

void say_close_unknown(struct link *l, struct smb2_fid fid)
{
	put_close(request_new(l, SMB2_CLOSE, NULL, nothing), fid);
}

void say_watch(struct open *o, bool tree)
{
	uint8_t buf[32];
	struct smb2_wr w = start(buf, sizeof(buf), 32);
	struct request *q = ask(o, SMB2_CHANGE_NOTIFY, watch_done);

	q->patient = true;
	q->id = tree;
	wr_le16(&w, tree);
	wr_le32(&w, 4096);
	put_fid(&w, o->fid);
	wr_le32(&w, 0x17F);
	wr_le32(&w, 0);
	request_send(q, &w);
}

void say_list(struct open *o)
{
	uint8_t buf[64];
	struct smb2_wr w = start(buf, sizeof(buf), 33);

	wr_u8(&w, FileIdBothDirectoryInformation);
	wr_u8(&w, SMB2_RESTART_SCANS);
	wr_le32(&w, 0);
	put_fid(&w, o->fid);
	wr_le16(&w, SMB2_HDR_SIZE + 32);
	wr_le16(&w, 2);
	wr_le32(&w, 16384);
	wr_le16(&w, '*');
	request_send(ask(o, SMB2_QUERY_DIRECTORY, nothing), &w);
}

static void logoff_done(struct request *q, const struct answer *a)
{
	if (a && a->h.status)
		violation(NULL, "form", "s%u: LOGOFF gives %s", q->session->n,
			  nt_name(a->h.status));
	q->session->not_before = 1; /* to be cut by act() */
}

void say_logoff(struct session *s)
{
	uint8_t buf[4];
	struct smb2_wr w = start(buf, sizeof(buf), 4);
	struct request *q = request_new(session_link(s), SMB2_LOGOFF, NULL, logoff_done);
	struct open *o, *next;

	story(NULL, "s%u logs off", s->n);
	s->ending = true;
	s->not_before = 0;
	list_for_each_safe (o, next, &s->opens, session_node)
		open_drop(o);
	wr_le16(&w, 0);
	request_send(q, &w);
}

void say_oplock_answer(struct open *o, uint8_t level)
{
	uint8_t buf[24];
	struct smb2_wr w = start(buf, sizeof(buf), 24);
	struct request *q = ask(o, SMB2_OPLOCK_BREAK, cache_answered);

	q->cache = cache_ref(o->cache);
	wr_u8(&w, level);
	wr_zero(&w, 5);
	put_fid(&w, o->fid);
	request_send(q, &w);
}

void say_lease_answer(struct session *s, struct cache *c, uint8_t state)
{
	uint8_t buf[36];
	struct smb2_wr w = start(buf, sizeof(buf), 36);
	struct request *q = request_new(session_link(s), SMB2_OPLOCK_BREAK, NULL, cache_answered);

	q->cache = cache_ref(c);
	wr_le16(&w, 0);
	wr_le32(&w, 0);
	wr_bytes(&w, c->key, 16);
	wr_le32(&w, state);
	wr_le64(&w, 0);
	request_send(q, &w);
}
