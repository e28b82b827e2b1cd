// SPDX-License-Identifier: GPL-2.0-or-later
/* rig_corpus.c - see rig_corpus.h. */
#include "rig_corpus.h"
#include "rig.h"

#include <stdio.h>
#include <string.h>

#define CORPUS_MAX 4096u

uint64_t corpus_seed = 1;

static struct input corpus[CORPUS_MAX];
static unsigned int ncorpus;
static struct input loaded[CORPUS_MAX];
static unsigned int nloaded;

uint32_t corpus_rnd(uint32_t n)
{
	corpus_seed ^= corpus_seed << 13;
	corpus_seed ^= corpus_seed >> 7;
	corpus_seed ^= corpus_seed << 17;
	return n ? (uint32_t)(corpus_seed >> 20) % n : 0;
}

/* What stands from there on becomes the end of another one. */
static void splice(struct input *in, uint32_t at)
{
	const struct input *o = &corpus[corpus_rnd(ncorpus)];
	uint32_t from = corpus_rnd(o->len), n = o->len - from;

	if (at + n > INPUT_MAX)
		n = INPUT_MAX - at;
	memcpy(in->bytes + at, o->bytes + from, n);
	if (at + n > in->len)
		in->len = (uint16_t)(at + n);
}

static void mutate(struct input *in)
{
	for (uint32_t k = 1 + corpus_rnd(4); k; k--) {
		uint32_t at = corpus_rnd(in->len ? in->len : 1u);

		switch (corpus_rnd(5)) {
		case 0:
			in->bytes[at] = (uint8_t)corpus_rnd(256);
			break;
		case 1:
			in->bytes[at] ^= (uint8_t)(1u << corpus_rnd(8));
			break;
		case 2: /* longer */
			for (uint32_t n = 1 + corpus_rnd(16); n && in->len < INPUT_MAX; n--)
				in->bytes[in->len++] = (uint8_t)corpus_rnd(256);
			break;
		case 3: /* shorter */
			in->len = (uint16_t)(1 + corpus_rnd(in->len));
			break;
		case 4:
			if (ncorpus)
				splice(in, at);
			break;
		}
	}
}

void corpus_make(struct input *in)
{
	if (nloaded) {
		*in = loaded[--nloaded];
		return;
	}
	if (ncorpus && corpus_rnd(8)) {
		*in = corpus[corpus_rnd(ncorpus)];
	} else {
		*in = (struct input) { .len = 24 };
		for (unsigned int i = 0; i < in->len; i++)
			in->bytes[i] = (uint8_t)corpus_rnd(256);
	}
	mutate(in);
}

void corpus_keep(const struct input *in)
{
	corpus[ncorpus < CORPUS_MAX ? ncorpus++ : corpus_rnd(CORPUS_MAX)] = *in;
}

unsigned int corpus_kept(void)
{
	return ncorpus;
}

unsigned int corpus_load(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct input in;

	while (f && nloaded < CORPUS_MAX && fread(&in, sizeof(in), 1, f) == 1)
		if (in.len <= INPUT_MAX)
			loaded[nloaded++] = in;
	if (f)
		fclose(f);
	return nloaded;
}

void corpus_save(const char *path)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(corpus, sizeof(*corpus), ncorpus, f) != ncorpus || fclose(f))
		rig_die(path);
}
