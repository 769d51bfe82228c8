/* SPDX-License-Identifier: Apache-2.0 */
/* `write`: what is there afterwards, and that nothing is when it is refused. And what is known of
 * files that were seen. */
#include "files_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "util/alloc.h"
#include "wire/entry.h"

static int write_with(const char *path, const char *size, const void *bytes, size_t n) {
  char operand[4200];
  snprintf(operand, sizeof operand, "path=%s", path);
  return run_op_with("write", (const char *const[]){operand, size, NULL}, bytes, n);
}

static int write_text(const char *path, const char *text) {
  char size[40];
  snprintf(size, sizeof size, "size=%zu", strlen(text));
  return write_with(path, size, text, strlen(text));
}

static void holds(const char *name, const char *text) {
  is_str(get_file(name, NULL), text, "%s holds what it should", name);
}

static unsigned mode_of(const char *name) {
  struct stat st;
  return stat(path_of(name), &st) == 0 ? st.st_mode & 07777 : 0;
}

/* Entries that we made for a moment. */
static int leftovers(const char *dir) {
  DIR *d = opendir(path_of(dir));
  const struct dirent *entry;
  int count = 0;
  while (d && (entry = readdir(d))) count += strncmp(entry->d_name, ".caisson", 8) == 0;
  if (d) closedir(d);
  return count;
}

static void refused(const char *reason, const char *part) {
  is_int(did.code, 1, "refused");
  is_str(refusal("reason"), reason, "because of %s", reason);
  if (!ok(strstr(refusal("message"), part), "in words: %s", part)) diag("%s", refusal("message"));
}

/* ---- what is written ------------------------------------------------------------------------- */

static void test_new(void) {
  char text[200];
  is_int(write_text("new.txt", "a\nb"), 0, "a new file");
  holds("new.txt", "a\nb");
  snprintf(text, sizeof text, "Created %s (2 lines, 3 bytes)\n", path_of("new.txt"));
  is_str(did.text, text, "is announced");
  ok(!report_bool("replaced") && report_int("size") == 3 && report_int("lines") == 2,
     "and reported");
  is_int(mode_of("new.txt"), 0644, "with the usual mode");
  is_int(write_text("x/y/z.txt", "deep\n"), 0, "in directories that are not there");
  holds("x/y/z.txt", "deep\n");
  is_int(mode_of("x/y"), 0755, "which are made");
  is_int(write_text("none", ""), 0, "nothing");
  holds("none", "");
  is_int(report_int("lines"), 0, "has no lines");
  is_int(leftovers(".") + leftovers("x/y"), 0, "nothing else is left");
}

static void test_old(void) {
  put_text("old", "before\n");
  chmod(path_of("old"), 06751);
  is_int(write_text("old", "after\n"), 0, "an old file");
  holds("old", "after\n");
  ok(strncmp(did.text, "Replaced ", 9) == 0 && report_bool("replaced"), "is said to be replaced");
  is_int(mode_of("old"), 0751, "its mode stays, but for setuid and setgid");
  is_int(leftovers("."), 0, "nothing else is left");
}

static void test_links(void) {
  struct stat st;
  put_dir("real");
  put_text("real/file", "before\n");
  if (symlink("real/file", path_of("link")) < 0 || symlink("link", path_of("link2")) < 0 ||
      symlink("real/new/none", path_of("dangling")) < 0 || symlink("real", path_of("dir")) < 0 ||
      symlink("self", path_of("self")) < 0)
    BAIL_OUT("symlink");
  is_int(write_text("link2", "after\n"), 0, "through two links");
  holds("real/file", "after\n");
  ok(lstat(path_of("link2"), &st) == 0 && S_ISLNK(st.st_mode), "a link stays one");
  ok(strstr(did.text, ", which is ") && strstr(did.text, "real/file"), "and what it is is said");
  is_int(write_text("dangling", "made\n"), 0, "through a link to nothing");
  holds("real/new/none", "made\n");
  is_int(write_text("dir/in", "in\n"), 0, "in a directory behind a link");
  holds("real/in", "in\n");
  write_text("self", "x");
  refused("file.type", "circle");
}

static void test_large(void) {
  size_t n = 3 * 65536 + 17, got = 0;
  char *bytes = malloc(n);
  if (!bytes) BAIL_OUT("malloc");
  for (size_t i = 0; i < n; i++) bytes[i] = (char)(i * 7 + i / 251);
  is_int(write_with("large", "size=196625", bytes, n), 0, "all sorts of bytes");
  const char *there = get_file("large", &got);
  ok(there && got == n && memcmp(there, bytes, n) == 0, "are there as they were given");
  free(bytes);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void test_refused(void) {
  put_dir("folder");
  put_text("file", "x");
  if (mkfifo(path_of("pipe"), 0644) < 0) BAIL_OUT("mkfifo");
  write_text("folder", "x");
  refused("file.type", "a directory");
  write_text("/", "x");
  refused("file.type", "a directory");
  write_text("pipe", "x");
  refused("file.type", "a named pipe");
  write_text("/dev/null", "x");
  refused("file.type", "a character device");
  write_text("file/x", "x");
  refused("file.type", "a file, not a directory");
  write_text("file/x/y", "x");
  refused("file.type", "a file, not a directory");
  write_text("", "x");
  refused("arguments.invalid", "empty");
  write_text("/proc/x", "x");
  is_int(did.code, 1, "nothing is made in /proc");
  char name[400];
  memset(name, 'n', sizeof name);
  name[256] = '\0';
  write_text(name, "x");
  refused("arguments.invalid", "longer than 255 bytes");
  name[255] = '\0';
  is_int(write_text(name, "x"), 0, "a name of 255 bytes is taken");
  holds("file", "x");
}

static void test_short_input(void) {
  put_text("whole", "before\n");
  write_with("whole", "size=100", "after\n", 6);
  refused("input.incomplete", "6 of 100 bytes");
  holds("whole", "before\n");
  write_with("part", "size=100", "after\n", 6);
  ok(access(path_of("part"), F_OK) < 0, "half a file is none");
  is_int(leftovers("."), 0, "and nothing else is left");
}

/* A file system of 1 MiB; where we may not mount one the sandbox's test has it all the same. */
static void test_full(void) {
  put_dir("small");
  if (mount("none", path_of("small"), "tmpfs", 0, "size=1m") < 0) {
    ok(errno == EPERM || errno == EACCES, "no file system of our own: %s", strerror(errno));
    return;
  }
  size_t n = 2 << 20;
  char *bytes = calloc(1, n);
  put_text("small/kept", "before\n");
  write_with("small/kept", "size=2097152", bytes, n);
  refused("disk.full", "1048576 bytes in all");
  holds("small/kept", "before\n");
  write_with("small/new", "size=2097152", bytes, n);
  refused("disk.full", "No file was made");
  ok(access(path_of("small/new"), F_OK) < 0, "a new file is not begun");
  is_int(leftovers("small"), 0, "nothing else is left");
  is_int(write_text("small/kept", "after\n"), 0, "what fits is written");
  free(bytes);
  umount(path_of("small"));
}

/* ---- somebody else --------------------------------------------------------------------------- */

static void change_raced(void) {
  put_text("raced", "by somebody else\n");
}

static void remove_raced(void) {
  unlink(path_of("raced"));
}

/* Writes "raced" and lets `change` happen in the middle: once more than a pipe holds has been
 * taken, the operation has looked at what is there. The reason of its refusal, or "". */
static const char *write_while(void (*change)(void)) {
  static char piece[1 << 18];
  const char *const operands[] = {"path=raced", NULL};
  int ends[2], report = memfd_create("report", MFD_CLOEXEC), status;
  size_t size;
  if (pipe2(ends, O_CLOEXEC) < 0 || report < 0) BAIL_OUT("pipe");
  pid_t pid = fork();
  if (pid == 0) {
    close(ends[1]);
    _exit(csn_op_run("write", files_dir, operands, (const int[3]){ends[0], report, report}));
  }
  close(ends[0]);
  memset(piece, 'x', sizeof piece);
  for (size_t at = 0; at < sizeof piece;) {
    ssize_t n = write(ends[1], piece + at, sizeof piece - at);
    if (n < 0) BAIL_OUT("nobody reads");
    at += (size_t)n;
  }
  change();
  close(ends[1]);
  waitpid(pid, &status, 0);
  char *text = files_take(report, &size);
  int is_changed = strstr(text, "\"file.changed\"") != NULL;
  free(text);
  close(report);
  return is_changed ? "file.changed" : "";
}

static void test_raced(void) {
  put_text("raced", "before\n");
  is_str(write_while(change_raced), "file.changed", "changed while it is written");
  holds("raced", "by somebody else\n");
  is_str(write_while(remove_raced), "file.changed", "removed while it is written");
  ok(access(path_of("raced"), F_OK) < 0, "it is not brought back");
  is_str(write_while(change_raced), "file.changed", "made while it is written");
  holds("raced", "by somebody else\n");
  is_int(leftovers("."), 0, "nothing else is left");
}

/* ---- file systems without nameless files ----------------------------------------------------- */

/* From here on this process gets no such file, as under gVisor and on some file systems. */
static int forbid_nameless(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_TMPFILE & ~O_DIRECTORY, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {sizeof code / sizeof *code, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -1;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int upload_text(const char *text) {
  uint8_t stream[CSN_ENTRY_HEAD_MAX + 100];
  size_t n = strlen(text);
  const struct csn_entry head = {.type = CSN_ENTRY_FILE, .size = n, .path = "up", .target = ""};
  size_t at = csn_entry_put_head(&head, stream);
  at += csn_entry_put_data((uint32_t)n, stream + at);
  memcpy(stream + at, text, n);
  at += n;
  at += csn_entry_put_end(stream + at);
  return run_op_with("upload",
                     (const char *const[]){"path=named", "name=up", "on_conflict=replace", NULL},
                     stream, at);
}

/* As bits: which of these did not hold. */
static int write_named(void) {
  int wrong = 0;
  put_dir("named");
  put_text("named/.caisson-put-0000000000000000", "of a writer that was killed");
  if (forbid_nameless() < 0) return 1;
  if (openat(AT_FDCWD, files_dir, O_TMPFILE | O_WRONLY, 0600) >= 0) return 1;
  wrong |= write_text("named/new", "1\n") != 0 ? 2 : 0;
  wrong |= write_text("named/new", "22\n") != 0 || report_int("size") != 3 ? 4 : 0;
  wrong |= write_with("named/new", "size=9", "333\n", 4) != 1 ? 8 : 0;
  wrong |= write_with("named/none", "size=9", "333\n", 4) != 1 ? 16 : 0;
  wrong |= upload_text("1\n") != 0 || upload_text("22\n") != 0 ? 32 : 0;
  return wrong;
}

static void test_named(void) {
  int status = -1;
  pid_t pid = fork();
  if (pid == 0) _exit(write_named());
  waitpid(pid, &status, 0);
  is_int(status, 0, "without nameless files all works by temporary names");
  holds("named/new", "22\n");
  holds("named/up", "22\n");
  ok(access(path_of("named/none"), F_OK) < 0, "what was cut short is not there");
  is_int(leftovers("named"), 0, "and no temporary one is left");
}

/* ---- what was seen --------------------------------------------------------------------------- */

static void put_later(const char *name, const char *text) {
  const struct timespec times[2] = {{0, UTIME_OMIT}, {2000000000, 5}};
  put_text(name, text);
  utimensat(AT_FDCWD, path_of(name), times, 0);
}

static void test_seen(void) {
  put_text("seen", "1\n");
  is_int(write_text("seen", "2\n"), 0, "a file that was never read can be written");
  is_int(write_text("seen", "3\n"), 0, "and again");
  put_later("seen", "x\n");
  write_text("seen", "4\n");
  refused("file.changed", "changed since it was last read");
  holds("seen", "x\n");
  run_op("read", "path=seen", "limit=1");
  is_int(write_text("seen", "5\n"), 0, "once read it can be written");
  if (symlink("seen", path_of("alias")) < 0) BAIL_OUT("symlink");
  put_later("seen", "y\n");
  write_text("alias", "6\n");
  refused("file.changed", "alias");
  run_op("read", "path=alias");
  is_int(write_text("seen", "7\n"), 0, "whatever name it was read by");
  unlink(path_of("seen"));
  is_int(write_text("seen", "8\n"), 0, "one that is gone can be made again");
}

static void test_seen_without_a_place(void) {
  put_text("plain", "x");
  csn_seen_home = "/proc/nowhere";
  is_int(run_op("read", "path=plain"), 0, "without a place for what was seen all works");
  put_later("plain", "y");
  is_int(write_text("plain", "z"), 0, "as if nothing had been");
  csn_seen_home = files_state;
}

static int count_seen(const char *dir) {
  int count = 0;
  DIR *d = opendir(dir);
  while (d && readdir(d)) count++;
  if (d) closedir(d);
  return count;
}

static void test_seen_is_bounded(void) {
  char dir[120];
  struct stat st = {.st_size = 1};
  snprintf(dir, sizeof dir, "%s/seen", files_state);
  int most = 0;
  for (int i = 0; i < 6000; i++) {
    char path[40];
    snprintf(path, sizeof path, "/file-%d", i);
    csn_seen_note(path, &st);
    if (i % 500 == 0 && count_seen(dir) > most) most = count_seen(dir);
  }
  ok(most > 3000 && count_seen(dir) < 4096, "old ones are forgotten: %d", count_seen(dir));
}

static void test_seen_meddled(void) {
  put_text("meddled", "x");
  run_op("read", "path=meddled");
  char command[400];
  snprintf(command, sizeof command, "rm -rf %s/seen && ln -s / %s/seen", files_state, files_state);
  is_int(system(command), 0, "a link in place of what was seen");
  is_int(write_text("meddled", "y"), 0, "is not followed");
  snprintf(command, sizeof command, "rm -f %s/seen && mkfifo %s/seen", files_state, files_state);
  is_int(system(command), 0, "a pipe in its place");
  is_int(write_text("meddled", "z"), 0, "is not waited for");
  snprintf(command, sizeof command, "rm -f %s/seen", files_state);
  is_int(system(command), 0, "gone");
}

static void test_no_memory(void) {
  for (long n = 1; n < 12; n++) {
    csn_alloc_fail_after(n);
    write_text("memory", "all of it\n");
    csn_alloc_fail_after(0);
    const char *there = get_file("memory", NULL);
    ok(!there || strcmp(there, "all of it\n") == 0, "whole or not at all without memory, %ld", n);
  }
}

int main(void) {
  files_begin();
  umask(022);
  test_new();
  test_old();
  test_links();
  test_large();
  test_refused();
  test_short_input();
  test_full();
  test_raced();
  test_named();
  test_seen();
  test_seen_without_a_place();
  test_seen_is_bounded();
  test_seen_meddled();
  test_no_memory();
  files_end();
  return done_testing();
}
