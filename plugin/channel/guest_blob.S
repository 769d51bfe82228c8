/* The helper binary, as bytes inside caisson.so. The build finds caisson-guest by -I. */
#ifdef __CET__
#include <cet.h> /* without its note the linker drops branch protection for the whole file */
#endif

  .section .rodata
  .global csn_guest_start
  .hidden csn_guest_start
  .global csn_guest_end
  .hidden csn_guest_end
  .balign 64
csn_guest_start:
  .incbin "caisson-guest"
csn_guest_end:

  /* Without this the stack of the whole process would become executable. */
  .section .note.GNU-stack, "", %progbits
