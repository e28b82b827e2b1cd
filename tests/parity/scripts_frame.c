// SPDX-License-Identifier: GPL-2.0-or-later
/* scripts_frame.c - frames, headers, message ids, signatures, encryption (MS-SMB2 3.3.5.2). */
#include "scripts.h"

static const struct step headers[] = {
	FILE_AND_WARM("header"),
	{ READ, .length = 10, .patch = { { 8, 2, 1 } } }, /* ChannelSequence */
	{ READ, .length = 10, .patch = { { 8, 2, 0x8000 } } },
	{ WRITE, .length = 10, .seed = 1, .patch = { { 8, 2, 0xFFFF } } },
	{ READ, .length = 10, .patch = { { 10, 2, 0xFFFF } } },	    /* Reserved */
	{ READ, .length = 10, .patch = { { 32, 4, 0x1234 } } },	    /* Reserved, process id */
	{ READ, .length = 10, .patch = { { 16, 4, 0x70 } } },	    /* priority */
	{ READ, .length = 10, .patch = { { 16, 4, 0x10000000 } } }, /* DFS */
	{ READ, .length = 10, .patch = { { 16, 4, 0x20000000 } } }, /* REPLAY */
	{ WRITE, .length = 10, .seed = 2, .patch = { { 16, 4, 0x20000000 } } },
	{ READ, .length = 10, .patch = { { 16, 4, 0x80000000 } } },
	{ READ, .length = 10, .patch = { { 16, 4, 0x02 } } }, /* ASYNC */
	{ READ, .length = 10, .patch = { { 16, 4, 0x04 } } }, /* RELATED, but the first */
	{ READ, .length = 10 },
	{ STEP_COMMAND, 19 }, /* no such command */
	{ STEP_COMMAND, 255 },
	{ READ, .length = 10 },
	END,
};

static const struct step response_flag[] = {
	FILE_AND_WARM("header-response"),
	{ READ, .length = 10, .patch = { { 16, 4, 0x01 } } },
	{ READ, .length = 10 },
	END,
};

static const struct step credits[] = {
	FILE_AND_WARM("credits"),
	{ READ, .length = 10, .flags = F_NO_CREDITS, .want = WANT(SUCCESS) },
	{ READ, .length = 10, .flags = F_NO_CREDITS },
	{ READ, .length = 10, .patch = { { 14, 2, 1 } } },
	{ READ, .length = 10, .patch = { { 14, 2, 100 } } },
	{ READ, .length = 10, .patch = { { 14, 2, 8192 } } },
	{ READ, .length = 10, .patch = { { 14, 2, 65535 } } },
	{ READ, .length = 10, .patch = { { 14, 2, 65535 } } },
	{ ECHO, .patch = { { 14, 2, 65535 } } },
	{ READ, .length = 10 },
	END,
};

static const struct step charges[] = {
	FILE_AND_WARM("charges"),
	{ READ, .length = 10, .charge = 0, .flags = F_CHARGE },
	{ WRITE, .length = 10, .charge = 0, .flags = F_CHARGE },
	{ CLOSE, .charge = 5, .flags = F_CHARGE | F_FID_OLD },
	{ ECHO, .charge = 0, .flags = F_CHARGE },
	{ READ, .length = 10 },
	END,
};

static const struct step charge_too_big[] = {
	FILE_AND_WARM("charge-too-big"),
	{ READ, .length = 10, .charge = 60000, .flags = F_CHARGE },
	END,
};

static const struct step replayed[] = {
	FILE_AND_WARM("replayed"),
	{ READ, .length = 10 },
	{ READ, .length = 10, .flags = F_OLD_MID, .want = WANT_CLOSED },
	END,
};

static const struct step replayed_write[] = {
	FILE_AND_WARM("replayed-write"),
	{ WRITE, .length = 10, .seed = 3 },
	{ WRITE, .length = 10, .seed = 4, .flags = F_OLD_MID, .want = WANT_CLOSED },
	END,
};

static const struct step outside[] = {
	FILE_AND_WARM("outside"),
	{ READ, .length = 10, .flags = F_FAR_MID, .want = WANT_CLOSED },
	END,
};

static const struct step mid_ones[] = {
	FILE_AND_WARM("mid-ones"),
	{ READ, .length = 10, .patch = { { 24, 8, 0xFFFFFFFFFFFFFFFF } }, .flags = F_NO_ANSWER,
	  .want = WANT_CLOSED },
	END,
};

/* Signed sessions: a wrong signature is refused, the connection stays. */
static const struct step signatures[] = {
	FILE_AND_WARM("signatures"),
	{ READ, .length = 100, .flags = F_SPOIL, .want = WANT(ACCESS_DENIED) },
	{ WRITE, .length = 100, .seed = 5, .flags = F_SPOIL, .want = WANT(ACCESS_DENIED) },
	{ CLOSE, .flags = F_SPOIL, .want = WANT(ACCESS_DENIED) },
	{ FLUSH, .flags = F_SPOIL, .want = WANT(ACCESS_DENIED) },
	{ ECHO, .flags = F_SPOIL },
	{ READ, .length = 100, .want = WANT(SUCCESS) },
	{ READ, .length = 100, .flags = F_MORE },
	{ READ, .length = 100, .flags = F_SPOIL },
	{ READ, .length = 100, .flags = F_MORE | F_SPOIL },
	{ READ, .length = 100 },
	{ WRITE, .length = 60000, .seed = 6, .flags = F_SPOIL, .want = WANT(ACCESS_DENIED) },
	{ READ, .length = 60000 },
	END,
};

static const struct step unsigned_[] = {
	FILE_AND_WARM("unsigned"),
	{ READ, .length = 100, .flags = F_UNSIGNED },
	{ WRITE, .length = 100, .seed = 7, .flags = F_UNSIGNED },
	{ ECHO, .flags = F_UNSIGNED },
	{ FLUSH, .flags = F_UNSIGNED },
	{ READ, .length = 100, .flags = F_UNSIGNED | F_MORE },
	{ READ, .length = 100 },
	{ READ, .length = 100, .flags = F_UNSIGNED, .patch = { { 16, 4, 0x08 } } },
	{ READ, .length = 100, .flags = F_UNSIGNED, .patch = { { 48, 8, 0x1122334455667788 } } },
	{ CLOSE, .flags = F_UNSIGNED, .op_flags = 1 },
	{ READ, .length = 100 },
	END,
};

/* Sessions that do not sign: single signed requests, with right and wrong signatures. */
static const struct step signed_in_plain[] = {
	FILE_AND_WARM("signed-in-plain"),
	{ READ, .length = 100, .flags = F_SIGN, .want = WANT(SUCCESS) },
	{ WRITE, .length = 5000, .seed = 8, .flags = F_SIGN, .want = WANT(SUCCESS) },
	{ ECHO, .flags = F_SIGN },
	{ READ, .length = 100, .flags = F_SIGN | F_SPOIL, .want = WANT(ACCESS_DENIED) },
	{ READ, .length = 100 },
	{ READ, .length = 65536, .flags = F_SIGN },
	{ CLOSE, .flags = F_SIGN, .op_flags = 1, .want = WANT(SUCCESS) },
	END,
};

static const struct step plain_in_sealed[] = {
	FILE_AND_WARM("plain-in-sealed"),
	{ READ, .length = 100, .flags = F_UNSIGNED },
	{ READ, .length = 100, .flags = F_UNSIGNED | F_SIGN },
	{ WRITE, .length = 100, .seed = 9, .flags = F_UNSIGNED | F_SIGN },
	{ ECHO, .flags = F_UNSIGNED },
	{ CLOSE, .flags = F_UNSIGNED, .op_flags = 1 },
	{ READ, .length = 100 },
	END,
};

/* Signed inside of the encryption. */
static const struct step signed_and_sealed[] = {
	FILE_AND_WARM("signed-sealed"),
	{ READ, .length = 100, .flags = F_SIGN },
	{ READ, .length = 100, .flags = F_SIGN | F_SPOIL },
	{ WRITE, .length = 100, .seed = 10, .flags = F_SIGN },
	{ READ, .length = 100 },
	END,
};

static const struct step half[] = {
	FILE_AND_WARM("half"),
	{ STEP_CUT, SMB2_WRITE, .length = 60000, .seed = 11, .flags = F_NO_WAIT },
	{ STEP_PAUSE, .length = 100, .flags = F_NO_WAIT },
	{ STEP_REST },
	{ READ, .length = 60000, .want = WANT(SUCCESS) },
	{ STEP_CUT, SMB2_READ, .length = 1000, .flags = F_NO_WAIT },
	{ STEP_PAUSE, .length = 50, .flags = F_NO_WAIT },
	{ STEP_REST },
	{ STEP_CUT, SMB2_WRITE, .length = 60000, .seed = 12, .flags = F_NO_WAIT },
	{ STEP_HANG_UP },
	END,
};

static const struct step half_large[] = {
	FILE_AND_WARM("half-large"),
	{ STEP_CUT, SMB2_WRITE, .length = 1 << 20, .seed = 13, .flags = F_NO_WAIT },
	{ STEP_PAUSE, .length = 100, .flags = F_NO_WAIT },
	{ STEP_REST },
	{ READ, .length = 1 << 20, .want = WANT(SUCCESS) },
	{ ECHO },
	END,
};

#define RAW(KIND, NAME)                                                             \
	{                                                                           \
		(KIND), .raw = (NAME), .raw_len = sizeof(NAME), .want = WANT_CLOSED \
	}

#define RAW_SCRIPT(ID, FILE_NAME, KIND, ...)             \
	static const uint8_t ID##_bytes[] = __VA_ARGS__; \
	static const struct step ID[] = {                \
		FILE_AND_WARM(FILE_NAME),                \
		RAW(KIND, ID##_bytes),                   \
		END,                                     \
	}

RAW_SCRIPT(frame_type, "raw", STEP_BYTES, { 0x85, 0, 0, 0, 1, 2, 3, 4 });
RAW_SCRIPT(frame_empty, "raw", STEP_BYTES, { 0, 0, 0, 0 });
RAW_SCRIPT(frame_short, "raw", STEP_MESSAGE, { 0xFE, 'S', 'M', 'B', 64, 0, 0, 0 });
RAW_SCRIPT(frame_long, "raw", STEP_BYTES, { 0, 0xFF, 0xFF, 0xFF, 0xFE, 'S', 'M', 'B', 64, 0 });
RAW_SCRIPT(frame_other, "raw", STEP_MESSAGE, { 0xFF, 'S', 'M', 'B', [100] = 1 });
RAW_SCRIPT(frame_header_size, "raw", STEP_MESSAGE, { 0xFE, 'S', 'M', 'B', 65, [100] = 1 });
RAW_SCRIPT(frame_compressed, "raw", STEP_MESSAGE, { 0xFC, 'S', 'M', 'B', [100] = 1 });
RAW_SCRIPT(frame_transform, "raw", STEP_MESSAGE,
	   { 0xFD, 'S', 'M', 'B', [36] = 100, [42] = 1, [151] = 1 });
RAW_SCRIPT(frame_transform_short, "raw", STEP_MESSAGE, { 0xFD, 'S', 'M', 'B', [51] = 0 });
RAW_SCRIPT(sealed_short, "raw", STEP_SEALED_MESSAGE, { 0xFE, 'S', 'M', 'B', 64, [20] = 0 });
RAW_SCRIPT(sealed_other, "raw", STEP_SEALED_MESSAGE, { 0xFD, 'S', 'M', 'B', 64, [100] = 0 });

const struct script scripts_frame[] = {
	{ "header fields", headers, WHEN_ANY },
	{ "a request that says it is a response", response_flag, WHEN_ANY },
	{ "credits asked for", credits, WHEN_ANY },
	{ "credit charges", charges, WHEN_ANY },
	{ "a charge beyond the credits", charge_too_big, WHEN_ANY | WHEN_LARGE },
	{ "a message id again", replayed, WHEN_ANY },
	{ "a WRITE again", replayed_write, WHEN_ANY },
	{ "a message id outside the window", outside, WHEN_ANY },
	{ "a message id of ones", mid_ones, WHEN_ANY },
	{ "wrong signatures", signatures, WHEN_SIGNED },
	{ "missing signatures", unsigned_, WHEN_SIGNED },
	{ "signatures in a plain session", signed_in_plain, WHEN_PLAIN },
	{ "plain in a sealed session", plain_in_sealed, WHEN_SEALED },
	{ "signed and sealed", signed_and_sealed, WHEN_SEALED },
	{ "half frames", half, WHEN_PLAIN | WHEN_SIGNED },
	{ "half of a large WRITE", half_large, WHEN_PLAIN | WHEN_SIGNED | WHEN_LARGE },
	{ "frame type", frame_type, WHEN_ANY },
	{ "empty frame", frame_empty, WHEN_ANY },
	{ "short frame", frame_short, WHEN_ANY },
	{ "too long frame", frame_long, WHEN_ANY },
	{ "another protocol", frame_other, WHEN_ANY },
	{ "header size", frame_header_size, WHEN_ANY },
	{ "compressed", frame_compressed, WHEN_ANY },
	{ "transform that cannot be decrypted", frame_transform, WHEN_ANY },
	{ "transform without a message", frame_transform_short, WHEN_ANY },
	{ "sealed short message", sealed_short, WHEN_SEALED },
	{ "sealed transform", sealed_other, WHEN_SEALED },
	{ 0 },
};
