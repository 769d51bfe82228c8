/* SPDX-License-Identifier: Apache-2.0 */
/* See archive_locale.h. */
#include "tools/archive_locale.h"

#include <errno.h>

#include "util/error.h"

int csn_archive_locale_init(struct csn_archive_locale *locale, int utf8) {
  *locale = (struct csn_archive_locale){.own = (locale_t)0};
  errno = 0;
  locale->own = newlocale(LC_CTYPE_MASK, utf8 ? "C.UTF-8" : "C", (locale_t)0);
  return !locale->own && errno == ENOMEM ? CAISSON_E_NOMEM : 0;
}

void csn_archive_locale_free(struct csn_archive_locale *locale) {
  if (locale->own) freelocale(locale->own);
  locale->own = (locale_t)0;
}

void csn_archive_locale_enter(struct csn_archive_locale *locale) {
  if (locale->own) locale->before = uselocale(locale->own);
}

void csn_archive_locale_leave(struct csn_archive_locale *locale) {
  if (locale->own) uselocale(locale->before);
}
