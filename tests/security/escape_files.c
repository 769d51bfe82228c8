/* SPDX-License-Identifier: Apache-2.0 */
/* The file tools, turned by what lies in a sandbox against the helper that carries them out: links
 * to its own descriptors and memory, to other processes, to devices, FIFOs and sockets; and names
 * that change while a tool uses them. Each call ends with an answer, and the channel goes on. */
#include <stdio.h>
#include <string.h>

#include "attack.h"

static struct box *box;

/* ---- one tool on one path -------------------------------------------------------------------- */

/* No frame at all: a channel that got it would break. */
#define FORGED "forged forged forged forged forged forged forged forged\\n"

static struct call *with_path(const char *tool, bool is_operation, const char *path) {
  struct call *c = call_new(box, "a", tool);
  if (is_operation) c->flags = CAISSON_REQUEST_HOST;
  return call_arg(c, "path", path);
}

static struct call *use_read(const char *path) {
  return with_path("read", false, path);
}
static struct call *use_write(const char *path) {
  return call_arg(with_path("write", false, path), "content", FORGED);
}
static struct call *use_edit(const char *path) {
  struct call *c = call_arg(with_path("edit", false, path), "old_string", "e");
  return call_arg_json(call_arg(c, "new_string", FORGED), "replace_all", "true");
}
static struct call *use_glob(const char *path) {
  return call_arg(with_path("glob", false, path), "pattern", "**/environ");
}
static struct call *use_grep(const char *path) {
  return call_arg(with_path("grep", false, path), "pattern", "SECRET|CAISSON");
}
static struct call *use_list(const char *path) {
  return with_path("list", false, path);
}
static int64_t give_text(void *left, void *buffer, uint64_t capacity) {
  size_t n = *(size_t *)left < capacity ? *(size_t *)left : (size_t)capacity;
  memset(buffer, 'f', n);
  *(size_t *)left -= n;
  return (int64_t)n;
}
static size_t upload_left;
static struct call *use_upload(const char *path) {
  struct call *c = call_arg(with_path("file.upload", true, path), "name", "up");
  upload_left = 100;
  c->input = give_text;
  c->input_ctx = &upload_left;
  return c;
}
static struct call *use_put(const char *path) {
  struct call *c = with_path("archive.put", true, path);
  upload_left = 2048;
  c->input = give_text;
  c->input_ctx = &upload_left;
  return c;
}
static struct call *use_get(const char *path) {
  return call_arg_json(with_path("archive.get", true, path), "max_bytes", "1000000");
}

static const struct tool {
  const char *name;
  struct call *(*use)(const char *path);
} tools[] = {{"read", use_read},          {"write", use_write},     {"edit", use_edit},
             {"glob", use_glob},          {"grep", use_grep},       {"list", use_list},
             {"file.upload", use_upload}, {"archive.put", use_put}, {"archive.get", use_get}};

/* ---- every tool on every path ---------------------------------------------------------------- */

static const char *const paths[] = {"fifo",
                                    "socket",
                                    "loop",
                                    "dangling",
                                    "to-fifo",
                                    "to-zero",
                                    "to-self-mem",
                                    "to-init-environ",
                                    "to-init-root/etc",
                                    "/dev/zero",
                                    "/dev/full",
                                    "/dev/random",
                                    "/dev/tty",
                                    "/dev/ptmx",
                                    "/dev/stdin",
                                    "/dev/stdout",
                                    "/dev/fd/3",
                                    "/proc/self/fd/0",
                                    "/proc/self/fd/1",
                                    "/proc/self/fd/2",
                                    "/proc/self/fd/3",
                                    "/proc/self/fd/4",
                                    "/proc/self/fd/5",
                                    "/proc/self/fd/6",
                                    "/proc/self/fd/7",
                                    "/proc/self/fd/8",
                                    "to-fd-3",
                                    "to-fd-5",
                                    "/proc/self/mem",
                                    "/proc/self/environ",
                                    "/proc/self/maps",
                                    "/proc/self/oom_score_adj",
                                    "/proc/self/clear_refs",
                                    "/proc/self/task",
                                    "/proc/1/environ",
                                    "/proc/1/mem",
                                    "/proc/1/fd/0",
                                    "/proc/1/fd/1",
                                    "/proc/1/root/etc/passwd",
                                    "/proc/1/cwd",
                                    "/proc/sysrq-trigger",
                                    "/proc/sys/kernel/core_pattern",
                                    "/proc/kmsg",
                                    "/proc/kcore",
                                    "/.caisson",
                                    "/tmp/.caisson/seen"};

#define LAY                                                                                        \
  "mkfifo fifo; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"socket\")'; "      \
  "ln -s loop loop; ln -s none/none dangling; ln -s fifo to-fifo; ln -s /dev/zero to-zero; "       \
  "ln -s /proc/self/mem to-self-mem; ln -s /proc/1/environ to-init-environ; "                      \
  "ln -s /proc/1/root to-init-root; ln -s /proc/self/fd/3 to-fd-3; "                               \
  "ln -s /proc/self/fd/5 to-fd-5; mkdir -p /tmp/outside"

/* What only the helper's own environment and memory hold. */
#define SECRET "SECRET-of-the-host"

/* It did what it was asked for, or says of the file or the archive why not. */
static bool has_answer(const struct call *c) {
  const char *reason = call_reason(c);
  if (!c->json) return false;
  if (strncmp(reason, "file.", 5) == 0 || strncmp(reason, "archive.", 8) == 0) return true;
  return c->status == CAISSON_OK && c->result.outcome == CAISSON_OUTCOME_EXITED;
}

static void test_tool(const struct tool *tool) {
  int bad = 0;
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    CALL c = call_run(tool->use(paths[i]));
    bool leaks = c->text && strstr(c->text, SECRET);
    if (has_answer(c) && !leaks) continue;
    diag("%s %s: %s", tool->name, paths[i], call_describe(c));
    bad++;
  }
  is_int(bad, 0, "%s: each of %zu hostile paths has its answer, and shows nothing", tool->name,
         sizeof paths / sizeof *paths);
  CALL next = shell(box, "a", "echo exact");
  exited(next, 0, "%s: the next call works", tool->name);
  is_str(call_string(next, "stdout"), "exact\n", "%s: and its answer is its own", tool->name);
  is_int(next->result.flags, 0, "%s: in the same sandbox", tool->name);
}

/* In so many words, where a path cannot be what the tool needs. */
static void test_reasons(void) {
  static const struct {
    const char *tool, *path, *reason;
  } cases[] = {
      {"read", "fifo", CAISSON_REASON_FILE_TYPE},
      {"read", "socket", CAISSON_REASON_FILE_TYPE},
      {"read", "to-zero", CAISSON_REASON_FILE_TYPE},
      {"read", "/dev/ptmx", CAISSON_REASON_FILE_TYPE},
      {"read", "/proc/self/fd/0", CAISSON_REASON_FILE_TYPE},
      {"read", "/proc/self/mem", CAISSON_REASON_FILE_PERMISSION},
      {"read", "/proc/self/environ", CAISSON_REASON_FILE_PERMISSION},
      {"read", "to-init-environ", CAISSON_REASON_FILE_PERMISSION},
      {"read", "/proc/1/root/etc/passwd", CAISSON_REASON_FILE_PERMISSION},
      {"read", "/proc/1/fd/1", CAISSON_REASON_FILE_PERMISSION},
      {"write", "fifo", CAISSON_REASON_FILE_TYPE},
      {"write", "to-zero", CAISSON_REASON_FILE_TYPE},
      {"write", "/proc/self/fd/1", CAISSON_REASON_FILE_NOT_FOUND},
      {"write", "/proc/self/oom_score_adj", CAISSON_REASON_FILE_PERMISSION},
      {"write", "/proc/sys/kernel/core_pattern", CAISSON_REASON_FILE_PERMISSION},
      {"write", "/etc/passwd", CAISSON_REASON_FILE_PERMISSION},
      {"grep", "to-zero", CAISSON_REASON_FILE_TYPE},
      {"grep", "to-init-environ", CAISSON_REASON_FILE_PERMISSION},
      {"file.upload", "/proc/self/fd", CAISSON_REASON_FILE_NOT_FOUND},
      {"archive.get", "fifo", CAISSON_REASON_FILE_TYPE},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (size_t k = 0; k < sizeof tools / sizeof *tools; k++)
      if (strcmp(tools[k].name, cases[i].tool) == 0) {
        CALL c = call_run(tools[k].use(cases[i].path));
        if (!is_str(call_reason(c), cases[i].reason, "%s %s", cases[i].tool, cases[i].path))
          diag("%s", call_describe(c));
      }
}

/* ---- names that change ----------------------------------------------------------------------- */

#define ROUNDS 60

/* "real" is a directory with the file "f", "link" leads to another one; they change places all the
 * time. Whatever a tool finds, its call ends with an answer of its kind. */
static void test_swapped(void) {
  attack_put(box, "a", "swap");
  CALL lay = shell(box, "a",
                   "mkdir real; echo inside-inside > real/f; ln -s /tmp/outside link; "
                   "echo outside-outside > /tmp/outside/f");
  exited(lay, 0, "a directory and a link that will change places");
  CALL job = call_new_shell(box, "a", "./swap real link");
  call_run(call_arg_json(job, "background", "true"));
  int bad = 0;
  for (int i = 0; i < ROUNDS; i++) {
    const struct tool *tool = &tools[(size_t)i % (sizeof tools / sizeof *tools)];
    const char *path = strcmp(tool->name, "file.upload") == 0 ||
                               strcmp(tool->name, "archive.put") == 0 ||
                               strcmp(tool->name, "list") == 0
                           ? "real"
                           : "real/f";
    CALL c = call_run(tool->use(path));
    if (has_answer(c)) continue;
    diag("%s: %s", tool->name, call_describe(c));
    bad++;
  }
  is_int(bad, 0, "%d calls on names that change all the time have their answers", ROUNDS);
  CALL c =
      call_run(call_arg(call_new(box, "a", "shell_kill"), "job_id", call_string(job, "job_id")));
  call_ok(c, !call_is_error(c), "the exchange can be ended");
}

/* A tar of `sub/f` in `rounds` copies, to be put where `sub` is now a directory, now a link out of
 * it. */
struct tar {
  char bytes[512 * 64];
  size_t size, at;
};

static void add_entry(struct tar *t, const char *name) {
  char *head = t->bytes + t->size;
  unsigned sum = 0;
  memset(head, 0, 1024);
  snprintf(head, 100, "%s", name);
  memcpy(head + 100,
         "0000644\0"
         "0000000\0"
         "0000000\0"
         "00000000004\0"
         "00000000000\0",
         48);
  memset(head + 148, ' ', 8);
  memcpy(head + 156, "0", 1);
  memcpy(head + 257,
         "ustar\0"
         "00",
         8);
  for (int i = 0; i < 512; i++)
    sum += (unsigned char)head[i];
  snprintf(head + 148, 8, "%06o", sum);
  memcpy(head + 512, "new\n", 4);
  t->size += 1024;
}

static int64_t give_tar(void *tar, void *buffer, uint64_t capacity) {
  struct tar *t = tar;
  size_t n = t->size - t->at < capacity ? t->size - t->at : (size_t)capacity;
  memcpy(buffer, t->bytes + t->at, n);
  t->at += n;
  return (int64_t)n;
}

static void test_swapped_inside(void) {
  static struct tar tar;
  char name[32];
  for (int i = 0; i < 20; i++) {
    snprintf(name, sizeof name, "sub/f%d", i);
    add_entry(&tar, name);
  }
  tar.size += 1024; /* its end: zeros */
  CALL lay =
      shell(box, "a",
            "rm -rf /tmp/outside; mkdir -p /tmp/outside put/sub; ln -s /tmp/outside put/link");
  exited(lay, 0, "a directory that an archive goes into, and a link out of it");
  CALL job = call_new_shell(box, "a", "./swap put/sub put/link");
  call_run(call_arg_json(job, "background", "true"));
  int well = 0, refused = 0;
  for (int i = 0; i < 30; i++) {
    CALL c = call_arg(with_path("archive.put", true, "put"), "on_conflict", "replace");
    tar.at = 0;
    c->input = give_tar;
    c->input_ctx = &tar;
    call_run(c);
    if (!has_answer(c))
      diag("%s", call_describe(c));
    else if (*call_reason(c))
      refused++;
    else
      well++;
  }
  is_int(well + refused, 30, "an archive is put in (%d times) or refused (%d times)", well,
         refused);
  CALL c = shell(box, "a", "find /tmp/outside -type f | wc -l");
  is_str(call_string(c, "stdout"), "0\n", "and nothing of it goes out by the link");
  CALL ended =
      call_run(call_arg(call_new(box, "a", "shell_kill"), "job_id", call_string(job, "job_id")));
  call_ok(ended, !call_is_error(ended), "the exchange can be ended");
}

int main(void) {
  box = box_open("{\"sandbox\":{\"env\":{\"HIDDEN\":\"" SECRET "\"}}}");
  struct neighbour *neighbour = neighbour_new(box);
  CALL lay = shell(box, "a", LAY);
  exited(lay, 0, "links, a FIFO and a socket are laid");
  test_reasons();
  for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
    test_tool(&tools[i]);
  test_swapped();
  test_swapped_inside();
  neighbour_is_well(neighbour, "all that");
  neighbour_free(neighbour);
  box_close(box);
  return done_testing();
}
