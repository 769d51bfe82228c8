/* SPDX-License-Identifier: Apache-2.0 */
/* swap A B: exchanges two names, as fast as it can, until it is killed. What looks at one and then
 * uses it uses the other. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 3) return 64;
  for (;;)
    if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE)) return 1;
}
