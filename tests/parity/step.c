// SPDX-License-Identifier: GPL-2.0-or-later
/* step.c - makes the bytes of a step for one side, and says a step in words. */
#include "parity.h"

#include "core/utf16.h"

#include <fcntl.h>
#include <stdio.h>

#define FRAME_MAX (9u << 20)
#define HOARD	  512

static const char *const names[SMB2_COMMANDS] = {
#define X(NAME, name, code, size, needs, fid, where) [code] = #NAME,
	SMB2_OPS(X)
#undef X
};

void step_data(uint8_t *p, size_t n, uint32_t seed)
{
	uint64_t x = seed * 0x9E3779B97F4A7C15ull + 1;

	for (size_t i = 0; i < n; i++) {
		if (i % 8 == 0) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
		}
		p[i] = (uint8_t)(x >> (i % 8 * 8));
	}
}

/* ---- bodies ---- */

static struct smb2_fid fid_of(const struct side *s, const struct step *st)
{
	struct smb2_fid f = s->fid[st->file];

	if (st->flags & F_FID_ONES)
		f = (struct smb2_fid) { UINT64_MAX, UINT64_MAX };
	if (st->flags & F_FID_OLD)
		f.vol ^= 1ull << 32;
	return f;
}

static void put_fid(struct smb2_wr *w, const struct side *s, const struct step *st)
{
	struct smb2_fid f = fid_of(s, st);

	wr_le64(w, f.persistent);
	wr_le64(w, f.vol);
}

static void put_create(struct smb2_wr *w, const struct step *st)
{
	uint8_t name[256];
	int n = utf8_to_utf16(st->name, strlen(st->name), name, sizeof(name));

	wr_le16(w, 57);
	wr_le16(w, 0);
	wr_le32(w, 2);
	wr_zero(w, 16);
	wr_le32(w, st->access);
	wr_le32(w, 0);
	wr_le32(w, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE);
	wr_le32(w, st->disposition);
	wr_le32(w, st->options);
	wr_le16(w, SMB2_HDR_SIZE + 56);
	wr_le16(w, (uint16_t)n);
	wr_zero(w, 8);
	wr_bytes(w, name, (uint64_t)n);
	if (!n)
		wr_zero(w, 8);
}

static void put_read(struct smb2_wr *w, const struct side *s, const struct step *st)
{
	wr_le16(w, 49);
	wr_u8(w, SMB2_HDR_SIZE + 16);
	wr_u8(w, (uint8_t)st->op_flags);
	wr_le32(w, st->length);
	wr_le64(w, st->offset);
	put_fid(w, s, st);
	wr_le32(w, st->minimum);
	wr_zero(w, 13);
}

static void put_write(struct smb2_wr *w, const struct side *s, const struct step *st)
{
	uint8_t *p;

	wr_le16(w, 49);
	wr_le16(w, SMB2_HDR_SIZE + 48);
	wr_le32(w, st->length);
	wr_le64(w, st->offset);
	put_fid(w, s, st);
	wr_zero(w, 12);
	wr_le32(w, st->op_flags);
	p = wr_space(w, st->length);
	if (p)
		step_data(p, st->length, st->seed);
	if (!st->length)
		wr_u8(w, 0);
}

/* One element; op_flags 0: shared, at once. length 0 of a LOCK is a range without bytes. */
static void put_lock(struct smb2_wr *w, const struct side *s, const struct step *st)
{
	wr_le16(w, 48);
	wr_le16(w, 1);
	wr_le32(w, 0);
	put_fid(w, s, st);
	wr_le64(w, st->offset);
	wr_le64(w, st->length);
	wr_le32(w, st->op_flags);
	wr_le32(w, 0);
}

/* EndOfFile, or for FileDispositionInformation (op_flags) length as the byte. */
static void put_set_info(struct smb2_wr *w, const struct side *s, const struct step *st)
{
	uint32_t class = st->op_flags ? st->op_flags : FileEndOfFileInformation;
	uint32_t n = class == FileDispositionInformation ? 1 : 8;

	wr_le16(w, 33);
	wr_u8(w, SMB2_0_INFO_FILE);
	wr_u8(w, (uint8_t) class);
	wr_le32(w, n);
	wr_le16(w, SMB2_HDR_SIZE + 32);
	wr_zero(w, 6);
	put_fid(w, s, st);
	if (n == 1)
		wr_u8(w, (uint8_t)st->length);
	else
		wr_le64(w, st->offset);
}

static void put_query_info(struct smb2_wr *w, const struct side *s, const struct step *st)
{
	wr_le16(w, 41);
	wr_u8(w, SMB2_0_INFO_FILE);
	wr_u8(w, (uint8_t)(st->op_flags ? st->op_flags : FileStandardInformation));
	wr_le32(w, 4096);
	wr_zero(w, 16);
	put_fid(w, s, st);
	wr_u8(w, 0);
}

static void put_body(struct smb2_wr *w, const struct side *s, const struct step *st)
{
	switch (st->command) {
	case SMB2_CREATE:
		put_create(w, st);
		break;
	case SMB2_CLOSE:
	case SMB2_FLUSH:
		wr_le16(w, 24);
		wr_le16(w, (uint16_t)st->op_flags);
		wr_le32(w, 0);
		put_fid(w, s, st);
		break;
	case SMB2_READ:
		put_read(w, s, st);
		break;
	case SMB2_WRITE:
		put_write(w, s, st);
		break;
	case SMB2_LOCK:
		put_lock(w, s, st);
		break;
	case SMB2_SET_INFO:
		put_set_info(w, s, st);
		break;
	case SMB2_QUERY_INFO:
		put_query_info(w, s, st);
		break;
	default: /* ECHO, CANCEL, LOGOFF, TREE_DISCONNECT */
		wr_le16(w, 4);
		wr_le16(w, 0);
	}
}

/* ---- elements and frames ---- */

/* MS-SMB2 3.1.5.2; 2.0.2 has no charges. */
static uint16_t charge_of(const struct wire *c, const struct step *st)
{
	bool data = st->command == SMB2_READ || st->command == SMB2_WRITE;

	if (st->flags & F_CHARGE)
		return st->charge;
	if (c->m.dialect == SMB2_DIALECT_202)
		return 0;
	return (uint16_t)(data && st->length && st->length <= 8u << 20
				  ? 1 + (st->length - 1) / 65536
				  : 1);
}

static void expect(struct side *s, unsigned int link, uint64_t mid)
{
	if (s->nexpected[link] < ARRAY_SIZE(s->expected[link]))
		s->expected[link][s->nexpected[link]++] = mid;
}

static uint64_t message_id(struct side *s, const struct step *st, uint16_t charge)
{
	struct wire *c = &s->wire[st->link];
	uint32_t used = c->m.dialect == SMB2_DIALECT_202 || !charge ? 1 : charge;
	uint64_t mid = c->next_mid;

	if (st->command == SMB2_CANCEL)
		return st->flags & F_MID_OF_LAST ? s->unanswered[st->link] : s->last_mid[st->link];
	if (st->flags & F_OLD_MID)
		return s->last_mid[st->link];
	if (st->flags & F_FAR_MID)
		return mid + 100000;
	c->next_mid += used;
	c->hoard -= MIN(used, c->hoard);
	s->last_mid[st->link] = mid;
	if (st->flags & F_NO_WAIT)
		s->unanswered[st->link] = mid;
	if (!(st->flags & F_NO_ANSWER))
		expect(s, st->link, mid);
	return mid;
}

static struct smb2_hdr header_of(struct side *s, const struct step *st)
{
	const struct wire *c = &s->wire[st->link];
	const struct wire *other = &s->wire[st->flags & F_OTHER_SESSION ? 1 - st->link : st->link];
	struct smb2_hdr h = { .command = st->command,
			      .credit_charge = charge_of(c, st),
			      .tree_id = c->trees[st->tree],
			      .session_id = other->session_id };

	/* The hoard grows to HOARD and stays there. */
	h.credits = h.credit_charge ? h.credit_charge : 1;
	if (c->hoard < HOARD && !(st->flags & F_CHARGE))
		h.credits += 16;
	if (st->flags & F_NO_CREDITS)
		h.credits = 0;
	if (st->flags & F_RELATED)
		h.flags |= SMB2_FLAGS_RELATED_OPERATIONS;
	h.message_id = message_id(s, st, h.credit_charge);
	if (st->command != SMB2_CANCEL && !(st->flags & (F_OLD_MID | F_FAR_MID)))
		s->wire[st->link].hoard += h.credits;
	if (st->command == SMB2_CREATE)
		s->created[st->file] = h.message_id * LINKS + st->link;
	return h;
}

/* The last element of the frame is whole. */
static void finish_element(struct side *s, const struct step *st)
{
	struct wire *c = &s->wire[st->link];
	uint8_t *e = s->frame + s->last_element;

	if (st->flags & F_MORE) {
		size_t pad = -s->frame_len & 7;

		memset(s->frame + s->frame_len, 0, pad);
		s->frame_len += pad;
		kh_put_le32(e + SMB2_HDR_OFF_NEXT, (uint32_t)(s->frame_len - s->last_element));
	}
	for (unsigned int i = 0; i < PATCHES; i++) {
		const struct patch *p = &st->patch[i];
		uint8_t v[8];

		if (!p->size || s->last_element + p->off + p->size > FRAME_MAX)
			continue;
		kh_put_le64(v, p->value);
		memcpy(e + p->off, v, p->size);
		s->frame_len = MAX(s->frame_len, s->last_element + p->off + p->size);
	}
	if (st->flags & F_SIGN ||
	    (!(st->flags & F_UNSIGNED) &&
	     (c->m.protection == SIGNED || (c->m.signing_required && c->m.protection == PLAIN))))
		wire_sign(c, e, s->frame_len - s->last_element);
	if (st->flags & F_SPOIL)
		e[SMB2_HDR_OFF_SIGNATURE + 3] ^= 1;
}

static void send_cut(struct side *s, struct wire *c)
{
	uint8_t head[SMB2_PREFIX_SIZE];
	size_t half = s->frame_len / 2;

	smb2_prefix_put(head, (uint32_t)s->frame_len);
	wire_send(c, head, sizeof(head));
	wire_send(c, s->frame, half);
	free(s->rest);
	s->rest_len = s->frame_len - half;
	s->rest = xmalloc(s->rest_len);
	memcpy(s->rest, s->frame + half, s->rest_len);
}

static void send_element(struct side *s, const struct step *st)
{
	struct wire *c = &s->wire[st->link];
	struct smb2_hdr h = header_of(s, st);
	struct smb2_wr w;

	if (!s->frame)
		s->frame = xmalloc(FRAME_MAX);
	s->last_element = s->frame_len;
	w = wr_init(s->frame + s->frame_len, FRAME_MAX - s->frame_len - 64);
	smb2_hdr_put(&w, &h);
	put_body(&w, s, st);
	s->frame_len += w.off;
	finish_element(s, st);
	if (st->flags & F_MORE)
		return;
	if (st->kind == STEP_CUT)
		send_cut(s, c);
	else
		wire_send_message(c, s->frame, s->frame_len,
				  c->m.protection == SEALED && !(st->flags & F_UNSIGNED));
	s->frame_len = 0;
}

static void local_truncate(const struct side *s, const struct step *st)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", s->share, st->name);

	if (truncate(path, st->length) < 0)
		fprintf(stderr, "parity: %s: %s\n", path, strerror(errno));
}

static void send_raw(struct side *s, const struct step *st)
{
	uint8_t *copy = xmalloc(st->raw_len + 1);

	memcpy(copy, st->raw, st->raw_len);
	if (st->kind == STEP_BYTES)
		wire_send(&s->wire[st->link], copy, st->raw_len);
	else
		wire_send_message(&s->wire[st->link], copy, st->raw_len,
				  st->kind == STEP_SEALED_MESSAGE);
	free(copy);
}

void step_send(struct side *s, const struct step *st)
{
	struct wire *c = &s->wire[st->link];

	switch (st->kind) {
	case STEP_COMMAND:
	case STEP_CUT:
		send_element(s, st);
		break;
	case STEP_REST:
		wire_send(c, s->rest, s->rest_len);
		s->rest_len = 0;
		break;
	case STEP_LOCAL_TRUNCATE:
		local_truncate(s, st);
		break;
	case STEP_BYTES:
	case STEP_MESSAGE:
	case STEP_SEALED_MESSAGE:
		send_raw(s, st);
		break;
	case STEP_HANG_UP:
		close(c->fd);
		c->fd = -1;
		c->closed = true;
		break;
	}
}

/* ---- in words ---- */

static void print_flags(uint32_t flags)
{
	static const char *const text[] = {
		"compound", "related",	  "unsigned",	 "spoilt", "no wait", "no answer",
		"old mid",  "far mid",	  "charge",	 "final",  "signed",  "other session",
		"of last",  "no credits", "fid of ones", "old fid"
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(text); i++)
		if (flags >> i & 1)
			printf(", %s", text[i]);
}

void step_print(const struct step *st, unsigned int n)
{
	static const char *const kinds[] = { "",	"truncate on disk", "bytes",
					     "message", "sealed message",   "pause",
					     "path",	"half of",	    "rest",
					     "hang up" };

	printf("#   %3u  connection %u  ", n, st->link);
	if (st->kind != STEP_COMMAND)
		printf("%s ", kinds[st->kind]);
	if (st->kind == STEP_COMMAND || st->kind == STEP_CUT) {
		printf("%s file %u", st->command < SMB2_COMMANDS ? names[st->command] : "?",
		       st->file);
		if (st->tree)
			printf(", tree %u", st->tree);
		if (st->command == SMB2_CREATE)
			printf(", name \"%s\", access %x, disposition %u, options %x", st->name,
			       st->access, st->disposition, st->options);
	}
	if (st->offset)
		printf(", offset %llx", (unsigned long long)st->offset);
	if (st->length)
		printf(", length %u", st->length);
	if (st->minimum)
		printf(", minimum %u", st->minimum);
	if (st->op_flags)
		printf(", flags %x", st->op_flags);
	if (st->flags & F_CHARGE)
		printf(", charge %u", st->charge);
	print_flags(st->flags);
	for (unsigned int i = 0; i < PATCHES; i++)
		if (st->patch[i].size)
			printf(", byte %u: %llx", st->patch[i].off,
			       (unsigned long long)st->patch[i].value);
	putchar('\n');
}
