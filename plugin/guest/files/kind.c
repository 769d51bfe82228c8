/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kinds of files: see kind.h.
 */
#include "guest/files/kind.h"

#include <string.h>

#define UNPACK "List or unpack it with shell or run_python (tar, zipfile, tarfile)."
#define PROGRAM "It is a program, not its source."
#define PYTHON "Read it with run_python and a library for it."
#define MEDIA "Look at it with run_python, or convert it with shell."
#define ANY "Look into it with shell (od, strings) or run_python."

struct magic {
  unsigned short offset;
  unsigned char size;
  const char *bytes;
  const char *what, *hint;
};

/* Bytes that no text begins with. */
static const struct magic magics[] = {
  {0, 4, "\x7f" "ELF", "an ELF program or library", PROGRAM},
  {0, 4, "PK\3\4", "a ZIP archive (or a .docx, .xlsx, .jar or .whl, which are such)", UNPACK},
  {0, 4, "PK\5\6", "an empty ZIP archive", UNPACK},
  {0, 2, "\x1f\x8b", "data compressed with gzip", "Unpack it with shell (zcat, tar xzf)."},
  {0, 3, "BZh", "data compressed with bzip2", "Unpack it with shell (bzcat, tar xjf)."},
  {0, 6, "\xfd" "7zXZ\0", "data compressed with xz", "Unpack it with shell (xzcat, tar xJf)."},
  {0, 4, "\x28\xb5\x2f\xfd", "data compressed with zstd", "Unpack it with shell (zstdcat)."},
  {0, 6, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK},
  {0, 6, "Rar!\x1a\7", "a RAR archive", UNPACK},
  {257, 5, "ustar", "a tar archive", UNPACK},
  {0, 8, "!<arch>\n", "an ar archive (a static library or a .deb)", UNPACK},
  {0, 5, "%PDF-", "a PDF document", "Take its text with shell (pdftotext) or run_python (pypdf)."},
  {0, 8, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document", PYTHON},
  {0, 16, "SQLite format 3\0", "an SQLite database", "Query it with run_python (sqlite3)."},
  {0, 6, "\x93NUMPY", "a NumPy array", "Load it with run_python (numpy.load)."},
  {0, 8, "\x89HDF\r\n\x1a\n", "an HDF5 file", PYTHON},
  {0, 4, "PAR1", "a Parquet file", PYTHON},
  {0, 6, "ARROW1", "an Arrow file", PYTHON},
  {0, 4, "\0asm", "a WebAssembly module", PROGRAM},
  {0, 4, "\xca\xfe\xba\xbe", "a Java class or a Mach-O program", PROGRAM},
  {0, 4, "\xcf\xfa\xed\xfe", "a Mach-O program", PROGRAM},
  {0, 4, "II*\0", "a TIFF image", MEDIA},
  {0, 4, "MM\0*", "a TIFF image", MEDIA},
  {0, 4, "\0\0\1\0", "an icon", MEDIA},
  {0, 4, "OggS", "Ogg audio or video", MEDIA},
  {0, 4, "fLaC", "FLAC audio", MEDIA},
  {0, 3, "ID3", "MP3 audio", MEDIA},
  {4, 4, "ftyp", "an MP4 video (or another ISO media file)", MEDIA},
  {0, 4, "\x1a\x45\xdf\xa3", "a Matroska or WebM video", MEDIA},
  {0, 4, "wOFF", "a web font", ANY},
  {0, 4, "wOF2", "a web font", ANY},
  {0, 4, "\xff\xfe\0\0", "UTF-32 text", "Convert it with run_python: .decode('utf-32')."},
  {0, 4, "\0\0\xfe\xff", "UTF-32 text", "Convert it with run_python: .decode('utf-32')."},
};

/* Text can begin like this, so only what has a NUL counts. */
static const struct magic short_magics[] = {
  {0, 2, "MZ", "a Windows program", PROGRAM},
  {0, 2, "BM", "a BMP image", MEDIA},
  {0, 4, "RIFF", "a RIFF file (WAV audio, AVI video)", MEDIA},
  {0, 2, "\x80\4", "a Python pickle", "Load it with run_python (pickle)."},
  {0, 2, "\x80\5", "a Python pickle", "Load it with run_python (pickle)."},
};

static const struct {
  const char *first;
  size_t size;
  const char *second;   /* at offset 8 */
  const char *mime_type, *what;
} images[] = {
  {"\x89PNG\r\n\x1a\n", 8, "", "image/png", "a PNG image"},
  {"\xff\xd8\xff", 3, "", "image/jpeg", "a JPEG image"},
  {"GIF87a", 6, "", "image/gif", "a GIF image"},
  {"GIF89a", 6, "", "image/gif", "a GIF image"},
  {"RIFF", 4, "WEBP", "image/webp", "a WebP image"},
};

static const struct magic *find(const struct magic *table, size_t count, const char *bytes,
                                size_t n) {
  for (size_t i = 0; i < count; i++) {
    const struct magic *m = &table[i];
    if (n >= (size_t)m->offset + m->size && memcmp(bytes + m->offset, m->bytes, m->size) == 0)
      return m;
  }
  return NULL;
}

static struct csn_kind find_image(const char *bytes, size_t n) {
  for (size_t i = 0; i < sizeof images / sizeof images[0]; i++) {
    size_t more = strlen(images[i].second);
    if (n < 12 || memcmp(bytes, images[i].first, images[i].size) != 0) continue;
    if (memcmp(bytes + 8, images[i].second, more) != 0) continue;
    return (struct csn_kind){images[i].mime_type, images[i].what, ""};
  }
  return (struct csn_kind){NULL, NULL, ""};
}

struct csn_kind csn_kind_of(const void *bytes, size_t n) {
  struct csn_kind image = find_image(bytes, n);
  if (image.mime_type != NULL) return image;
  const struct magic *m = find(magics, sizeof magics / sizeof magics[0], bytes, n);
  if (m != NULL) return (struct csn_kind){NULL, m->what, m->hint};
  /* UTF-16 is full of NULs, and begins with a mark. */
  if (n >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0))
    return (struct csn_kind){NULL, NULL, ""};
  if (n == 0 || memchr(bytes, 0, n) == NULL) return (struct csn_kind){NULL, NULL, ""};
  m = find(short_magics, sizeof short_magics / sizeof short_magics[0], bytes, n);
  if (m != NULL) return (struct csn_kind){NULL, m->what, m->hint};
  return (struct csn_kind){NULL, "a binary file, of no kind that is known here", ANY};
}
