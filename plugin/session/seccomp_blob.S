/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp.json as a C string inside caisson.so; csn_seccomp_end is the address of its NUL. */
#ifdef __CET__
#include <cet.h> /* without its note the linker drops branch protection for the whole file */
#endif

  .section .rodata
  .global csn_seccomp_start
  .hidden csn_seccomp_start
  .global csn_seccomp_end
  .hidden csn_seccomp_end
csn_seccomp_start:
  .incbin "session/seccomp.json"
csn_seccomp_end:
  .byte 0

  .section .note.GNU-stack, "", %progbits
