/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what an image can say of its users: the tar in which the engine sends a file, and the
 * file. The first byte of the input says how much of it is the name that is looked for. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/tar.h"
#include "session/passwd.h"

#define FILE_MAX ((size_t)65536)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const char *text, size_t n, const char *user) {
  uint32_t uid = 0, gid = 0;
  if (csn_passwd_find(text, n, user, &uid, &gid) && (uid > INT32_MAX || gid > INT32_MAX)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char user[65] = "";
  if (size < 1) return 0;
  size_t n = data[0] % 64u;
  if (n > size - 1) n = size - 1;
  memcpy(user, data + 1, n);
  data += 1 + n;
  size -= 1 + n;
  /* Exactly as long as it is, so that a byte too many is seen. */
  char *text = malloc(size ? size : 1);
  if (!text) return 0;
  memcpy(text, data, size);
  look(text, size, user);
  struct csn_buffer file = CSN_BUFFER(FILE_MAX);
  if (csn_tar_read_file(text, size, &file, NULL) == 0)
    look(csn_buffer_text(&file), file.size, user);
  if (file.size > FILE_MAX) abort();
  csn_buffer_free(&file);
  free(text);
  return 0;
}
