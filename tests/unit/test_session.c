// SPDX-License-Identifier: GPL-2.0-or-later
/* When a session has run out: what is refused (MS-SMB2 3.3.5.2.9), and how it comes back. */
#include "smb2/smb2.h"
#include "fixture.h"
#include "tap.h"

static struct conn conn;

/* What the checks say to a command of this session, at this time; files and bodies are none. */
static ntstatus check(uint16_t command, uint16_t size, uint64_t now)
{
	uint8_t elem[200] = { 0 };
	struct channel ch = { .session = session };
	struct smb2_wr w = wr_init(elem, sizeof(elem));
	struct request rq = {
		.conn = &conn, .n = 1, .elem = elem, .elem_len = sizeof(elem), .start_ns = now
	};
	ntstatus status;

	rq.elements = rq.inline_elements;
	rq.elements[0].channel = &ch;
	rq.elements[0].charge = 1;
	rq.session = session;
	rq.hdr.command = command;
	rq.hdr.tree_id = tree->id;
	wr_zero(&w, SMB2_HDR_SIZE);
	wr_le16(&w, size);
	status = smb2_check(&rq);
	tree_put(rq.tree);
	return status;
}

int main(void)
{
	uint64_t now = now_ns();

	if (!fixture_begin())
		return 1;
	conn.st.dialect = SMB2_DIALECT_311;
	conn.conf = conf;

	is_int(check(SMB2_CREATE, 57, now), NT_STATUS_SUCCESS, "a session that does not expire");
	session_set_lifetime(session, 100);
	is_int(check(SMB2_CREATE, 57, now), NT_STATUS_SUCCESS, "before it expires");
	is_int(session_state_at(session, now), SESSION_VALID, "it is valid then");
	now += 101 * 1000000000ull;
	is_int(check(SMB2_CREATE, 57, now), NT_STATUS_NETWORK_SESSION_EXPIRED, "CREATE afterwards");
	is_int(check(SMB2_READ, 49, now), NT_STATUS_NETWORK_SESSION_EXPIRED, "READ");
	is_int(check(SMB2_TREE_CONNECT, 9, now), NT_STATUS_NETWORK_SESSION_EXPIRED, "TREE_CONNECT");
	is_int(check(SMB2_CLOSE, 24, now), NT_STATUS_FILE_CLOSED, "CLOSE is done");
	is_int(check(SMB2_LOCK, 48, now), NT_STATUS_FILE_CLOSED, "LOCK is done");
	is_int(check(SMB2_LOGOFF, 4, now), NT_STATUS_SUCCESS, "LOGOFF is done");
	is_int(check(SMB2_SESSION_SETUP, 25, now), NT_STATUS_SUCCESS, "SESSION_SETUP is done");
	is_int(check(SMB2_ECHO, 4, now), NT_STATUS_SUCCESS, "ECHO is done");
	is_int(session_state_at(session, 1), SESSION_EXPIRED, "it stays expired");

	session_set_lifetime(session, 1000);
	is_int(check(SMB2_CREATE, 57, now), NT_STATUS_SUCCESS, "a later authentication");
	session_set_lifetime(session, 0);
	is_int(check(SMB2_CREATE, 57, UINT64_MAX), NT_STATUS_SUCCESS, "one that is for ever");
	if (!fixture_end())
		return 1;
	return done_testing();
}
