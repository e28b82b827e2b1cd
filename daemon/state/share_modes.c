// SPDX-License-Identifier: GPL-2.0-or-later
/* share_modes.c - share modes of one file as counts, see share_modes.h. */
#include "state/share_modes.h"
#include "kernel/handles.h"

enum { READS, WRITES, DELETES, KINDS };

/* Access to data; who only looks at attributes neither denies nor is denied. */
static const uint32_t use_bits[KINDS] = {
	[READS] = FILE_READ_DATA | FILE_EXECUTE,
	[WRITES] = FILE_WRITE_DATA | FILE_APPEND_DATA,
	[DELETES] = SEC_STD_DELETE,
};
static const uint32_t share_bits[KINDS] = {
	[READS] = FILE_SHARE_READ,
	[WRITES] = FILE_SHARE_WRITE,
	[DELETES] = FILE_SHARE_DELETE,
};

static bool uses_data(uint32_t access)
{
	return access & (use_bits[READS] | use_bits[WRITES] | use_bits[DELETES]);
}

static void count(struct ofile *f, const struct open *o, int n)
{
	if (!uses_data(o->access))
		return;
	for (int i = 0; i < KINDS; i++) {
		if (o->access & use_bits[i])
			f->modes.uses[i] += (uint32_t)n;
		if (!(o->share_access & share_bits[i]))
			f->modes.denies[i] += (uint32_t)n;
	}
}

void share_modes_add(struct ofile *f, const struct open *o)
{
	count(f, o, 1);
}

void share_modes_remove(struct ofile *f, const struct open *o)
{
	count(f, o, -1);
}

static bool denies(uint32_t access, uint32_t share)
{
	for (int i = 0; i < KINDS; i++)
		if (access & use_bits[i] && !(share & share_bits[i]))
			return true;
	return false;
}

static bool conflict(const struct open *a, uint32_t access, const struct open *b)
{
	return uses_data(access) && uses_data(b->access) &&
	       (denies(access, b->share_access) || denies(b->access, a->share_access));
}

static bool delete_conflict(const struct open *a, const struct open *b)
{
	return (a->access & SEC_STD_DELETE && uses_data(b->access) &&
		!(b->share_access & FILE_SHARE_DELETE)) ||
	       (b->access & SEC_STD_DELETE && uses_data(a->access) &&
		!(a->share_access & FILE_SHARE_DELETE));
}

/* The counts say no: is it one of whom it is known that he has not closed? */
static bool really(const struct ofile *f, const struct open *o, uint32_t access, bool deletion)
{
	const struct open *other;

	if (list_empty(&f->handles))
		return true;
	list_for_each (other, &f->opens, file_node)
		if (!open_is_gone(other) &&
		    (deletion ? delete_conflict(o, other) : conflict(o, access, other)))
			return true;
	return false;
}

bool share_modes_conflict(const struct ofile *f, const struct open *o, uint32_t access)
{
	bool no = false;

	if (!uses_data(access))
		return false;
	for (int i = 0; i < KINDS; i++)
		no |= (access & use_bits[i] && f->modes.denies[i]) ||
		      (f->modes.uses[i] && !(o->share_access & share_bits[i]));
	return no && really(f, o, access, false);
}

bool share_modes_conflict_delete(const struct ofile *f, const struct open *o)
{
	bool no = (o->access & SEC_STD_DELETE && f->modes.denies[DELETES]) ||
		  (f->modes.uses[DELETES] && uses_data(o->access) &&
		   !(o->share_access & FILE_SHARE_DELETE));

	return no && really(f, o, o->access, true);
}

bool share_modes_others_deny_delete(const struct ofile *f, const struct open *o)
{
	bool own = uses_data(o->access) && !(o->share_access & FILE_SHARE_DELETE);

	return f->modes.denies[DELETES] > own;
}

/* Windows minds whoever has it open for deletion, Samba its own client only: so clients expect. */
bool share_modes_deny_names(const struct ofile *f, const struct open *o)
{
	const struct open *other;

	if (f->modes.denies[WRITES] || !f->modes.uses[DELETES])
		return f->modes.denies[WRITES];
	list_for_each (other, &f->opens, file_node)
		if (other->access & SEC_STD_DELETE && other->session && o->session &&
		    memcmp(other->session->client_guid, o->session->client_guid, 16) == 0)
			return true;
	return false;
}
