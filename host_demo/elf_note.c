/* SPDX-License-Identifier: Apache-2.0 */
/* elf_note.c: a reader of ELF headers and notes that believes nothing it reads. It looks for what
 * the kernel and the dynamic linker look at (program headers; a file may have no sections), in the
 * class and byte order of this program, and for nothing else. */
#include "elf_note.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define SEGMENTS_MAX 128
/* What every note of this major has; a newer one may have more. */
#define NOTE_MIN (offsetof(caisson_note, build_id) + CAISSON_NOTE_BUILD_ID_SIZE)
#define NOTES_MAX 4096 /* bytes of one segment; a linker makes some hundred */

/* This program's own header, which the linker names: what the plugin's must be like. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

/* Returns 0 only where all n bytes were there. */
static int read_at(int fd, void *to, size_t n, uint64_t offset) {
  char *at = to;
  while (n > 0) {
    ssize_t got = offset > INT64_MAX - n ? 0 : pread(fd, at, n, (off_t)offset);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return -1;
    at += got;
    n -= (size_t)got;
    offset += (uint64_t)got;
  }
  return 0;
}

static const char *machine_name(unsigned machine) {
  static const struct {
    unsigned machine;
    const char *name;
  } names[] = {{EM_X86_64, "x86-64"}, {EM_AARCH64, "AArch64"}, {EM_386, "x86"},
               {EM_ARM, "ARM"},       {EM_RISCV, "RISC-V"},    {EM_PPC64, "PowerPC"},
               {EM_S390, "S/390"}};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (names[i].machine == machine)
      return names[i].name;
  return "another";
}

static const char *kind_name(unsigned type) {
  return type == ET_EXEC  ? "a program"
         : type == ET_REL ? "an object file that was not linked"
         : type == ET_CORE ? "a core dump"
                           : "of an unknown type";
}

static int check_header(const ElfW(Ehdr) *h, char why[CSN_LOADER_MESSAGE]) {
  const ElfW(Ehdr) *own = &__ehdr_start;
  if (h->e_ident[EI_CLASS] != own->e_ident[EI_CLASS])
    return csn_why(why, "it is for %s-bit programs, and this is a %s-bit one",
                   h->e_ident[EI_CLASS] == ELFCLASS32   ? "32"
                   : h->e_ident[EI_CLASS] == ELFCLASS64 ? "64"
                                                        : "other than 32- and 64",
                   own->e_ident[EI_CLASS] == ELFCLASS32 ? "32" : "64");
  if (h->e_ident[EI_DATA] != own->e_ident[EI_DATA])
    return csn_why(why, "it is for machines with the other byte order");
  if (h->e_machine != own->e_machine)
    return csn_why(why, "it is for %s machines (ELF number %u), and this is %s (%u)",
                   machine_name(h->e_machine), h->e_machine, machine_name(own->e_machine),
                   own->e_machine);
  if (h->e_type != ET_DYN)
    return csn_why(why, "it is %s (ELF type %u), and not a shared object", kind_name(h->e_type),
                   h->e_type);
  if (h->e_phentsize != sizeof(ElfW(Phdr)) || h->e_phnum == 0 || h->e_phnum > SEGMENTS_MAX)
    return csn_why(why, "it is damaged: %u program headers of %u bytes", h->e_phnum,
                   h->e_phentsize);
  return 0;
}

/* ---- notes ----------------------------------------------------------------------------------- */

struct search {
  struct csn_elf_note *out;
  unsigned other_major; /* of a note for another ABI; 0: none */
  char *why;
};

static size_t aligned(size_t n, size_t to) { return (n + to - 1) / to * to; }

static bool is_text(const char *bytes, size_t n) {
  size_t length = strnlen(bytes, n);
  for (size_t i = 0; i < length; i++)
    if (bytes[i] <= ' ' || bytes[i] >= 0x7f)
      return false;
  return length > 0 && length < n;
}

static int take_note(struct search *s, const unsigned char *bytes, size_t n) {
  caisson_note note = {.struct_size = 0};
  memcpy(&note, bytes, n < sizeof note ? n : sizeof note);
  if (n < NOTE_MIN || note.struct_size < NOTE_MIN || note.struct_size > n)
    return csn_why(s->why, "its Caisson note is damaged: %zu bytes that claim to be %u", n,
                   note.struct_size);
  if (note.abi_major != CAISSON_ABI_MAJOR) {
    s->other_major = note.abi_major;
    return 0;
  }
  if (!is_text(note.version, sizeof note.version) || !is_text(note.build_id, sizeof note.build_id))
    return csn_why(s->why, "its Caisson note is damaged: its version or build id is no text");
  if (s->out->found)
    return csn_why(s->why, "it has two Caisson notes for ABI %d", CAISSON_ABI_MAJOR);
  s->out->note = note;
  s->out->found = true;
  return 0;
}

static bool is_ours(const ElfW(Nhdr) *h, const unsigned char *name) {
  return h->n_type == CAISSON_NOTE_TYPE && h->n_namesz == sizeof CAISSON_NOTE_NAME &&
         memcmp(name, CAISSON_NOTE_NAME, sizeof CAISSON_NOTE_NAME) == 0;
}

/* One segment's notes: header, name, content, the last two padded. Where the sizes lead out of the
 * segment nothing more can be read from it, and it is not for us to say what another's note is. */
static int look_through(struct search *s, const unsigned char *bytes, size_t n, size_t padding) {
  size_t at = 0;
  while (n - at >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) h;
    memcpy(&h, bytes + at, sizeof h);
    size_t name = at + sizeof h, left = n - name;
    if (h.n_namesz > left || aligned(h.n_namesz, padding) > left)
      return 0;
    size_t content = name + aligned(h.n_namesz, padding);
    left = n - content;
    if (h.n_descsz > left)
      return 0;
    if (is_ours(&h, bytes + name) && take_note(s, bytes + content, h.n_descsz) < 0)
      return -1;
    if (aligned(h.n_descsz, padding) > left)
      return 0;
    at = content + aligned(h.n_descsz, padding);
  }
  return 0;
}

static int look_at_segment(struct search *s, int fd, const ElfW(Phdr) *p) {
  unsigned char bytes[NOTES_MAX];
  if (p->p_type != PT_NOTE)
    return 0;
  if (p->p_filesz > sizeof bytes || read_at(fd, bytes, (size_t)p->p_filesz, p->p_offset) < 0)
    return csn_why(s->why, "it is damaged: %llu bytes of notes at %llu",
                   (unsigned long long)p->p_filesz, (unsigned long long)p->p_offset);
  return look_through(s, bytes, (size_t)p->p_filesz, p->p_align == 8 ? 8 : 4);
}

int csn_elf_note_read(int fd, struct csn_elf_note *out, char why[CSN_LOADER_MESSAGE]) {
  struct search search = {.out = out, .why = why};
  ElfW(Ehdr) header;
  *out = (struct csn_elf_note){.found = false};
  if (read_at(fd, &header, sizeof header, 0) < 0 || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return csn_why(why, "it is no shared object (it does not begin as ELF files do)");
  if (check_header(&header, why) < 0)
    return -1;
  for (unsigned i = 0; i < header.e_phnum; i++) {
    ElfW(Phdr) segment;
    uint64_t at = (uint64_t)i * sizeof segment;
    if (header.e_phoff > INT64_MAX ||
        read_at(fd, &segment, sizeof segment, header.e_phoff + at) < 0)
      return csn_why(why, "it is damaged: its program headers lie beyond its end");
    if (look_at_segment(&search, fd, &segment) < 0)
      return -1;
  }
  if (!out->found && search.other_major)
    return csn_why(why, "it is a plugin of ABI %u, and this host knows ABI %d",
                   search.other_major, CAISSON_ABI_MAJOR);
  return 0;
}
