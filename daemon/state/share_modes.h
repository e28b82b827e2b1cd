/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * share_modes.h - share modes (MS-FSA 2.1.5.1.2.2), for state/ofile.c alone; all under the lock of
 * the file's bucket.
 *
 * Only opens with access to data count. One more open is compared with the counts of all others; a
 * look at each of them is needed only where the counts say no and some were given to the kernel
 * module, which may have closed them.
 */
#ifndef KH_SHARE_MODES_H
#define KH_SHARE_MODES_H

#include "state/state.h"

/* o joins f, or leaves it; between the two its access and share_access stay as they are. */
void share_modes_add(struct ofile *f, const struct open *o);
void share_modes_remove(struct ofile *f, const struct open *o);
/* Is an open of f in the way of o, which is not among them and wants `access` now? */
bool share_modes_conflict(const struct ofile *f, const struct open *o, uint32_t access);
/* The same for the file itself against opens of its streams, where only deletion counts. */
bool share_modes_conflict_delete(const struct ofile *f, const struct open *o);
/* Does another open of f than o, which is one, refuse to share deletion? */
bool share_modes_others_deny_delete(const struct ofile *f, const struct open *o);
/* Is a folder open in a way that lets o's client put no names into it? */
bool share_modes_deny_names(const struct ofile *f, const struct open *o);

#endif /* KH_SHARE_MODES_H */
