/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * output.c - tables for people, JSON for programs, from the same rows.
 */
#include "ctl.h"

#define COLUMNS_MAX 16
#define MIN_WIDTH   8

/* ---- values ---- */

static char *format_bytes(int64_t v)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double d = (double)v;
	size_t u = 0;

	for (; d >= 1024 && u + 1 < ARRAY_SIZE(units); d /= 1024)
		u++;
	return xasprintf(u && d < 10 ? "%.1f %s" : "%.0f %s", d, units[u]);
}

static char *format_seconds(int64_t s)
{
	if (s < 120)
		return xasprintf("%lld s", (long long)s);
	if (s < 7200)
		return xasprintf("%lld min", (long long)(s / 60));
	if (s < 172800)
		return xasprintf("%lld h", (long long)(s / 3600));
	return xasprintf("%lld days", (long long)(s / 86400));
}

/* Words of an array, or the text; control characters of a client's making do not pass. */
static char *format_text(struct json_object *v)
{
	char *s;

	if (json_object_is_type(v, json_type_array)) {
		s = xstrdup("");
		for (size_t i = 0; i < json_object_array_length(v); i++) {
			char *longer =
				xasprintf("%s%s%s", s, i ? " " : "",
					  json_object_get_string(json_object_array_get_idx(v, i)));

			free(s);
			s = longer;
		}
	} else {
		s = xstrdup(json_object_get_string(v));
	}
	text_clean(s);
	return s;
}

char *format_value(struct json_object *v, enum column_kind kind)
{
	if (!v)
		return xstrdup("-");
	switch (kind) {
	case COL_BYTES:
		return format_bytes(json_object_get_int64(v));
	case COL_SECONDS:
		return format_seconds(json_object_get_int64(v));
	case COL_YES:
		return xstrdup(json_object_get_boolean(v) ? "yes" : "no");
	case COL_NUMBER:
	case COL_TEXT:
		break;
	}
	return format_text(v);
}

/* ---- the table ---- */

struct table {
	const struct column *cols[COLUMNS_MAX];
	int width[COLUMNS_MAX];
	size_t ncols, nrows;
	char **cells; /* nrows * ncols */
};

static bool any_row_has(struct json_object *rows, const char *key)
{
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		if (json_object_object_get(json_object_array_get_idx(rows, i), key))
			return true;
	return false;
}

static void fill(struct table *t, struct json_object *rows)
{
	t->nrows = json_object_array_length(rows);
	t->cells = xcalloc(t->nrows * t->ncols + 1, sizeof(*t->cells));
	for (size_t c = 0; c < t->ncols; c++)
		t->width[c] = text_width(t->cols[c]->title);
	for (size_t r = 0; r < t->nrows; r++)
		for (size_t c = 0; c < t->ncols; c++) {
			struct json_object *row = json_object_array_get_idx(rows, r);
			char *s = format_value(json_object_object_get(row, t->cols[c]->key),
					       t->cols[c]->kind);

			t->cells[r * t->ncols + c] = s;
			t->width[c] = MAX(t->width[c], text_width(s));
		}
}

/* Takes cells from the widest text column until the line fits. */
static void fit(struct table *t)
{
	for (;;) {
		int total = 2 * ((int)t->ncols - 1), widest = -1;

		for (size_t c = 0; c < t->ncols; c++) {
			total += t->width[c];
			if (t->cols[c]->kind == COL_TEXT &&
			    (widest < 0 || t->width[c] > t->width[widest]))
				widest = (int)c;
		}
		if (total <= TABLE_WIDTH || widest < 0 || t->width[widest] <= MIN_WIDTH)
			return;
		t->width[widest]--;
	}
}

static bool to_the_right(const struct column *c)
{
	return c->kind == COL_NUMBER || c->kind == COL_BYTES || c->kind == COL_SECONDS;
}

static void print_cell(const struct table *t, size_t c, const char *s)
{
	int pad = t->width[c] - text_width(s);

	if (to_the_right(t->cols[c]))
		printf("%*s%s", pad, "", s);
	else if (c + 1 < t->ncols)
		printf("%s%*s", s, pad, "");
	else
		fputs(s, stdout);
	fputs(c + 1 < t->ncols ? "  " : "\n", stdout);
}

static void print_table(struct table *t)
{
	for (size_t c = 0; c < t->ncols; c++)
		print_cell(t, c, t->cols[c]->title);
	for (size_t i = 0; i < t->nrows * t->ncols; i++) {
		size_t c = i % t->ncols;

		if (t->cols[c]->kind == COL_TEXT)
			text_shorten(t->cells[i], t->width[c]);
		print_cell(t, c, t->cells[i]);
		free(t->cells[i]);
	}
	free(t->cells);
}

void print_json(struct json_object *o)
{
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
						       JSON_C_TO_STRING_NOSLASHESCAPE));
}

void print_rows(const struct ctl *ctl, struct json_object *rows, const struct column *cols,
		size_t ncols, const char *none)
{
	struct table t = { .ncols = 0 };

	if (ctl->json) {
		print_json(rows);
		return;
	}
	if (!json_object_array_length(rows)) {
		puts(none);
		return;
	}
	for (size_t c = 0; c < ncols && t.ncols < COLUMNS_MAX; c++)
		if (any_row_has(rows, cols[c].key))
			t.cols[t.ncols++] = &cols[c];
	if (!t.ncols)
		return;
	fill(&t, rows);
	fit(&t);
	print_table(&t);
}
