/* SPDX-License-Identifier: Apache-2.0 */
/* The character set of names, which libarchive takes from the thread's locale. It is set for the
 * time of a call into libarchive and no longer: the host's callbacks see their own. */
#ifndef CSN_TOOLS_ARCHIVE_LOCALE_H
#define CSN_TOOLS_ARCHIVE_LOCALE_H

#include <locale.h>

struct csn_archive_locale {
  locale_t own, before; /* `own` 0: none, and nothing is changed */
};

/* utf8: names are text, in UTF-8. Else they are bytes. 0, or CAISSON_E_NOMEM; a C library without such
 * a locale does without. */
int csn_archive_locale_init(struct csn_archive_locale *locale, int utf8);
void csn_archive_locale_free(struct csn_archive_locale *locale);
void csn_archive_locale_enter(struct csn_archive_locale *locale);
void csn_archive_locale_leave(struct csn_archive_locale *locale);

#endif
