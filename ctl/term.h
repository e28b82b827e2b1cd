/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * term.h - the terminal while a verb has all of it: alternate screen, single keys, and the way
 * back, which is taken at every end of the process but SIGKILL. One thread, one terminal.
 */
#ifndef KH_TERM_H
#define KH_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Standard output must be a terminal. 0 or -errno. */
int term_enter(void);
/* Gives the terminal back; does nothing when it has it already. */
void term_leave(void);

void term_size(int *rows, int *cols);

enum term_event {
	TERM_TIMEOUT,
	TERM_KEY,
	TERM_REDRAW, /* another size, or in the foreground again */
	TERM_END,    /* a signal wants the process to end, or the terminal is gone */
};

/*
 * Waits until deadline (CLOCK_MONOTONIC, ns). TERM_KEY: *key is the character, or one of the keys
 * below. TERM_END: *key is the signal; 0: the terminal is gone.
 */
enum term_event term_wait(uint64_t deadline_ns, int *key);

enum { KEY_ESCAPE = 27, KEY_UP = 0x100, KEY_DOWN, KEY_RIGHT, KEY_LEFT };

/* All of it, in one write if the terminal takes it. False: nobody reads any more. */
bool term_write(const char *text, size_t n);

#endif /* KH_TERM_H */
