/* SPDX-License-Identifier: Apache-2.0 */
/* table.h: rows of text in aligned columns. */
#ifndef HOST_TABLE_H
#define HOST_TABLE_H

#include <stddef.h>

#define CSN_TABLE_COLUMNS 8

struct csn_table {
  size_t columns;
  size_t rows;
  char **cells; /* rows * columns, escaped */
  size_t widest[CSN_TABLE_COLUMNS];
};

/* `titles` has `columns` members and becomes the first row; NULL: no titles. */
void csn_table_init(struct csn_table *table, size_t columns, const char *const *titles);

/* One row of `columns` cells, copied and escaped. A NULL cell is "-". */
void csn_table_add(struct csn_table *table, const char *const *cells);

/* Prints all rows on stdout and frees the table. */
void csn_table_print(struct csn_table *table);

#endif
