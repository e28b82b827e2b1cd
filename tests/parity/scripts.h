/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scripts.h - short words for the tables of the scripts. File 0 is the one that is warmed up: three
 * writes and three reads, after which the connection is on the kernel path and the file has been
 * given to the module.
 */
#ifndef KH_PARITY_SCRIPTS_H
#define KH_PARITY_SCRIPTS_H

#include "parity.h"

/* clang-format off */
#define READ   STEP_COMMAND, SMB2_READ
#define WRITE  STEP_COMMAND, SMB2_WRITE
#define CLOSE  STEP_COMMAND, SMB2_CLOSE
#define FLUSH  STEP_COMMAND, SMB2_FLUSH
#define LOCK   STEP_COMMAND, SMB2_LOCK
#define ECHO   STEP_COMMAND, SMB2_ECHO
#define CANCEL STEP_COMMAND, SMB2_CANCEL
#define QUERY  STEP_COMMAND, SMB2_QUERY_INFO
#define SET_EOF STEP_COMMAND, SMB2_SET_INFO
#define CREATE STEP_COMMAND, SMB2_CREATE
#define READ1  READ, .file = 1
#define READ2  READ, .file = 2
#define READ3  READ, .file = 3
#define WRITE1 WRITE, .file = 1
#define WRITE2 WRITE, .file = 2
#define WRITE3 WRITE, .file = 3

#define ALL_ACCESS 0x001F01FFu

#define OPEN_ON(LINK, FILE, NAME)                                                             \
	{ CREATE, .link = (LINK), .file = (FILE), .name = (NAME), .access = ALL_ACCESS,       \
	  .disposition = FILE_OPEN, .options = FILE_NON_DIRECTORY_FILE, .want = WANT(SUCCESS) }
#define OPEN_AS(FILE, NAME, ACCESS, DISPOSITION)                                              \
	{ CREATE, .file = (FILE), .name = (NAME), .access = (ACCESS),                         \
	  .disposition = (DISPOSITION), .options = FILE_NON_DIRECTORY_FILE,                   \
	  .want = WANT(SUCCESS) }
#define WARM(LINK, FILE)                                                                      \
	{ WRITE, .link = (LINK), .file = (FILE), .length = 4096, .seed = 101, .want = WANT(SUCCESS) }, \
	{ WRITE, .link = (LINK), .file = (FILE), .length = 4096, .offset = 4096, .seed = 102 }, \
	{ WRITE, .link = (LINK), .file = (FILE), .length = 4096, .offset = 8192, .seed = 103 }, \
	{ READ, .link = (LINK), .file = (FILE), .length = 4096, .want = WANT(SUCCESS) },      \
	{ READ, .link = (LINK), .file = (FILE), .length = 4096, .offset = 4096 },             \
	{ READ, .link = (LINK), .file = (FILE), .length = 4096, .offset = 8192 },             \
	{ STEP_PATH, .link = (LINK) }
#define FILE_AND_WARM(NAME)                                                                   \
	{ CREATE, .name = (NAME), .access = ALL_ACCESS, .disposition = FILE_OVERWRITE_IF,     \
	  .options = FILE_NON_DIRECTORY_FILE, .want = WANT(SUCCESS) },                        \
	WARM(0, 0)
#define END { STEP_END }
/* clang-format on */

#endif /* KH_PARITY_SCRIPTS_H */
