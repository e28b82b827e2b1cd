// SPDX-License-Identifier: GPL-2.0-only
/*
 * pages.c - memory of replies. The kernel zeroes what it gives (init_on_alloc), and a megabyte of that
 * is a fifth of sealing it; so a few blocks are kept per CPU and taken again when the socket has let
 * go of them, the first ones before others, as they are in the cache. Whoever takes one overwrites
 * what it then sends.
 */
#include <linux/mm.h>
#include <linux/percpu.h>

#include "kmod.h"

#define BLOCKS 64 /* per CPU: 2 MiB */
#define BLOCK  (PAGE_SIZE << KH_BLOCK_ORDER)

struct ring {
	spinlock_t lock;
	unsigned int at;
	struct page *page[BLOCKS]; /* the ring's reference */
};

static DEFINE_PER_CPU(struct ring, rings);
static DEFINE_PER_CPU(void *, rest); /* of a block that was begun, never none of it; a reference */

static bool is_free(const struct page *page)
{
	return page && page_ref_count(page) == 1;
}

static struct page *block_new(void)
{
	return alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_NOWARN | __GFP_NORETRY,
			   KH_BLOCK_ORDER);
}

struct page *kh_block_get(void)
{
	struct ring *r = raw_cpu_ptr(&rings); /* whichever: the lock makes it ours */
	struct page *page, *spare = NULL;

	spin_lock(&r->lock);
	if (is_free(r->page[0]))
		r->at = 0;
	page = r->page[r->at];
	if (is_free(page)) {
		get_page(page);
		r->at = (r->at + 1) % BLOCKS;
		spin_unlock(&r->lock);
		return page;
	}
	spin_unlock(&r->lock);
	page = block_new();
	if (!page)
		return NULL;
	/* It takes the place of one that is still in use, or of none. */
	spin_lock(&r->lock);
	spare = r->page[r->at];
	get_page(page);
	r->page[r->at] = page;
	r->at = (r->at + 1) % BLOCKS;
	spin_unlock(&r->lock);
	if (spare)
		put_page(spare);
	return page;
}

void *kh_memory_get(u32 len, u32 block)
{
	void *p = this_cpu_xchg(rest, NULL), *other;
	struct page *page;
	u32 pad;

	pad = block ? -((unsigned long)p + block) & (KH_CIPHER_ALIGN - 1) : 0;
	if (p && ((unsigned long)p & (BLOCK - 1)) + pad + len >= BLOCK) {
		put_page(virt_to_page(p));
		p = NULL;
	}
	if (!p) {
		page = kh_block_get();
		if (!page) { /* memory is in small pieces; this tries harder */
			page = alloc_pages(GFP_KERNEL | __GFP_COMP, get_order(len));
			return page ? page_address(page) : NULL;
		}
		p = page_address(page);
		pad = block ? -block & (KH_CIPHER_ALIGN - 1) : 0;
	}
	p += pad;
	get_page(virt_to_page(p));
	other = this_cpu_xchg(rest, p + len);
	if (other)
		put_page(virt_to_page(other));
	return p;
}

void kh_pages_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		spin_lock_init(&per_cpu(rings, cpu).lock);
}

void kh_pages_exit(void)
{
	int cpu, i;

	for_each_possible_cpu(cpu) {
		if (per_cpu(rest, cpu))
			put_page(virt_to_page(per_cpu(rest, cpu)));
		for (i = 0; i < BLOCKS; i++)
			if (per_cpu(rings, cpu).page[i])
				put_page(per_cpu(rings, cpu).page[i]);
	}
}
