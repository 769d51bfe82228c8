/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp profiles as C strings inside caisson.so. */
#ifdef __CET__
#include <cet.h> /* without its note the linker drops branch protection for the whole file */
#endif

  .section .rodata
  .global csn_seccomp_default
  .hidden csn_seccomp_default
csn_seccomp_default:
  .incbin "session/seccomp.json"
  .byte 0
  .global csn_seccomp_strict
  .hidden csn_seccomp_strict
csn_seccomp_strict:
  .incbin "session/seccomp_strict.json"
  .byte 0

  .section .note.GNU-stack, "", %progbits
