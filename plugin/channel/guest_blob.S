/* The helper's binaries, one for each architecture (the build says which), as bytes inside caisson.so.
 * The build finds them, named by their architecture, by -I. */
#ifdef __CET__
#include <cet.h> /* without its note the linker drops branch protection for the whole file */
#endif

  .section .rodata
  .irp arch, CSN_GUESTS
  .global csn_guest_\arch\()_start
  .hidden csn_guest_\arch\()_start
  .global csn_guest_\arch\()_end
  .hidden csn_guest_\arch\()_end
  .balign 64
csn_guest_\arch\()_start:
  .incbin "\arch"
csn_guest_\arch\()_end:
  .endr

  /* Without this the stack of the whole process would become executable. */
  .section .note.GNU-stack, "", %progbits
