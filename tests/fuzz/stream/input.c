// SPDX-License-Identifier: GPL-2.0-or-later
/* input.c - plays an input to the server, and mutates inputs by their records. */
#include "stream.h"

#include <stdio.h>

#define RECORDS_MAX 64
#define LARGE_UNITS 16
#define MESSAGE_MAX (65536 + LARGE_UNITS * 65536 + 4096)

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

struct record {
	uint8_t kind;
	size_t len;
	const uint8_t *p;
};

static bool next_record(struct smb2_rd *r, struct record *out)
{
	if (rd_left(r) < 3)
		return false;
	out->kind = rd_u8(r);
	out->len = rd_le16(r);
	out->len = MIN(out->len, rd_left(r));
	out->p = rd_bytes(r, out->len);
	return true;
}

/* ---- playing ---- */

/* A message that grows by its elements. */
struct message {
	uint8_t buf[MESSAGE_MAX];
	size_t len, last; /* where the last element starts */
	uint8_t last_flags;
	bool bare, cut;
};

static const uint8_t fid_offsets[SMB2_COMMANDS] = {
#define X(NAME, name, code, size, needs, fid, where) [code] = fid,
	SMB2_OPS(X)
#undef X
};

static void put_fid(const struct stream *s, uint8_t *at, unsigned int select)
{
	struct smb2_fid id = { UINT64_MAX, UINT64_MAX };

	if (select == SELECT_FID_LAST && s->nfids)
		id = s->fids[(s->nfids - 1) % STREAM_FIDS];
	else if (select < SELECT_FID_LAST)
		id = s->fids[select];
	kh_put_le64(at, id.persistent);
	kh_put_le64(at + 8, id.vol);
}

static void set_ids(struct stream *s, struct smb2_hdr *h, uint8_t flags)
{
	uint32_t used = s->dialect >= SMB2_DIALECT_210 ? MAX(h->credit_charge, 1) : 1;

	h->message_id = s->next_mid;
	if (h->command == SMB2_CANCEL) {
		h->message_id = s->last_mid;
		h->async_id = s->last_async;
	} else if (flags & ELEMENT_MID) {
		h->message_id = s->last_mid;
	} else {
		s->last_mid = s->next_mid;
		s->next_mid += used;
		s->credits -= MIN(used, s->credits);
		stream_expect(s, h->message_id);
	}
}

/* The element before is whole: its NextCommand and signature. */
static void finish_element(struct stream *s, struct message *m, bool more)
{
	uint8_t *e = m->buf + m->last;

	if (m->len == 0)
		return;
	if (more) {
		size_t pad = -m->len & 7;

		memset(m->buf + m->len, 0, pad);
		m->len += pad;
		kh_put_le32(e + SMB2_HDR_OFF_NEXT, (uint32_t)(m->len - m->last));
	}
	if (m->last_flags & ELEMENT_NEXT)
		kh_put_le32(e + SMB2_HDR_OFF_NEXT, (uint32_t)(m->len - m->last) ^ 24);
	if (s->protection == STREAM_SIGNED && !(m->last_flags & ELEMENT_BARE))
		stream_sign(s, e, m->len - m->last);
	if (m->last_flags & ELEMENT_SPOIL)
		e[SMB2_HDR_OFF_SIGNATURE] ^= 1;
}

static void send_message(struct stream *s, struct message *m)
{
	finish_element(s, m, false);
	if (m->len && m->cut) {
		uint8_t head[SMB2_PREFIX_SIZE];

		smb2_prefix_put(head, (uint32_t)m->len);
		stream_send(s, head, sizeof(head));
		stream_send(s, m->buf, m->len - m->len / 3);
		s->closed = true;
	} else if (m->len)
		stream_send_message(s, m->buf, m->len, s->protection == STREAM_SEALED && !m->bare);
	m->len = 0;
	m->bare = m->cut = false;
}

/* What RECORD_LARGE adds to a body; a WRITE's length follows. */
static void enlarge(struct message *m, uint8_t command, unsigned int units)
{
	uint8_t *body = m->buf + m->last + SMB2_HDR_SIZE;
	size_t n = (size_t)MIN(units, LARGE_UNITS) << 16;

	if (m->len + n > sizeof(m->buf))
		return;
	memset(m->buf + m->len, 0, n);
	m->len += n;
	if (command == SMB2_WRITE && m->len - m->last >= SMB2_HDR_SIZE + 48)
		kh_put_le32(body + 4, (uint32_t)(m->len - m->last) - kh_get_le16(body + 2));
}

static void add_element(struct stream *s, struct message *m, const struct record *rec)
{
	struct smb2_rd r = rd_init(rec->p, rec->len);
	uint8_t command = rd_u8(&r), flags = rd_u8(&r), select = rd_u8(&r), charge = rd_u8(&r);
	size_t body = rd_left(&r);
	struct smb2_hdr h = { .command = command, .credits = 64, .session_id = s->session_id };
	struct smb2_wr w;

	if (!rd_ok(&r) || m->len + SMB2_HDR_SIZE + body + 8 > sizeof(m->buf))
		return;
	finish_element(s, m, true);
	h.credit_charge = MIN(charge, s->credits);
	h.flags = (flags & ELEMENT_RELATED ? SMB2_FLAGS_RELATED_OPERATIONS : 0) |
		  (flags & ELEMENT_ASYNC ? SMB2_FLAGS_ASYNC_COMMAND : 0) |
		  (flags & ELEMENT_REPLY ? SMB2_FLAGS_SERVER_TO_REDIR : 0) |
		  (flags & ELEMENT_DFS ? SMB2_FLAGS_DFS_OPERATIONS : 0);
	h.tree_id = (select & 15) == SELECT_TREE_NONE ? UINT32_MAX
						      : s->trees[(select & 15) % STREAM_TREES];
	set_ids(s, &h, flags);
	m->last = m->len;
	m->last_flags = flags;
	m->bare |= flags & ELEMENT_BARE;
	w = wr_init(m->buf + m->len, sizeof(m->buf) - m->len);
	smb2_hdr_put(&w, &h);
	wr_bytes(&w, rec->p + ELEMENT_SIZE, body);
	if (command < SMB2_COMMANDS && fid_offsets[command] && body >= fid_offsets[command] + 16u &&
	    select >> 4 != SELECT_FID_BODY)
		put_fid(s, w.buf + SMB2_HDR_SIZE + fid_offsets[command], select >> 4);
	m->len += w.off;
	if (rec->kind & RECORD_LARGE)
		enlarge(m, command, h.credit_charge);
	m->cut |= rec->kind & RECORD_CUT;
}

static void play(struct stream *s, const struct record *rec, struct message *m)
{
	uint8_t copy[65536];

	if ((rec->kind & RECORD_KIND) == RECORD_ELEMENT) {
		add_element(s, m, rec);
		if (rec->kind & RECORD_MORE)
			return;
	}
	send_message(s, m);
	memcpy(copy, rec->p ? rec->p : copy, rec->len);
	switch (rec->kind & RECORD_KIND) {
	case RECORD_FRAME:
		stream_send_message(s, copy, rec->len, false);
		break;
	case RECORD_SEALED:
		stream_send_message(s, copy, rec->len, true);
		break;
	case RECORD_BYTES:
		stream_send(s, copy, rec->len);
		s->torn = true;
		break;
	}
	if (!(rec->kind & RECORD_NO_WAIT) && s->dialect)
		stream_drain(s);
}

static void head(struct stream *s, uint8_t a, uint8_t b)
{
	static const uint16_t dialects[] = { 0x0202, 0x0210, 0x0300, 0x0302, 0x0311 };
	unsigned int d = a & HEAD_DIALECT;

	stream_open(s, d == HEAD_BARE_NBSS);
	if (d == HEAD_BARE || d == HEAD_BARE_NBSS)
		return;
	s->dialect = dialects[MIN(d, 4)];
	s->protection = (b & HEAD_PROTECTION) % 3;
	s->guest = (b & HEAD_PROTECTION) == 3;
	s->cipher = (uint16_t)(1 + (b >> 2 & 3));
	s->signing_alg = (uint16_t)((b >> 4 & 3) % 3);
	stream_login(s);
}

void stream_run(const uint8_t *data, size_t size)
{
	static struct message m;
	struct smb2_rd r = rd_init(data, size);
	struct stream s = { 0 };
	struct record rec;
	uint8_t a = rd_u8(&r), b = rd_u8(&r);

	if (!rd_ok(&r))
		return;
	m.len = 0;
	m.bare = m.cut = false;
	head(&s, a, b);
	for (unsigned int i = 0; i < RECORDS_MAX && !s.closed && next_record(&r, &rec); i++)
		play(&s, &rec, &m);
	if (!s.closed)
		send_message(&s, &m);
	if (s.dialect && !(b & HEAD_ABRUPT)) {
		stream_drain(&s);
		stream_echo(&s);
	}
	stream_close(&s);
}

/* ---- mutating ---- */

struct input {
	uint8_t head[HEAD_SIZE];
	unsigned int n;
	struct record rec[RECORDS_MAX];
};

static void input_parse(struct input *in, const uint8_t *data, size_t size)
{
	struct smb2_rd r = rd_init(data, size);

	in->n = 0;
	rd_copy(&r, in->head, HEAD_SIZE);
	while (in->n < RECORDS_MAX && next_record(&r, &in->rec[in->n]))
		in->n++;
}

static size_t input_write(const struct input *in, uint8_t *out, size_t max)
{
	struct smb2_wr w = wr_init(out, max);

	wr_bytes(&w, in->head, HEAD_SIZE);
	for (unsigned int i = 0; i < in->n && wr_left(&w) >= 3 + in->rec[i].len; i++) {
		wr_u8(&w, in->rec[i].kind);
		wr_le16(&w, (uint16_t)in->rec[i].len);
		wr_bytes(&w, in->rec[i].p, in->rec[i].len);
	}
	return w.off;
}

static void insert(struct input *in, unsigned int at, struct record rec)
{
	if (in->n == RECORDS_MAX)
		return;
	memmove(&in->rec[at + 1], &in->rec[at], (in->n - at) * sizeof(rec));
	in->rec[at] = rec;
	in->n++;
}

static void erase(struct input *in, unsigned int at)
{
	in->n--;
	memmove(&in->rec[at], &in->rec[at + 1], (in->n - at) * sizeof(in->rec[0]));
}

static uint64_t interesting(unsigned int rnd)
{
	static const uint32_t values[] = { 0,	       1,	  4,	     7,		 8,
					   16,	       63,	  64,	     65,	 112,
					   120,	       255,	  256,	     4096,	 0x7FFF,
					   0x8000,     0xFFF8,	  0xFFFF,    0x10000,	 0x10001,
					   0x100000,   0x800000,  0x1000000, 0x7FFFFFFF, 0x80000000,
					   0xFFFFFFF8, 0xFFFFFFFF };

	return values[rnd % ARRAY_SIZE(values)];
}

/* A number somewhere in the record, little-endian. */
static void set_number(uint8_t *p, size_t n, unsigned int rnd)
{
	size_t width = (size_t)1 << (rnd & 3), at = rnd >> 2 & 0xFFF;
	uint64_t v = interesting(rnd >> 16);

	if (n < width + ELEMENT_SIZE)
		return;
	at = ELEMENT_SIZE + at % (n - ELEMENT_SIZE - width + 1);
	if (rnd >> 14 & 1) /* fields lie at their own multiples, from where the body starts */
		at = ELEMENT_SIZE + (at - ELEMENT_SIZE) / width * width;
	for (size_t i = 0; i < width; i++, v >>= 8)
		p[at + i] = (uint8_t)v;
}

/* One record's bytes, in a buffer of its own. */
static void mutate_bytes(struct record *rec, unsigned int rnd)
{
	static uint8_t buf[65535];

	memcpy(buf, rec->p ? rec->p : buf, rec->len);
	rec->p = buf;
	switch (rnd % 8) {
	case 0:
	case 1:
		rec->len = LLVMFuzzerMutate(buf, rec->len, MIN(rec->len + 64, sizeof(buf)));
		break;
	case 2:
		if (rec->len >= ELEMENT_SIZE)
			buf[rnd >> 4 & 3] = (uint8_t)(rnd >> 8);
		break;
	case 3:
		if (rec->len >= ELEMENT_SIZE)
			buf[1] ^= (uint8_t)(1u << (rnd >> 8 & 7));
		break;
	case 4:
		if (rec->len >= ELEMENT_SIZE)
			buf[2] = (uint8_t)(rnd >> 8);
		break;
	default:
		set_number(buf, rec->len, rnd >> 3);
	}
}

size_t stream_mutate(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	static uint8_t out[1 << 20];
	unsigned int rnd = seed, at;
	struct input in;
	size_t n;

	max = MIN(max, sizeof(out));
	input_parse(&in, data, size);
	if (in.n == 0)
		return LLVMFuzzerMutate(data, size, max);
	srandom(seed);
	rnd = (unsigned int)random();
	at = (unsigned int)random() % in.n;
	switch (rnd % 16) {
	case 0:
		insert(&in, at, in.rec[(unsigned int)random() % in.n]);
		break;
	case 1:
		erase(&in, at);
		break;
	case 2:
		insert(&in, (unsigned int)random() % in.n, in.rec[at]);
		erase(&in, at + 1 < in.n ? at + 1 : at);
		break;
	case 3:
		in.rec[at].kind ^= RECORD_MORE;
		break;
	case 4:
		in.rec[at].kind ^= (uint8_t)(1u << (rnd >> 4) % 6);
		break;
	case 5:
		in.head[rnd >> 4 & 1] = (uint8_t)(rnd >> 8);
		break;
	default:
		mutate_bytes(&in.rec[at], (unsigned int)random());
	}
	n = input_write(&in, out, max);
	memcpy(data, out, n);
	return n;
}

/* The first records of one, then some of the other. */
size_t stream_cross(const uint8_t *a, size_t an, const uint8_t *b, size_t bn, uint8_t *out,
		    size_t max, unsigned int seed)
{
	struct input x, y;
	unsigned int from;

	srandom(seed);
	input_parse(&x, a, an);
	input_parse(&y, b, bn);
	if (!x.n || !y.n)
		return input_write(&x, out, max);
	x.n = 1 + (unsigned int)random() % x.n;
	from = (unsigned int)random() % y.n;
	for (unsigned int i = from; i < y.n && x.n < RECORDS_MAX; i++)
		x.rec[x.n++] = y.rec[i];
	return input_write(&x, out, max);
}
