/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rig_corpus.h - the fuzzer's inputs: strings of bytes, those that were worth keeping, and new ones
 * made of them. Of one thread.
 */
#ifndef KH_RIG_CORPUS_H
#define KH_RIG_CORPUS_H

#include <stdint.h>

#define INPUT_MAX 192u

struct input {
	uint16_t len;
	uint8_t bytes[INPUT_MAX];
};

extern uint64_t corpus_seed;	 /* not 0; the same one gives the same inputs */
uint32_t corpus_rnd(uint32_t n); /* less than n */
/* A new one: of nothing, or of some that were kept. */
void corpus_make(struct input *in);
void corpus_keep(const struct input *in); /* copies it; when there are too many, one is forgotten */
unsigned int corpus_kept(void);
/* The inputs of a file, of which those come first that were not run yet; how many. No file: none.
 */
unsigned int corpus_load(const char *path);
void corpus_save(const char *path);

#endif /* KH_RIG_CORPUS_H */
