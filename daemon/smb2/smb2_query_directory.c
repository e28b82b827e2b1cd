// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smb2_query_directory.c - QUERY_DIRECTORY (MS-SMB2 2.2.33, 3.3.5.18; MS-FSA 2.1.5.6.3).
 *
 * The enumeration belongs to the open (open.dir, open.pattern) and stands under its dir_lock for
 * the whole request, so two requests on one handle are served one after the other, each with
 * entries that the other did not get.
 */
#include <fcntl.h>

#include "core/utf16.h"
#include "smb2/smb2.h"

#define QUERY_DIRECTORY_FIXED 32

struct query_directory_req {
	const struct fscc_dir_class *c;
	uint8_t flags;
	uint32_t max;  /* OutputBufferLength */
	char *pattern; /* owned; "" when none was sent */
};

static ntstatus pattern_parse(const uint8_t *name, size_t len, char **out)
{
	_cleanup_free_ char *p = NULL;

	if (!len) {
		*out = xstrdup("");
		return NT_STATUS_SUCCESS;
	}
	p = utf16_dup_utf8(name, len);
	if (!p || strpbrk(p, "\\/"))
		return NT_STATUS_OBJECT_NAME_INVALID;
	*out = steal_ptr(&p);
	return NT_STATUS_SUCCESS;
}

static ntstatus query_directory_parse(struct request *rq, struct query_directory_req *q)
{
	struct smb2_rd r = rd_init(rq->elem, rq->elem_len), name;
	uint16_t name_off, name_len;
	uint8_t info_class;

	rd_skip(&r, SMB2_HDR_SIZE + 2);
	info_class = rd_u8(&r);
	q->flags = rd_u8(&r);
	rd_skip(&r, 4 + 16); /* FileIndex is not resumed by; FileId was looked up */
	name_off = rd_le16(&r);
	name_len = rd_le16(&r);
	q->max = rd_le32(&r);
	if (name_len && name_off < SMB2_HDR_SIZE + QUERY_DIRECTORY_FIXED)
		rd_fail(&r);
	name = rd_sub(&r, name_len ? name_off : 0, name_len);
	if (!rd_ok(&r)) {
		stats_bad(BAD_parameter);
		return NT_STATUS_INVALID_PARAMETER;
	}
	if (q->max > rq->conn->st.max_trans)
		return NT_STATUS_INVALID_PARAMETER;
	q->c = fscc_dir_class(info_class);
	if (!q->c)
		return NT_STATUS_INVALID_INFO_CLASS;
	return pattern_parse(name.buf, name_len, &q->pattern);
}

/* ---- the enumeration of the open; open.dir_lock is held ---- */

static int dir_begin(struct open *o, const char *pattern)
{
	struct vfs_dir *dir;
	int fd, r;

	fd = vfs_reopen(o->tree->vfs, o->fd, O_RDONLY);
	if (fd < 0)
		return fd;
	r = vfs_dir_open(o->tree->vfs, fd, &dir);
	if (r < 0)
		return r;
	if (o->posix)
		vfs_dir_posix(dir);
	vfs_dir_close(o->dir);
	o->dir = dir;
	free(o->pattern);
	o->pattern = xstrdup(*pattern ? pattern : "*");
	o->dir_first = true;
	return vfs_dir_restart(o->dir, o->pattern);
}

/* RESTART_SCANS takes a new pattern when there is one, MS-FSA 2.1.5.6.3. */
static int dir_restart(struct open *o, const char *pattern)
{
	if (*pattern) {
		free(o->pattern);
		o->pattern = xstrdup(pattern);
	}
	return vfs_dir_restart(o->dir, o->pattern);
}

static int dir_position(struct open *o, const struct query_directory_req *q)
{
	if (!o->dir || q->flags & SMB2_REOPEN)
		return dir_begin(o, q->pattern);
	if (q->flags & SMB2_RESTART_SCANS)
		return dir_restart(o, q->pattern);
	return 0;
}

/* ---- `hide unreadable`, `hide unwriteable files` ---- */

/* All of these, or the entry is not there (MS-FSA 2.1.5.6.3, as Samba). */
#define VISIBLE_RIGHTS (FILE_READ_DATA | FILE_READ_EA | FILE_READ_ATTRIBUTES | SEC_STD_READ_CONTROL)

static bool entry_visible(struct open *o, const struct vfs_dirent *e)
{
	const struct conf_share *share = o->tree->share;
	_cleanup_vfs_path_ struct vfs_path p = { .fd = -1, .parent = -1 };
	_cleanup_free_ char *dir = NULL, *path = NULL;
	struct acl_object obj;
	uint32_t want;

	if (!strcmp(e->disk, ".") || !strcmp(e->disk, ".."))
		return true;
	dir = open_path_dup(o);
	path = xasprintf("%s%s%s", dir, *dir ? "/" : "", e->disk);
	if (vfs_resolve(o->tree->vfs, path, VFS_RESOLVE_EXACT, &p))
		return false;
	obj = (struct acl_object) { p.fd, p.attr.uid, p.attr.gid, p.attr.mode };
	want = share->hide_unreadable ? VISIBLE_RIGHTS : 0;
	if (share->hide_unwriteable_files && !p.attr.is_dir)
		want |= FILE_WRITE_DATA;
	return !want || acl_gives(&obj, &o->tree->policy, o->tree->token, want);
}

/* ---- entries into the reply ---- */

struct listing {
	struct open *o;
	const struct query_directory_req *q;
	struct smb2_wr w; /* of the entries alone, so that alignment counts from the first */
	uint64_t last;	  /* offset of the last whole entry */
	uint64_t end;	  /* behind it, without padding */
	unsigned int n;
	bool filter, ea;
};

enum entry_result { ENTRY_PUT, ENTRY_SKIPPED, ENTRY_NO_ROOM };

static enum entry_result put_entry(struct listing *l, const struct vfs_dirent *e)
{
	struct vfs_dir *d = l->o->dir;
	const struct fscc_dir_class *c = l->q->c;
	struct vfs_attr a;
	int len = utf8_utf16_len(e->name, strlen(e->name));
	uint32_t ea_size = 0;

	if (len < 0 || (l->filter && !entry_visible(l->o, e)))
		return ENTRY_SKIPPED;
	/* room first: what does not fit would be looked at twice */
	if (l->n)
		wr_align(&l->w, 8);
	if (wr_left(&l->w) < (uint64_t)c->fixed + (uint64_t)len)
		return ENTRY_NO_ROOM;
	if (c->attr && vfs_dir_attr(d, e, &a) < 0)
		return ENTRY_SKIPPED; /* gone meanwhile, or a symlink that leads nowhere */
	if (c->attr && !a.is_dir)
		ofile_show(&a);
	if (c->ea && l->ea)
		ea_size = vfs_dir_ea_size(d, e);
	if (l->n)
		kh_put_le32(l->w.buf + l->last, (uint32_t)(l->w.off - l->last));
	l->last = l->w.off;
	(void)fscc_dir_put(&l->w, c, e->name, len, &a, ea_size,
			   l->o->tree->vfs->opt.list_short_names);
	l->end = l->w.off;
	return ENTRY_PUT;
}

static ntstatus fill(struct listing *l)
{
	bool first = l->o->dir_first;
	struct vfs_dirent e;
	int r;

	while ((r = vfs_dir_next(l->o->dir, &e)) == 1) {
		enum entry_result res = put_entry(l, &e);

		if (res == ENTRY_NO_ROOM) {
			vfs_dir_unget(l->o->dir);
			return l->n ? NT_STATUS_SUCCESS : NT_STATUS_INFO_LENGTH_MISMATCH;
		}
		if (res == ENTRY_SKIPPED)
			continue;
		l->n++;
		if (l->q->flags & SMB2_RETURN_SINGLE_ENTRY)
			break;
	}
	if (l->n)
		return NT_STATUS_SUCCESS;
	if (r < 0)
		return vfs_errno(r);
	return first ? NT_STATUS_NO_SUCH_FILE : NT_STATUS_NO_MORE_FILES;
}

static ntstatus list_entries(struct request *rq, const struct query_directory_req *q)
{
	const struct conf_share *share = rq->tree->share;
	struct open *o = rq->open;
	struct listing l = { .o = o, .q = q };
	struct smb2_wr *w;
	ntstatus status;
	uint8_t *room;

	w = reply_begin(rq, 8 + (size_t)q->max);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, 9);
	wr_le16(w, SMB2_HDR_SIZE + 8);
	wr_le32(w, 0);
	room = wr_space(w, q->max);
	if (!room)
		return NT_STATUS_INTERNAL_ERROR;
	l.w = wr_init(room, q->max);
	l.ea = rq->tree->vfs->opt.ea_support;
	l.filter = share->hide_unreadable || share->hide_unwriteable_files;
	status = fill(&l);
	o->dir_first = false;
	if (status)
		return status;
	wr_patch_le32(w, SMB2_HDR_SIZE + 4, (uint32_t)l.end);
	w->off -= q->max - l.end;
	return NT_STATUS_SUCCESS;
}

ntstatus smb2_query_directory(struct request *rq)
{
	struct query_directory_req q = { 0 };
	_cleanup_free_ char *pattern = NULL;
	struct open *o = rq->open;
	ntstatus status;
	int r;

	status = query_directory_parse(rq, &q);
	pattern = q.pattern;
	if (status)
		return status;
	if (o->kind != OPEN_DIR)
		return NT_STATUS_INVALID_PARAMETER;
	if (q.c->posix && !o->posix)
		return NT_STATUS_INVALID_INFO_CLASS;
	if (!(o->access & FILE_LIST_DIRECTORY))
		return NT_STATUS_ACCESS_DENIED;

	pthread_mutex_lock(&o->dir_lock);
	r = dir_position(o, &q);
	if (r < 0)
		status = vfs_errno(r);
	else
		status = list_entries(rq, &q);
	pthread_mutex_unlock(&o->dir_lock);
	return status;
}
