/* SPDX-License-Identifier: Apache-2.0 */
/* table.c: rows of text in aligned columns. Every cell is escaped: a session's key may be anything
 * that its creator could type. */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>

#include "text.h"
#include "ui.h"

void csn_table_init(struct csn_table *table, size_t columns, const char *const *titles) {
  *table = (struct csn_table){.columns = columns};
  if (titles)
    csn_table_add(table, titles);
}

void csn_table_add(struct csn_table *table, const char *const *cells) {
  size_t used = table->rows * table->columns;
  table->cells =
      csn_must(realloc(table->cells, (used + table->columns) * sizeof table->cells[0]));
  for (size_t i = 0; i < table->columns; i++) {
    char *safe = csn_text_line(cells[i]);
    size_t width = csn_text_width(safe);
    if (width > table->widest[i])
      table->widest[i] = width;
    table->cells[used + i] = safe;
  }
  table->rows++;
}

void csn_table_print(struct csn_table *table) {
  for (size_t row = 0; row < table->rows; row++) {
    for (size_t i = 0; i < table->columns; i++) {
      char *cell = table->cells[row * table->columns + i];
      size_t pad = i + 1 < table->columns ? table->widest[i] - csn_text_width(cell) + 2 : 0;
      (void)printf("%s%*s", cell, (int)pad, "");
      free(cell);
    }
    (void)putchar('\n');
  }
  free(table->cells);
  *table = (struct csn_table){.columns = 0};
}
