/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nic_item.h - settings of an interface by name and as text (nic_item.c). */
#ifndef KH_NIC_ITEM_H
#define KH_NIC_ITEM_H

#include "nic.h"

/* The name of what a step writes. Caller frees all that these return. */
char *item_key(const struct nic *n, enum advice_about kind, unsigned int index);
/* False: no version of this program wrote such a key. */
bool item_kind(const char *key, enum advice_about *kind, unsigned int *index);
/* NULL: the interface has no such setting. */
char *item_read(const struct nic_sys *s, const struct nic *n, const char *key);
/* What the step wants, for item_write(). */
char *item_wanted(const struct step *step);
/* NULL, or why not. */
char *item_write(const struct nic_sys *s, const struct nic *n, const char *key, const char *text);
/* The text as a person is told it. */
char *item_show(const char *key, const char *text);

#endif /* KH_NIC_ITEM_H */
