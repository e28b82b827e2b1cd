/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf.c - entries become a snapshot: defaults, [global], then each share, then what must agree.
 */
#include <ctype.h>
#include <strings.h>

#include "config/options.h"
#include "core/utf16.h"

#define MAX_SHARES 10000

struct loader {
	struct conf_lexer lx;
	struct conf *c;
	struct conf *fresh; /* with every default, to compare with; in the arena */
	const char *dir;    /* of the file, for relative paths; NULL: of no file */
	char msg[CONF_MSG_MAX];
};

/* ---- entries ---- */

static bool is_section(const struct conf_entry *e, const char *name)
{
	return e->section && !strcasecmp(e->section, name);
}

static bool is_global(const struct conf_entry *e)
{
	return !e->section || is_section(e, "global");
}

static void set_defaults(struct loader *l, const struct conf_option *opt, void *base)
{
	for (; opt->doc; opt++)
		if (opt->name && opt->def)
			conf_value_parse(l->c->arena, opt, false, opt->def, NULL, base, l->msg);
}

static void report_unknown(struct loader *l, const struct conf_entry *e)
{
	const char *near;

	if (conf_option_global_only(e->name)) {
		conf_report(&l->lx, CONF_WARNING, e->file, e->line,
			    "\"%s\" counts in [global] only and is ignored here", e->name);
		return;
	}
	if (conf_foreign_option(e->name)) {
		conf_report(&l->lx, CONF_WARNING, e->file, e->line,
			    "\"%s\" is an option of Samba or ksmbd that has no effect here",
			    e->name);
		return;
	}
	near = conf_option_suggest(e->name);
	if (near)
		conf_report(&l->lx, CONF_ERROR, e->file, e->line,
			    "unknown option \"%.100s\"; is \"%s\" meant?", e->name, near);
	else
		conf_report(&l->lx, CONF_ERROR, e->file, e->line, "unknown option \"%.100s\"",
			    e->name);
}

static void report_value(struct loader *l, const struct conf_entry *e, int rc)
{
	if (rc)
		conf_report(&l->lx, rc < 0 ? CONF_ERROR : CONF_WARNING, e->file, e->line,
			    "\"%s\" %s", e->name, l->msg);
	if (strstr(e->value, " #") || strstr(e->value, " ;"))
		conf_report(
			&l->lx, CONF_WARNING, e->file, e->line,
			"what follows # or ; on this line is part of the value: a comment needs a "
			"line of its own");
}

/* base: what opt was just set in. */
static void report_later(struct loader *l, const struct conf_entry *e,
			 const struct conf_option *opt, const void *base)
{
	const void *fresh = opt->scope == CONF_SHARE ? (const void *)&l->fresh->defaults : l->fresh;

	if (opt->later && !conf_value_equal(opt, base, fresh))
		conf_report(&l->lx, CONF_WARNING, e->file, e->line,
			    "\"%s\" is understood, but has no effect yet", e->name);
}

static void apply_global(struct loader *l, const struct conf_entry *e)
{
	bool inverse;
	const struct conf_option *opt = conf_option_find(CONF_GLOBAL, e->name, &inverse);
	void *base = l->c;

	if (!opt || opt->type == CONF_T_COPY) {
		report_unknown(l, e);
		return;
	}
	if (opt->scope == CONF_SHARE)
		base = &l->c->defaults;
	report_value(l, e,
		     conf_value_parse(l->c->arena, opt, inverse, e->value, l->dir, base, l->msg));
	report_later(l, e, opt, base);
}

static void copy_share(struct loader *l, const struct conf_entry *e, struct conf_share *s)
{
	const struct conf_share *from = NULL;
	struct conf_share own = *s;

	for (unsigned int i = 0; i < l->c->nshares && &l->c->shares[i] != s; i++)
		if (!strcasecmp(l->c->shares[i].name, e->value))
			from = &l->c->shares[i];
	if (!from) {
		conf_report(&l->lx, CONF_ERROR, e->file, e->line,
			    "copy = %.80s: there is no such share further up", e->value);
		return;
	}
	*s = *from;
	s->name = own.name;
	s->file = own.file;
	s->line = own.line;
	s->is_homes = own.is_homes;
	s->is_ipc = own.is_ipc;
}

static void apply_share(struct loader *l, const struct conf_entry *e, struct conf_share *s)
{
	bool inverse;
	const struct conf_option *opt = conf_option_find(CONF_SHARE, e->name, &inverse);

	if (!opt) {
		report_unknown(l, e);
		return;
	}
	if (opt->type == CONF_T_COPY) {
		copy_share(l, e, s);
		return;
	}
	report_value(l, e,
		     conf_value_parse(l->c->arena, opt, inverse, e->value, l->dir, s, l->msg));
	report_later(l, e, opt, s);
}

/* ---- shares ---- */

bool conf_share_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > 80 || !strcmp(name, ".") || !strcmp(name, "..") ||
	    !strcasecmp(name, "global"))
		return false;
	if (utf8_utf16_len(name, n) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] < 0x20 || strchr("\\/[]:|<>+=;,*?\"%", name[i]))
			return false;
	return true;
}

static struct conf_share *new_share(struct loader *l, const struct conf_entry *e)
{
	struct conf_share *s = &l->c->shares[l->c->nshares++];

	*s = l->c->defaults;
	s->name = e->section;
	s->file = e->file;
	s->line = e->line;
	s->is_homes = !strcasecmp(e->section, "homes");
	if (s->is_homes) {
		s->name = "homes";
		l->c->homes = s;
	}
	return s;
}

/* The share of a section header, made at its first occurrence; NULL for one that is refused. */
static struct conf_share *enter_section(struct loader *l, const struct conf_entry *e)
{
	if (is_section(e, "IPC$"))
		return l->c->ipc;
	if (is_section(e, "printers")) {
		conf_report(&l->lx, CONF_WARNING, e->file, e->line,
			    "[printers] is ignored: printing is not offered");
		return NULL;
	}
	for (unsigned int i = 0; i < l->c->nshares; i++)
		if (!strcasecmp(l->c->shares[i].name, e->section))
			return &l->c->shares[i];
	if (!conf_share_name_ok(e->section)) {
		conf_report(&l->lx, CONF_ERROR, e->file, e->line,
			    "[%.90s] is no name for a share: 1 to 80 characters without "
			    "\\ / [ ] : | < > + = ; , * ? \" %%",
			    e->section);
		return NULL;
	}
	if (l->c->nshares >= MAX_SHARES) {
		conf_report(&l->lx, CONF_ERROR, e->file, e->line, "more than %d shares",
			    MAX_SHARES);
		return NULL;
	}
	return new_share(l, e);
}

static void apply_entries(struct loader *l)
{
	const struct conf_lexer *lx = &l->lx;
	struct conf_share *s = NULL;
	size_t sections = 0;

	for (size_t i = 0; i < lx->n; i++) {
		const struct conf_entry *e = &lx->v[i];

		if (!e->name)
			sections++;
		else if (is_global(e))
			apply_global(l, e);
	}
	sections = MIN(sections, (size_t)MAX_SHARES);
	l->c->shares = conf_arena_alloc(l->c->arena, (sections + 1) * sizeof(*s));
	l->c->ipc->smb_encrypt = l->c->defaults.smb_encrypt;
	for (size_t i = 0; i < lx->n; i++) {
		const struct conf_entry *e = &lx->v[i];

		if (is_global(e))
			continue;
		if (!e->name)
			s = enter_section(l, e);
		else if (s)
			apply_share(l, e, s);
	}
}

/* ---- what must agree ---- */

static void finish_vfs_objects(struct loader *l, struct conf_share *s, const char *where)
{
	static const char *const harmless[] = { "fruit", "catia", "dfs_samba4", "xattr_tdb" };

	s->acl_xattr = s->streams_xattr = false;
	for (unsigned int i = 0; i < s->vfs_objects.n; i++) {
		const char *w = s->vfs_objects.v[i];

		if (!strcmp(w, "acl_xattr"))
			s->acl_xattr = true;
		else if (!strcmp(w, "streams_xattr"))
			s->streams_xattr = true;
		else
			conf_report(
				&l->lx, CONF_WARNING, s->file, s->line,
				"[%s] vfs objects: \"%.64s\" does not exist here and is ignored%s",
				where, w,
				!strcmp(w, harmless[0]) ? "; macOS clients work without it" : "");
	}
}

static void finish_share(struct loader *l, struct conf_share *s)
{
	if (!s->path && !s->is_homes) {
		conf_report(&l->lx, CONF_ERROR, s->file, s->line,
			    "[%s] has no path: write path = /folder", s->name);
		s->available = false;
	} else if (s->path && *s->path != '/' && strncmp(s->path, "%H", 2)) {
		conf_report(&l->lx, CONF_ERROR, s->file, s->line,
			    "[%s] path = %.200s is not absolute: it starts with /", s->name,
			    s->path);
		s->available = false;
	}
	if (s->guest_only && !s->guest_ok)
		conf_report(&l->lx, CONF_WARNING, s->file, s->line,
			    "[%s] guest only has no effect without guest ok = yes", s->name);
	if (s->guest_ok && l->c->map_to_guest == CONF_GUEST_NEVER)
		conf_report(&l->lx, CONF_WARNING, s->file, s->line,
			    "[%s] guest ok: nobody becomes a guest while map to guest = never",
			    s->name);
	finish_vfs_objects(l, s, s->name);
}

static void set_netbios_name(struct conf *c)
{
	char host[65] = "", name[16];
	const char *from = c->netbios_name;
	size_t n;

	if (!from) {
		gethostname(host, sizeof(host) - 1);
		host[strcspn(host, ".")] = 0;
		from = *host ? host : "KSMBD-HYBRID";
	}
	snprintf(name, sizeof(name), "%s", from);
	n = strlen(name);
	for (size_t i = 0; i < n; i++)
		name[i] = (char)toupper((unsigned char)name[i]);
	c->netbios_name = conf_arena_strndup(c->arena, name, n);
}

static void finish_global(struct loader *l)
{
	struct conf *c = l->c;
	struct conf_subst v = { .netbios = NULL };
	_cleanup_free_ char *comment = NULL;

	c->encrypt = c->defaults.smb_encrypt;
	c->anonymous_ok = c->restrict_anonymous < 2;
	if (!c->min_dialect)
		c->min_dialect = 0x0202;
	if (c->min_dialect > c->max_dialect)
		conf_report(&l->lx, CONF_ERROR, c->file, 0,
			    "server min protocol is newer than server max protocol");
	if (c->netbios_name && strlen(c->netbios_name) > 15)
		conf_report(&l->lx, CONF_WARNING, c->file, 0,
			    "netbios name is cut to 15 characters");
	if (c->bind_interfaces_only && !c->interfaces.n)
		conf_report(&l->lx, CONF_ERROR, c->file, 0,
			    "bind interfaces only needs interfaces = ...");
	conf_interfaces_finish(&l->lx, c);
	set_netbios_name(c);
	if (!c->workgroup)
		c->workgroup = "WORKGROUP";
	if (!c->guest_account)
		c->guest_account = "nobody";
	v.netbios = c->netbios_name;
	v.domain = c->workgroup;
	comment = conf_substitute(c->server_string ? c->server_string : "", &v);
	c->server_string = conf_arena_strndup(c->arena, comment, strlen(comment));
	if (!c->passdb_file) {
		_cleanup_free_ char *p =
			xasprintf("%s/ksmbdpwd.db", l->dir ? l->dir : CONF_DEFAULT_DIR);

		c->passdb_file = conf_arena_strndup(c->arena, p, strlen(p));
	}
}

static void finish(struct loader *l)
{
	struct conf *c = l->c;

	finish_global(l);
	finish_vfs_objects(l, &c->defaults, "global");
	for (unsigned int i = 0; i < c->nshares; i++)
		finish_share(l, &c->shares[i]);
	c->nwarnings = l->lx.nwarnings;
	c->nerrors = l->lx.nerrors;
}

/* ---- lifetime ---- */

static void begin(struct loader *l, const char *name, conf_report_fn report, void *arg)
{
	struct conf_arena *a = conf_arena_new();
	struct conf *c = conf_arena_alloc(a, sizeof(*c));

	*l = (struct loader) { .c = c, .lx = { .arena = a, .report = report, .report_arg = arg } };
	c->arena = a;
	c->refs = 1;
	c->file = conf_arena_strndup(a, name, strlen(name));
	set_defaults(l, conf_global_options, c);
	set_defaults(l, conf_share_options, &c->defaults);
	l->fresh = conf_arena_alloc(a, sizeof(*c));
	*l->fresh = *c;
	c->ipc = conf_arena_alloc(a, sizeof(*c->ipc));
	*c->ipc = c->defaults;
	c->ipc->name = "IPC$";
	c->ipc->comment = "IPC Service";
	c->ipc->is_ipc = true;
	c->ipc->guest_ok = true;
	c->ipc->browseable = false;
}

static int end(struct loader *l, struct conf **out)
{
	apply_entries(l);
	finish(l);
	free(l->lx.v);
	*out = l->c;
	return l->lx.nerrors ? -EINVAL : 0;
}

/* Reads text, or if it is NULL the file. */
static int load(const char *path, const char *text, size_t len, conf_report_fn report, void *arg,
		struct conf **out)
{
	_cleanup_free_ char *dir = *path == '/' ? xstrdup(path) : realpath(path, NULL);
	struct loader l;
	int rc = 0;

	*out = NULL;
	if (!dir)
		return -errno;
	begin(&l, dir, report, arg);
	if (text)
		conf_lex_text(&l.lx, text, len, l.c->file);
	else
		rc = conf_lex_file(&l.lx, l.c->file);
	if (rc) {
		free(l.lx.v);
		conf_put(l.c);
		return rc;
	}
	*strrchr(dir, '/') = 0;
	l.dir = dir;
	return end(&l, out);
}

int conf_load(const char *path, conf_report_fn report, void *arg, struct conf **out)
{
	return load(path, NULL, 0, report, arg, out);
}

int conf_load_text(const char *path, const char *text, size_t len, conf_report_fn report, void *arg,
		   struct conf **out)
{
	return load(path, text, len, report, arg, out);
}

int conf_parse(const char *text, size_t len, const char *name, conf_report_fn report, void *arg,
	       struct conf **out)
{
	struct loader l;

	begin(&l, name, report, arg);
	l.lx.no_include = true;
	conf_lex_text(&l.lx, text, len, name);
	return end(&l, out);
}

struct conf *conf_get(struct conf *c)
{
	__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

void conf_put(struct conf *c)
{
	if (c && !__atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
		conf_arena_free(c->arena);
}

/* ---- finding a share ---- */

const struct conf_share *conf_share_find(const struct conf *c, const char *name)
{
	if (!strcasecmp(name, "IPC$"))
		return c->ipc;
	for (unsigned int i = 0; i < c->nshares; i++)
		if (utf8_equal_nocase(c->shares[i].name, name))
			return &c->shares[i];
	return NULL;
}

const struct conf_share *conf_share_for(const struct conf *c, const char *name, const char *user,
					const char **real)
{
	const struct conf_share *s = conf_share_find(c, name);

	if (!s && c->homes && user && utf8_equal_nocase(name, user))
		s = c->homes;
	if (real)
		*real = s && s->is_homes && user ? user : s ? s->name : NULL;
	return s;
}

const char *conf_dialect_name(uint16_t dialect)
{
	switch (dialect) {
	case 0x0202:
		return "SMB2_02";
	case 0x0210:
		return "SMB2_10";
	case 0x0300:
		return "SMB3_00";
	case 0x0302:
		return "SMB3_02";
	case 0x0311:
		return "SMB3_11";
	}
	return "?";
}
