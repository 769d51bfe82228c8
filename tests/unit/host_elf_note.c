/* SPDX-License-Identifier: Apache-2.0 */
/* What the demo host reads of an ELF file before it loads it: files made here, byte by byte. */
#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host_demo/elf_note.h"
#include "tap.h"

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

struct one_note {
  ElfW(Nhdr) header;
  char name[8];
  caisson_note note;
};

/* A shared object of headers and notes alone. */
struct file {
  ElfW(Ehdr) header;
  ElfW(Phdr) segments[2];
  struct one_note notes[2];
};

static struct csn_elf_note found;
static char why[CSN_LOADER_MESSAGE];

static struct one_note a_note(unsigned major) {
  return (struct one_note){
      .header = {.n_namesz = 8, .n_descsz = sizeof(caisson_note), .n_type = CAISSON_NOTE_TYPE},
      .name = CAISSON_NOTE_NAME,
      .note = {.struct_size = sizeof(caisson_note),
               .abi_major = major,
               .abi_minor = 3,
               .needs_host_minor = 2,
               .version = "1.2.3",
               .build_id = "abc"},
  };
}

static struct file a_file(void) {
  struct file f = {.notes = {a_note(CAISSON_ABI_MAJOR), a_note(7)}};
  memcpy(f.header.e_ident, __ehdr_start.e_ident, EI_NIDENT);
  f.header.e_machine = __ehdr_start.e_machine;
  f.header.e_type = ET_DYN;
  f.header.e_phoff = offsetof(struct file, segments);
  f.header.e_phentsize = sizeof(ElfW(Phdr));
  f.header.e_phnum = 2;
  f.segments[0].p_type = PT_LOAD;
  f.segments[1].p_type = PT_NOTE;
  f.segments[1].p_offset = offsetof(struct file, notes);
  f.segments[1].p_filesz = sizeof f.notes;
  f.segments[1].p_align = 4;
  return f;
}

static int look(const void *bytes, size_t n) {
  int fd = memfd_create("elf", MFD_CLOEXEC);
  if (fd < 0 || write(fd, bytes, n) != (ssize_t)n) BAIL_OUT("memfd");
  *why = '\0';
  int rc = csn_elf_note_read(fd, &found, why);
  (void)close(fd);
  return rc;
}

static int look_at(const struct file *f) { return look(f, sizeof *f); }

static void is_refused(const struct file *f, const char *words, const char *name) {
  bool right = look_at(f) == -1 && strstr(why, words);
  if (!ok(right, "%s is refused", name)) diag("%s", why);
}

static void test_found(void) {
  struct file f = a_file();
  ok(look_at(&f) == 0 && found.found, "a note is found, beside one for another ABI");
  ok(found.note.abi_minor == 3 && found.note.needs_host_minor == 2, "with its minors");
  is_str(found.note.version, "1.2.3", "its version");
  is_str(found.note.build_id, "abc", "and its build id");
  f.notes[0] = a_note(7);
  f.notes[1] = a_note(CAISSON_ABI_MAJOR);
  ok(look_at(&f) == 0 && found.found, "behind the other one too");
  f.notes[0].header.n_type = 5;
  ok(look_at(&f) == 0 && found.found, "a note of ours of another type is passed over");
}

static void test_none(void) {
  struct file f = a_file();
  memcpy(f.notes[0].name, "Another", 8);
  memcpy(f.notes[1].name, "Caissom", 8);
  ok(look_at(&f) == 0 && !found.found, "other people's notes are none of ours");
  f = a_file();
  f.segments[1].p_type = PT_LOAD;
  ok(look_at(&f) == 0 && !found.found, "no notes at all");
  f = a_file();
  f.notes[0].header.n_namesz = UINT32_MAX;
  ok(look_at(&f) == 0 && !found.found, "a name beyond the segment ends the search");
  f = a_file();
  f.notes[0].header.n_descsz = UINT32_MAX - 2;
  ok(look_at(&f) == 0 && !found.found, "so does content beyond it");
  f = a_file();
  f.segments[1].p_filesz = sizeof(ElfW(Nhdr)) - 1;
  ok(look_at(&f) == 0 && !found.found, "a segment too short for a note");
}

static void test_other_machines(void) {
  struct file f = a_file();
  f.header.e_ident[EI_CLASS] = ELFCLASS32;
  is_refused(&f, "32-bit", "another class");
  f = a_file();
  f.header.e_ident[EI_DATA] = __ehdr_start.e_ident[EI_DATA] ^ 3;
  is_refused(&f, "byte order", "another byte order");
  f = a_file();
  f.header.e_machine = EM_S390;
  is_refused(&f, "S/390", "another machine");
  f.header.e_machine = 9999;
  is_refused(&f, "9999", "a machine without a name");
}

static void test_other_types(void) {
  static const struct {
    unsigned type;
    const char *words;
  } cases[] = {{ET_EXEC, "a program"}, {ET_REL, "object file"}, {ET_CORE, "core dump"},
               {77, "unknown type (ELF type 77)"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct file f = a_file();
    f.header.e_type = (ElfW(Half))cases[i].type;
    is_refused(&f, cases[i].words, cases[i].words);
  }
  is_int(look("#!/bin/sh\n", 10), -1, "a script is refused");
  ok(strstr(why, "no shared object"), "as no shared object");
  is_int(look("", 0), -1, "so is an empty file");
  is_int(look(&__ehdr_start, 20), -1, "and one that ends within its header");
}

static void test_damaged_headers(void) {
  struct file f = a_file();
  f.header.e_phnum = 0;
  is_refused(&f, "0 program headers", "no program headers");
  f.header.e_phnum = 60000;
  is_refused(&f, "60000 program headers", "too many of them");
  f = a_file();
  f.header.e_phentsize = 1;
  is_refused(&f, "of 1 bytes", "a wrong size of them");
  f = a_file();
  f.header.e_phoff = sizeof f - 1;
  is_refused(&f, "beyond its end", "headers beyond the end");
  f.header.e_phoff = UINT64_MAX - 8;
  is_refused(&f, "beyond its end", "headers at the end of all offsets");
  f = a_file();
  f.segments[1].p_offset = UINT64_MAX - 8;
  is_refused(&f, "bytes of notes at", "notes at the end of all offsets");
  f = a_file();
  f.segments[1].p_filesz = UINT64_MAX;
  is_refused(&f, "bytes of notes at", "notes without end");
  f = a_file();
  f.segments[1].p_filesz++;
  is_refused(&f, "bytes of notes at", "notes that end one byte too late");
}

static void test_damaged_notes(void) {
  struct file f = a_file();
  f.notes[0].note.struct_size = sizeof(caisson_note) + 1;
  is_refused(&f, "claim to be 113", "a size beyond the note");
  f.notes[0].note.struct_size = 4;
  is_refused(&f, "claim to be 4", "a size that is too small");
  f = a_file();
  f.notes[0].header.n_descsz = 20;
  is_refused(&f, "20 bytes", "a note that is too short");
  f = a_file();
  memset(f.notes[0].note.version, 'x', sizeof f.notes[0].note.version);
  is_refused(&f, "no text", "a version without an end");
  f = a_file();
  f.notes[0].note.build_id[1] = '\x1b';
  is_refused(&f, "no text", "a build id that is no text");
  f = a_file();
  f.notes[0].note.build_id[0] = '\0';
  is_refused(&f, "no text", "an empty build id");
  f = a_file();
  f.notes[1] = a_note(CAISSON_ABI_MAJOR);
  is_refused(&f, "two Caisson notes", "a second note");
  f = a_file();
  f.notes[0] = a_note(2);
  f.notes[1] = a_note(2);
  is_refused(&f, "plugin of ABI 2", "a plugin for another major");
}

int main(void) {
  test_found();
  test_none();
  test_other_machines();
  test_other_types();
  test_damaged_headers();
  test_damaged_notes();
  return done_testing();
}
