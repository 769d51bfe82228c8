/* SPDX-License-Identifier: Apache-2.0 */
/* Where what is not whole yet lies, and how a finished tree gets from there to its place. */
#include "files_fixture.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "guest/files/staging.h"
#include "guest/files/tree.h"

static struct csn_op op;

static int open_dir(const char *name) {
  int fd = open(path_of(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) BAIL_OUT("cannot open %s: %s", name, strerror(errno));
  return fd;
}

static int with_both(int (*act)(int from, int to)) {
  int from = open_dir("from"), to = open_dir("to");
  memset(&op, 0, sizeof op);
  int rc = act(from, to);
  close(from);
  close(to);
  return rc;
}

static int check(int from, int to) {
  return csn_tree_check(&op, from, to, false);
}

static int move(int from, int to) {
  return csn_tree_move(&op, from, to);
}

static void says(const char *part) {
  if (!ok(strstr(op.message, part), "says: %s", part)) diag("%s", op.message);
}

static bool is_there(const char *name) {
  return access(path_of(name), F_OK) == 0;
}

/* ---- trees ----------------------------------------------------------------------------------- */

static void put_trees(void) {
  put_dir("from");
  put_dir("from/shared");
  put_text("from/shared/file", "new\n");
  put_text("from/top", "top\n");
  put_dir("to");
  put_dir("to/shared");
}

static void remove_trees(void) {
  if (csn_tree_remove(AT_FDCWD, path_of("from")) < 0 ||
      csn_tree_remove(AT_FDCWD, path_of("to")) < 0)
    BAIL_OUT("cannot remove the trees");
}

static void test_merged(void) {
  put_trees();
  put_text("to/shared/file", "old\n");
  put_text("to/shared/kept", "kept\n");
  is_int(with_both(check), 0, "directories on both sides");
  is_int(with_both(move), 0, "are merged");
  is_str(get_file("to/shared/file", NULL), "new\n", "a file is replaced");
  is_str(get_file("to/shared/kept", NULL), "kept\n", "others stay");
  ok(is_there("to/top"), "what was not there is");
  remove_trees();
}

/* Another mount of the same file system, and so of the same device. */
static void test_mount(void) {
  put_trees();
  put_dir("elsewhere");
  if (mount(path_of("elsewhere"), path_of("to/shared"), NULL, MS_BIND, NULL) < 0) {
    ok(errno == EPERM || errno == EACCES, "no mount of our own: %s", strerror(errno));
  } else {
    is_int(with_both(check), -1, "a mount in the way is found before anything is moved");
    says("cannot unpack file: the directory that it belongs in is on another mount");
    unlink(path_of("from/shared/file"));
    is_int(with_both(check), 0, "but if nothing is to go there it does no harm");
    umount(path_of("to/shared"));
  }
  remove_trees();
}

/* As a user whom permissions bind. As bits: which of these did not hold. */
static int move_as_user(void) {
  int wrong = 0;
  if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0) return 1;
  chmod(path_of("to/shared"), 0555);
  wrong |= with_both(check) != -1 || strcmp(op.reason, CSN_OP_PERMISSION) != 0 ? 2 : 0;
  wrong |= !strstr(op.message, "nothing was unpacked") ? 4 : 0;
  unlink(path_of("from/top"));
  wrong |= with_both(move) != -1 || !strstr(op.message, "nothing was unpacked") ? 8 : 0;
  put_text("from/top", "top\n");
  wrong |= with_both(move) != -1 ? 16 : 0;
  bool is_part = is_there("to/top");   /* found before the other, or not */
  wrong |= (strstr(op.message, "a part of the archive was unpacked") != NULL) != is_part ? 32 : 0;
  chmod(path_of("to/shared"), 0755);
  return wrong;
}

static void test_permission(void) {
  static const char *const all[] = {"", "from", "from/shared", "from/shared/file", "from/top", "to",
                                    "to/shared"};
  int status = -1;
  put_trees();
  for (size_t i = 0; geteuid() == 0 && i < sizeof all / sizeof *all; i++)
    if (chown(path_of(all[i]), 65534, 65534) < 0) BAIL_OUT("chown");
  pid_t pid = fork();
  if (pid == 0) _exit(move_as_user());
  waitpid(pid, &status, 0);
  is_int(status, 0, "a directory that may not be written is found before anything is moved");
  remove_trees();
}

/* ---- places for what is not whole ------------------------------------------------------------ */

static void test_staging_file(void) {
  char name[CSN_STAGING_SIZE];
  put_dir("staging");
  put_text("staging/" CSN_STAGING_PREFIX "0000000000000000", "of one that was killed");
  put_text("staging/other", "");
  int dir = open_dir("staging");
  int fd = csn_staging_make_file(dir, name, 0600);
  ok(fd >= 0 && csn_staging_is_name(name), "a file with a name of ours");
  csn_staging_clean_in(dir);
  ok(faccessat(dir, name, F_OK, 0) == 0, "stays while its maker lives");
  ok(!is_there("staging/" CSN_STAGING_PREFIX "0000000000000000"), "a dead one's goes");
  close(fd);
  csn_staging_clean_in(dir);
  ok(faccessat(dir, name, F_OK, 0) < 0, "and this one behind its maker");
  ok(is_there("staging/other"), "nothing else does");
  close(dir);
}

int main(void) {
  files_begin();
  umask(022);
  test_merged();
  test_mount();
  test_permission();
  test_staging_file();
  files_end();
  return done_testing();
}
