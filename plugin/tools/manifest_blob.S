/* manifest.json as a C string inside caisson.so; csn_manifest_end is the address of its NUL. */
#ifdef __CET__
#include <cet.h> /* without its note the linker drops branch protection for the whole file */
#endif

  .section .rodata
  .global csn_manifest_start
  .hidden csn_manifest_start
  .global csn_manifest_end
  .hidden csn_manifest_end
csn_manifest_start:
  .incbin "tools/manifest.json"
csn_manifest_end:
  .byte 0

  /* Without this the stack of the whole process would become executable. */
  .section .note.GNU-stack, "", %progbits
