/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top_tables.h - the tables of `top` as columns and cells of text, for top_text.c. */
#ifndef KH_TOP_TABLES_H
#define KH_TOP_TABLES_H

#include "top.h"

#define TOP_CELL_MAX	256
#define TOP_COLUMNS_MAX 12

enum top_attr { TOP_PLAIN, TOP_GOOD, TOP_BAD, TOP_DIM };

struct top_column {
	const char *title;
	int width;    /* cells, with the gap before it; < 0: to the left; 0: what its text needs */
	int min_cols; /* a narrower screen does not have it */
	enum top_key key; /* that sorts by it; TOP_KEYS: none */
};

struct top_table_desc {
	const char *name;    /* in sentences */
	const char *nothing; /* when it has no row */
	struct top_column columns[TOP_COLUMNS_MAX];
	size_t most; /* rows as lines */
	size_t (*count)(const struct top_frame *f);
	enum top_attr (*cell)(const struct top_frame *f, size_t row, size_t column,
			      char out[TOP_CELL_MAX]);
};

/* In the order of the screen. */
enum { TOP_TAB_OPS, TOP_TAB_CLIENTS, TOP_TAB_FILES, TOP_TAB_REACTORS, TOP_TAB_QUEUES, TOP_TABS };

extern const struct top_table_desc top_tables[TOP_TABS];

/* "12.3k", "1.2ms": at most 7 characters. bytes: of a second, "12.3M" */
void top_format_rate(char out[TOP_CELL_MAX], double v);
void top_format_us(char out[TOP_CELL_MAX], double us);

#endif /* KH_TOP_TABLES_H */
