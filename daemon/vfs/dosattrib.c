// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dosattrib.c - the value of user.DOSATTRIB, which is NDR (xattr_DOSATTRIB in Samba's xattr.idl):
 *
 *	astring attrib_hex	NUL-terminated; "0x20" in the oldest form, else "" or ignored
 *	uint16 version, uint16 version again (the union's switch), each aligned to 2
 *	1:  attrib, ea_size, size, alloc_size, create_time, change_time
 *	2:  flags, attrib, ea_size, size, alloc_size, create_time, change_time, write_time, name
 *	3:  flags, attrib, ea_size, size, alloc_size, create_time, change_time
 *	4:  flags, attrib, itime, create_time
 *	5:  flags, attrib, create_time
 *
 * with 32-bit attrib, flags and ea_size aligned to 4, and 64-bit sizes (aligned to 8) and times
 * (aligned to 4). A value that is only the hex string has no version.
 */
#include "vfs/internal.h"

#include "smb2_cursor.h"

#define VALID_ATTRIB	  0x01
#define VALID_CREATE_TIME 0x10

/* Bits that are kept: what Samba calls SAMBA_ATTRIBUTES_MASK, with OFFLINE and the like. */
#define STORED_MASK 0x00007fffu

static bool parse_hex(const char *hex, uint32_t *attributes)
{
	char *end;
	unsigned long v;

	if (hex[0] != '0' || (hex[1] != 'x' && hex[1] != 'X'))
		return false;
	v = strtoul(hex + 2, &end, 16);
	if (end == hex + 2 || v > UINT32_MAX)
		return false;
	*attributes = (uint32_t)v & STORED_MASK;
	return true;
}

/* Versions 1 to 3 have sizes between the attributes and the times. */
static uint64_t read_old_create_time(struct smb2_rd *r)
{
	rd_skip(r, 4); /* ea_size */
	rd_align(r, 8);
	rd_skip(r, 16); /* size, alloc_size */
	return rd_le64(r);
}

static bool parse_info(struct smb2_rd *r, unsigned int version, struct dosattrib *d)
{
	uint32_t flags = VALID_ATTRIB | VALID_CREATE_TIME;
	uint32_t attributes;
	uint64_t created = 0;

	rd_align(r, 4);
	if (version != 1)
		flags = rd_le32(r);
	attributes = rd_le32(r);
	switch (version) {
	case 1:
	case 2:
	case 3:
		created = read_old_create_time(r);
		break;
	case 4:
		rd_skip(r, 8); /* itime */
		created = rd_le64(r);
		break;
	case 5:
		created = rd_le64(r);
		break;
	default:
		return false;
	}
	if (!rd_ok(r))
		return false;
	if (flags & VALID_ATTRIB)
		d->attributes = attributes & STORED_MASK;
	if (flags & VALID_CREATE_TIME)
		d->create_time = created;
	return true;
}

bool dosattrib_parse(const void *blob, size_t len, struct dosattrib *out)
{
	struct smb2_rd r = rd_init(blob, len);
	const char *hex = blob;
	size_t hex_len = strnlen(hex, len);
	char text[16] = "";
	unsigned int version;

	*out = (struct dosattrib) { 0 };
	if (hex_len < sizeof(text))
		memcpy(text, hex, hex_len);
	/* Only the string, with or without its NUL: what Samba 3.0 wrote. */
	if (hex_len + 1 >= len)
		return parse_hex(text, &out->attributes);
	rd_skip(&r, hex_len + 1);
	rd_align(&r, 2);
	version = rd_le16(&r);
	if (rd_le16(&r) != version)
		return false;
	if (version == 0xffff)
		return parse_hex(text, &out->attributes);
	return parse_info(&r, version, out);
}

size_t dosattrib_build(const struct dosattrib *d, uint8_t *blob)
{
	struct smb2_wr w = wr_init(blob, DOSATTRIB_MAX);

	wr_u8(&w, 0); /* attrib_hex "" */
	wr_align(&w, 2);
	wr_le16(&w, 5);
	wr_le16(&w, 5);
	wr_align(&w, 4);
	wr_le32(&w, VALID_ATTRIB | (d->create_time ? VALID_CREATE_TIME : 0));
	wr_le32(&w, d->attributes & STORED_MASK);
	wr_le64(&w, d->create_time);
	return wr_ok(&w) ? (size_t)w.off : 0;
}
