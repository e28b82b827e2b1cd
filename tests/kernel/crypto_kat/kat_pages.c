// SPDX-License-Identifier: GPL-2.0-only
/* kat_pages.c - memory in every form that the module gives to its cryptography. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "kat_test.h"

const char *const kat_form_names[] = { "linear", "vmalloc", "odd pieces", "head and pages" };

static const unsigned int odd[] = { 13, 1, 50, 17, 4095, 333, 16, 2, 1000, 64 };

static size_t piece(const struct kat_mem *m, unsigned int i, unsigned int salt)
{
	switch (m->form) {
	case KAT_ODD:
		return odd[(i + salt) % ARRAY_SIZE(odd)];
	case KAT_PAGES:
		return i ? PAGE_SIZE : 80;
	default:
		return m->len;
	}
}

static struct page *page_of(const void *p)
{
	return is_vmalloc_addr(p) ? vmalloc_to_page(p) : virt_to_page(p);
}

/* Pieces that m->bv has no room for are only counted. */
static unsigned int cut(const struct kat_mem *m, unsigned int salt)
{
	size_t off = 0, left = 0;
	unsigned int n, i = 0;

	for (n = 0; off < m->len; n++) {
		const u8 *p = m->p + off;
		size_t take;

		if (!left)
			left = piece(m, i++, salt);
		take = min(left, m->len - off);
		if (is_vmalloc_addr(p))
			take = min_t(size_t, take, PAGE_SIZE - offset_in_page(p));
		if (m->bv)
			bvec_set_page(&m->bv[n], page_of(p), take, offset_in_page(p));
		off += take;
		left -= min(left, take);
	}
	return n;
}

int kat_mem_new(struct kat_mem *m, enum kat_form form, size_t len, unsigned int salt)
{
	size_t odd_off = form == KAT_VMALLOC || form == KAT_ODD ? 4091 - 60 : 0;

	memset(m, 0, sizeof(*m));
	m->form = form;
	m->len = len;
	m->pages = form == KAT_LINEAR;
	m->alloc = m->pages ? alloc_pages_exact(len, GFP_KERNEL) : vmalloc(len + odd_off);
	if (!m->alloc)
		return -ENOMEM;
	m->p = m->alloc + odd_off;
	m->n = cut(m, salt);
	m->bv = kvmalloc_array(m->n, sizeof(*m->bv), GFP_KERNEL);
	if (!m->bv) {
		kat_mem_free(m);
		return -ENOMEM;
	}
	cut(m, salt);
	return 0;
}

void kat_mem_free(struct kat_mem *m)
{
	if (!m->alloc)
		return;
	if (m->pages)
		free_pages_exact(m->alloc, m->len);
	else
		vfree(m->alloc);
	kvfree(m->bv);
	m->alloc = NULL;
}
