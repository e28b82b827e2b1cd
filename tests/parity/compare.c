// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * compare.c - two answers, field by field.
 *
 * Left out is only what must differ: the signature's bytes (whether it is right is compared), the
 * values of session, tree, file and async ids (compared is what they stand for), and times by less
 * than TIME_TOLERANCE.
 */
#include "parity.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define TIME_TOLERANCE (10 * 10000000ull) /* NTTIME; servers get a request one after the other */

enum field_kind { PLAIN_FIELD, TIME_FIELD, IGNORED };

struct field {
	const char *name;
	uint16_t off; /* from the header */
	uint8_t size;
	uint8_t kind;
};

#define B(n) (SMB2_HDR_SIZE + (n))
#define TIMES(at)                                                 \
	{ "CreationTime", B(at), 8, TIME_FIELD },                 \
		{ "LastAccessTime", B((at) + 8), 8, TIME_FIELD }, \
		{ "LastWriteTime", B((at) + 16), 8, TIME_FIELD }, \
	{                                                         \
		"ChangeTime", B((at) + 24), 8, TIME_FIELD         \
	}

static const struct field header_fields[] = {
	{ "ProtocolId", 0, 4 },
	{ "StructureSize", 4, 2 },
	{ "CreditCharge", 6, 2 },
	{ "Status", 8, 4 },
	{ "Command", 12, 2 },
	{ "CreditResponse", 14, 2 },
	{ "Flags", 16, 4 },
	{ "NextCommand", 20, 4 },
	{ "MessageId", 24, 8 },
	{ "AsyncId/TreeId", 32, 8, IGNORED },
	{ "SessionId", 40, 8, IGNORED },
	{ "Signature", 48, 16, IGNORED },
};

static const struct field create_fields[] = {
	{ "StructureSize", B(0), 2 },
	{ "OplockLevel", B(2), 1 },
	{ "Flags", B(3), 1 },
	{ "CreateAction", B(4), 4 },
	TIMES(8),
	{ "AllocationSize", B(40), 8 },
	{ "EndofFile", B(48), 8 },
	{ "FileAttributes", B(56), 4 },
	{ "Reserved2", B(60), 4 },
	{ "FileId", B(64), 8, IGNORED },
	{ "FileId", B(72), 8, IGNORED },
};

static const struct field close_fields[] = {
	{ "StructureSize", B(0), 2 },	{ "Flags", B(2), 2 },
	{ "Reserved", B(4), 4 },	TIMES(8),
	{ "AllocationSize", B(40), 8 }, { "EndofFile", B(48), 8 },
	{ "FileAttributes", B(56), 4 },
};

static const struct field read_fields[] = {
	{ "StructureSize", B(0), 2 }, { "DataOffset", B(2), 1 },    { "Reserved", B(3), 1 },
	{ "DataLength", B(4), 4 },    { "DataRemaining", B(8), 4 }, { "Flags", B(12), 4 },
};

static const struct field write_fields[] = {
	{ "StructureSize", B(0), 2 },
	{ "Reserved", B(2), 2 },
	{ "Count", B(4), 4 },
	{ "Remaining", B(8), 4 },
	{ "WriteChannelInfoOffset", B(12), 2 },
	{ "WriteChannelInfoLength", B(14), 2 },
};

static const struct field error_fields[] = {
	{ "StructureSize", B(0), 2 },
	{ "ErrorContextCount", B(2), 1 },
	{ "Reserved", B(3), 1 },
	{ "ByteCount", B(4), 4 },
};

/* FileNetworkOpenInformation is the one class with times that is asked for. */
static const struct field network_open_fields[] = {
	{ "StructureSize", B(0), 2 },
	{ "OutputBufferOffset", B(2), 2 },
	{ "OutputBufferLength", B(4), 4 },
	TIMES(8),
};

#define FIELDS(a) (a), ARRAY_SIZE(a)

static void note(struct compare *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void note(struct compare *c, const char *fmt, ...)
{
	_cleanup_free_ char *line = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	c->text = xrealloc(c->text, c->text_len + (size_t)n + 1);
	memcpy(c->text + c->text_len, line, (size_t)n + 1);
	c->text_len += (size_t)n;
	c->differences++;
}

void compare_note(struct compare *c, const char *field, const char *a, const char *b)
{
	note(c, "#   %-22s %-28s %s\n", field, a, b);
}

static uint64_t value(const struct answer *a, const struct field *f)
{
	uint8_t v[8] = { 0 };

	if ((size_t)f->off + f->size <= a->len && f->size <= 8)
		memcpy(v, a->p + f->off, f->size);
	return kh_get_le64(v);
}

static void compare_field(struct compare *c, const struct field *f, const struct answer *a,
			  const struct answer *b)
{
	uint64_t x = value(a, f), y = value(b, f);
	char xs[64], ys[64];

	if (x == y || f->kind == IGNORED)
		return;
	if (f->kind == TIME_FIELD && x && y && (x > y ? x - y : y - x) < TIME_TOLERANCE)
		return;
	snprintf(xs, sizeof(xs), "%" PRIx64, x);
	snprintf(ys, sizeof(ys), "%" PRIx64, y);
	if (f->off == 8) {
		snprintf(xs, sizeof(xs), "%s", nt_name((ntstatus)x));
		snprintf(ys, sizeof(ys), "%s", nt_name((ntstatus)y));
	}
	compare_note(c, f->name, xs, ys);
}

/* What the ids of an answer stand for. */
static const char *session_word(const struct compare *c, unsigned int i, const struct answer *a)
{
	const struct side *s = c->side[i];

	return !a->h.session_id					    ? "none"
	       : a->h.session_id == s->wire[c->link].session_id	    ? "own"
	       : a->h.session_id == s->wire[1 - c->link].session_id ? "of the other connection"
								    : "unknown";
}

static const char *tree_word(const struct compare *c, unsigned int i, const struct answer *a)
{
	static const char *const words[] = { "share", "readonly", "IPC$", "sealed" };
	const struct wire *w = &c->side[i]->wire[c->link];

	if (a->h.flags & SMB2_FLAGS_ASYNC_COMMAND)
		return a->h.async_id ? "async" : "async 0";
	for (unsigned int k = 0; a->h.tree_id && k < TREES; k++)
		if (w->trees[k] == a->h.tree_id)
			return words[k];
	return a->h.tree_id ? "unknown" : "none";
}

static const char *signature_word(const struct answer *a)
{
	return a->signature == 1 ? "right" : a->signature == 0 ? "none" : "wrong";
}

static void compare_words(struct compare *c, const char *field, const char *a, const char *b)
{
	if (strcmp(a, b))
		compare_note(c, field, a, b);
}

/* The bytes behind the named fields. */
static void compare_rest(struct compare *c, size_t from, const struct answer *a,
			 const struct answer *b)
{
	size_t n = MIN(a->len, b->len), at = from, last = 0;
	char xs[64], ys[64];

	if (a->len != b->len) {
		snprintf(xs, sizeof(xs), "%zu", a->len);
		snprintf(ys, sizeof(ys), "%zu", b->len);
		compare_note(c, "length", xs, ys);
	}
	if (n <= from || memcmp(a->p + from, b->p + from, n - from) == 0)
		return;
	while (a->p[at] == b->p[at])
		at++;
	for (last = n - 1; a->p[last] == b->p[last]; last--)
		;
	snprintf(xs, sizeof(xs), "%02x at byte %zu of it", a->p[at], at - from);
	snprintf(ys, sizeof(ys), "%02x (differs up to byte %zu)", b->p[at], last - from);
	compare_note(c, "data", xs, ys);
}

/* Returns the end of the fields. */
static size_t compare_fields(struct compare *c, const struct field *f, size_t n,
			     const struct answer *a, const struct answer *b)
{
	size_t end = 0;

	for (size_t i = 0; i < n; i++) {
		compare_field(c, &f[i], a, b);
		end = MAX(end, (size_t)f[i].off + f[i].size);
	}
	return end;
}

static size_t compare_body(struct compare *c, const struct answer *a, const struct answer *b)
{
	bool error = a->len >= B(9) && kh_get_le16(a->p + B(0)) == 9;

	if (error && a->h.command != SMB2_SET_INFO &&
	    (nt_is_error(a->h.status) || a->h.status == NT_STATUS_PENDING))
		return compare_fields(c, FIELDS(error_fields), a, b);
	switch (a->h.command) {
	case SMB2_CREATE:
		return compare_fields(c, FIELDS(create_fields), a, b);
	case SMB2_CLOSE:
		return compare_fields(c, FIELDS(close_fields), a, b);
	case SMB2_READ:
		return compare_fields(c, FIELDS(read_fields), a, b);
	case SMB2_WRITE:
		return compare_fields(c, FIELDS(write_fields), a, b);
	case SMB2_QUERY_INFO:
		if (a->len == B(8 + 56))
			return compare_fields(c, FIELDS(network_open_fields), a, b);
	}
	return SMB2_HDR_SIZE;
}

static const char *outline(const struct answer *a, char *buf, size_t n)
{
	if (!a)
		return "no answer";
	snprintf(buf, n, "%s, %zu bytes", nt_name(a->h.status), a->len);
	return buf;
}

void compare_answers(struct compare *c, uint64_t mid, const struct answer *a,
		     const struct answer *b)
{
	char xs[80], ys[80];
	size_t end;

	if (!a || !b) {
		if (a != b) {
			snprintf(xs, sizeof(xs), "answer to %" PRIu64, mid);
			compare_note(c, xs, outline(a, xs + 40, 40), outline(b, ys, sizeof(ys)));
		}
		return;
	}
	compare_fields(c, FIELDS(header_fields), a, b);
	compare_words(c, "SessionId", session_word(c, 0, a), session_word(c, 1, b));
	compare_words(c, "AsyncId or TreeId", tree_word(c, 0, a), tree_word(c, 1, b));
	compare_words(c, "Signature", signature_word(a), signature_word(b));
	compare_words(c, "encrypted", a->sealed ? "yes" : "no", b->sealed ? "yes" : "no");
	if (a->position != b->position)
		compare_note(c, "place in its frame", a->position ? "later" : "first",
			     b->position ? "later" : "first");
	if (a->signature == -1)
		compare_note(c, "Signature", "wrong", signature_word(b));
	if (a->h.command != b->h.command || a->h.status != b->h.status)
		return;
	end = compare_body(c, a, b);
	compare_rest(c, end, a, b);
}
