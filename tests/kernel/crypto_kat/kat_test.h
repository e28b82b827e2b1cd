/* SPDX-License-Identifier: GPL-2.0-only */
/* kat_test.h - the parts of the test module. */
#ifndef KH_KAT_TEST_H
#define KH_KAT_TEST_H

#include "kat.h"
#include "kmod.h"

/* ---- kat_pages.c: memory in every form that the module gives to its cryptography ---- */

enum kat_form {
	KAT_LINEAR,  /* one piece */
	KAT_VMALLOC, /* at an odd offset in its first page */
	KAT_ODD,     /* pieces of odd lengths; a header lies across some */
	KAT_PAGES,   /* 80 bytes, then pages: a READ's answer */
	KAT_FORMS,
};

extern const char *const kat_form_names[];

struct kat_mem {
	enum kat_form form;
	void *alloc;
	u8 *p; /* all of it, linear */
	size_t len;
	struct bio_vec *bv; /* the same in pieces; of KAT_VMALLOC too */
	unsigned int n;
	bool pages; /* alloc is of alloc_pages_exact() */
};

/* salt: other cuts. */
int kat_mem_new(struct kat_mem *m, enum kat_form form, size_t len, unsigned int salt);
void kat_mem_free(struct kat_mem *m);

/* ---- kat_bench.c ---- */

void kat_bench(void);

#endif /* KH_KAT_TEST_H */
