// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * random.c - sequences from a seed, such that the answers do not depend on the order in which a
 * server runs what it has at the same time: in one batch a file is either read, or written in
 * places that do not overlap; whatever changes more stands alone.
 */
#include "parity.h"

#define NAMES 4
/* Handles: 0 to 3 and 8 to 11 on the first connection, the others on the second. */
#define HANDLES 12
#define DEPTH	16
#define SIZE	(3u << 20) /* files stay about this small */

static const char *const file_names[NAMES] = { "r0", "r1", "r2", "r3" };

struct gen {
	uint64_t state;
	struct step *st;
	size_t n, cap;
	bool open[HANDLES];
	bool position[HANDLES]; /* it is not left to the order within a batch */
	bool append[HANDLES];	/* writes go to the end of the file: their order matters */
	uint8_t batch;
	uint16_t dialect;
};

static uint64_t next(struct gen *g)
{
	uint64_t z = g->state += 0x9E3779B97F4A7C15ull; /* splitmix64 */

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
	z = (z ^ z >> 27) * 0x94D049BB133111EBull;
	return z ^ z >> 31;
}

static uint32_t below(struct gen *g, uint32_t n)
{
	return (uint32_t)((next(g) >> 32) * n >> 32);
}

static bool chance(struct gen *g, uint32_t percent)
{
	return below(g, 100) < percent;
}

static uint8_t link_of(unsigned int handle)
{
	return handle / 4 == 1;
}

static struct step *add(struct gen *g, uint8_t command, unsigned int handle)
{
	struct step *s;

	if (g->n == g->cap) {
		g->cap = g->cap * 2 + 64;
		g->st = xrealloc(g->st, g->cap * sizeof(*g->st));
	}
	s = &g->st[g->n++];
	*s = (struct step) { .kind = STEP_COMMAND,
			     .command = command,
			     .link = link_of(handle),
			     .file = (uint8_t)handle };
	return s;
}

/* An open handle; now and then one that is not. */
static unsigned int some_handle(struct gen *g)
{
	unsigned int h = below(g, HANDLES);

	for (unsigned int i = 0; i < 20 && !g->open[h]; i++) {
		if (chance(g, 1))
			break;
		h = below(g, HANDLES);
	}
	return h;
}

/* Sizes and places where things change: none, one byte, around pages and 64 KiB. */
static uint32_t some_length(struct gen *g)
{
	static const uint32_t edges[] = {
		0, 1, 2, 7, 8, 511, 4095, 4096, 4097, 8192, 65535, 65536
	};

	if (chance(g, 35))
		return edges[below(g, ARRAY_SIZE(edges))];
	return chance(g, 70) ? below(g, 9000) : below(g, 65537);
}

static uint64_t some_offset(struct gen *g)
{
	if (chance(g, 40))
		return (uint64_t)below(g, SIZE / 4096) * 4096;
	if (chance(g, 50))
		return below(g, 20000);
	return below(g, SIZE);
}

/* ---- what stands alone ---- */

static void open_handle(struct gen *g, unsigned int h, uint32_t disposition)
{
	/* all; read and write; read; write; append */
	static const uint32_t access[] = { 0x001F01FF, 0x0012019F, 0x00120089, 0x00120116,
					   0x00120104 };
	struct step *s = add(g, SMB2_CREATE, h);

	s->name = file_names[h % NAMES];
	s->access = h < 8 ? access[0] : access[below(g, ARRAY_SIZE(access))];
	s->disposition = disposition;
	s->options = FILE_NON_DIRECTORY_FILE;
	if (chance(g, 5))
		s->options |= FILE_WRITE_THROUGH;
	if (chance(g, 3))
		s->tree = TREE_READ_ONLY;
	g->open[h] = g->position[h] = true;
	g->append[h] = s->access == access[4];
}

static void close_handle(struct gen *g, unsigned int h)
{
	struct step *s = add(g, SMB2_CLOSE, h);

	s->op_flags = chance(g, 60) ? SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB : 0;
	g->open[h] = false;
}

static void lock_range(struct gen *g, unsigned int h)
{
	static const uint32_t kinds[] = { 0x11, 0x12, 0x04, 0x04 }; /* shared, exclusive, unlock */
	struct step *s = add(g, SMB2_LOCK, h);

	s->op_flags = kinds[below(g, 4)];
	s->offset = (uint64_t)below(g, 8) * 4096;
	s->length = 4096;
}

static void truncate_file(struct gen *g, unsigned int h)
{
	struct step *s = add(g, SMB2_SET_INFO, h);

	s->offset = chance(g, 30) ? 0 : some_offset(g);
}

static void query(struct gen *g, unsigned int h)
{
	struct step *s = add(g, SMB2_QUERY_INFO, h);

	s->op_flags = chance(g, 50) ? FileStandardInformation : FileNetworkOpenInformation;
	if (!chance(g, 30))
		return;
	s->op_flags = FilePositionInformation;
	if (g->position[h])
		return;
	s->command = SMB2_SET_INFO; /* whichever of a batch came last */
	s->offset = some_offset(g);
	s = add(g, SMB2_QUERY_INFO, h);
	s->op_flags = FilePositionInformation;
	g->position[h] = true;
}

static void disposition(struct gen *g, unsigned int h)
{
	struct step *s = add(g, SMB2_SET_INFO, h);

	s->op_flags = FileDispositionInformation;
	s->length = 1;
	if (chance(g, 70)) {
		s = add(g, SMB2_SET_INFO, h);
		s->op_flags = FileDispositionInformation;
	}
}

/* A request of several MiB, or one with something wrong. */
static void large(struct gen *g, unsigned int h)
{
	struct step *s = add(g, chance(g, 50) ? SMB2_READ : SMB2_WRITE, h);

	s->offset = (uint64_t)below(g, 256) * 4096;
	s->length = g->dialect == SMB2_DIALECT_202 ? 65536 : below(g, 1u << 20) + 65537;
	s->seed = (uint32_t)next(g);
}

static void odd(struct gen *g, unsigned int h)
{
	static const uint8_t commands[] = { SMB2_READ, SMB2_WRITE, SMB2_FLUSH };
	static const uint16_t body[] = { 64, 66, 67, 68, 72, 75, 96, 100, 104, 108, 110 };
	struct step *s = add(g, commands[below(g, 3)], h);

	s->length = some_length(g);
	s->offset = below(g, 100000);
	switch (below(g, 8)) {
	case 0:
		s->patch[0] = (struct patch) { 8, 2, below(g, 3) }; /* channel sequence */
		break;
	case 1:
		s->patch[0] = (struct patch) { 36, 4, below(g, 9) * 0x1001 }; /* tree */
		break;
	case 2:
		s->flags |= F_SPOIL;
		/* A sealed message with a wrong tag ends the connection: signed only. */
		s->flags |= F_SIGN;
		break;
	case 3:
		s->flags |= F_CHARGE;
		s->charge = (uint16_t)below(g, 3);
		break;
	case 4:
		s->flags |= F_FID_OLD;
		break;
	case 5:
		s->flags |= F_UNSIGNED;
		break;
	default:
		if (s->command != SMB2_FLUSH)
			s->patch[0] = (struct patch) { body[below(g, ARRAY_SIZE(body))],
						       (uint8_t)(1 + below(g, 2)), next(g) };
	}
}

static void compound(struct gen *g, unsigned int h)
{
	unsigned int n = 2 + below(g, 3);
	bool related = chance(g, 50);

	for (unsigned int i = 0; i < n; i++) {
		struct step *s = add(g, chance(g, 60) ? SMB2_READ : SMB2_WRITE, h);

		s->length = below(g, 5000);
		s->offset = (uint64_t)i * 8192;
		s->seed = (uint32_t)next(g);
		s->flags = i + 1 < n ? F_MORE : 0;
		if (related && i)
			s->flags |= F_RELATED | F_FID_ONES;
	}
}

static void alone(struct gen *g)
{
	unsigned int h = some_handle(g), what = below(g, 100);

	if (!g->open[h] && chance(g, 80))
		open_handle(g, h, FILE_OPEN_IF);
	else if (what < 15)
		close_handle(g, h);
	else if (what < 35)
		truncate_file(g, h);
	else if (what < 50)
		lock_range(g, h);
	else if (what < 65)
		query(g, h);
	else if (what < 75)
		large(g, h);
	else if (what < 87)
		odd(g, h);
	else if (what < 97)
		compound(g, h);
	else
		disposition(g, h);
}

/* ---- batches ---- */

static void batch_read(struct gen *g, unsigned int h)
{
	struct step *s = add(g, SMB2_READ, h);

	s->length = some_length(g);
	s->offset = some_offset(g);
	if (chance(g, 10))
		s->minimum = below(g, s->length + 2);
	if (chance(g, 5))
		s->op_flags = SMB2_READFLAG_READ_UNBUFFERED;
}

/* place: which part of the file is this request's own. */
static void batch_write(struct gen *g, unsigned int h, unsigned int place)
{
	struct step *s = add(g, SMB2_WRITE, h);

	s->length = some_length(g);
	s->offset = (uint64_t)place * 131072 + below(g, 65536);
	s->seed = (uint32_t)next(g);
	if (chance(g, 5))
		s->op_flags = 1 + below(g, 3);
	if (chance(g, 3) && place == 0)
		s->offset = some_offset(g);
}

static void batch(struct gen *g)
{
	unsigned int depth = chance(g, 40) ? 1 : 1 + below(g, DEPTH), h = 0;
	bool writes[NAMES];

	for (unsigned int i = 0; i < NAMES; i++)
		writes[i] = chance(g, 50);
	for (unsigned int i = 0; i < depth; i++) {
		h = some_handle(g);
		g->position[h] = g->position[h] && depth == 1;
		if (chance(g, 4))
			add(g, SMB2_ECHO, h);
		else if (chance(g, 4))
			add(g, SMB2_FLUSH, h);
		else if (writes[h % NAMES] && (depth == 1 || !g->append[h]))
			batch_write(g, h, depth == 1 ? 0 : i + 1);
		else
			batch_read(g, h);
		g->st[g->n - 1].flags |= F_NO_WAIT;
		g->st[g->n - 1].batch = g->batch;
	}
	g->batch++;
	g->st[g->n - 1].flags = F_FINAL;
}

static void warm_up(struct gen *g, unsigned int h)
{
	for (unsigned int i = 0; i < 6; i++) {
		struct step *s = add(g, i < 3 ? SMB2_WRITE : SMB2_READ, h);

		s->length = 3000;
		s->offset = (uint64_t)(i % 3) * 4096;
		s->seed = h * 8 + i;
	}
}

struct step *random_steps(uint64_t seed, size_t n, size_t *count, struct manner *m)
{
	struct gen g = { .state = seed, .dialect = m->dialect };

	for (unsigned int h = 0; h < 8; h++)
		open_handle(&g, h, h < NAMES ? FILE_OVERWRITE_IF : FILE_OPEN_IF);
	for (unsigned int h = 0; h < 8; h++)
		warm_up(&g, h);
	for (unsigned int l = 0; l < LINKS; l++) {
		struct step *s = add(&g, 0, l * 4);

		s->kind = STEP_PATH;
	}
	while (g.n < n)
		chance(&g, 65) ? batch(&g) : alone(&g);
	*count = g.n;
	return g.st;
}
