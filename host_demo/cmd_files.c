/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_files.c: `put` and `get`: files and folders between this machine and a session. A folder is
 * packed by the machine's own tar on its way in. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "json.h"
#include "report.h"
#include "ui.h"

extern char **environ;

#define SHOW_EVERY_NS 200000000
#define NS_PER_S 1000000000LL

/* ---- progress -------------------------------------------------------------------------------- */

struct progress {
  const char *what;
  uint64_t bytes, total; /* total 0: not known */
  int64_t begun, shown;
};

static int64_t now_ns(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void on_moved(void *ctx, uint64_t n) {
  struct progress *progress = ctx;
  char line[120];
  int64_t now = now_ns();
  progress->bytes += n;
  if (now - progress->shown < SHOW_EVERY_NS || !isatty(STDERR_FILENO))
    return;
  progress->shown = now;
  double seconds = (double)(now - progress->begun) / (double)NS_PER_S;
  int size = snprintf(line, sizeof line, "%s %.1f MB, %.1f MB/s", progress->what,
                      (double)progress->bytes / 1e6, (double)progress->bytes / 1e6 / seconds);
  int32_t permille = progress->total && progress->bytes <= progress->total
                         ? (int32_t)((double)progress->bytes * 1000.0 / (double)progress->total)
                         : -1;
  csn_ui_progress(false, permille, line, (uint64_t)size);
}

/* ---- one operation --------------------------------------------------------------------------- */

struct transfer {
  const struct csn_options *options;
  const char *operation;
  cJSON *args; /* taken */
  int input, output; /* -1: none */
  uint64_t total;
};

static int run_transfer(const struct transfer *transfer) {
  const struct csn_options *options = transfer->options;
  struct csn_host host;
  struct csn_reply reply;
  struct progress progress = {.what = transfer->output >= 0 ? "fetched" : "sent",
                              .total = transfer->total,
                              .begun = now_ns()};
  char *args = csn_must(cJSON_PrintUnformatted(transfer->args));
  cJSON_Delete(transfer->args);
  int code = csn_host_start(&host, options, false);
  if (!code) {
    struct csn_call call = {
        .name = transfer->operation,
        .args = args,
        .session = options->session,
        .timeout_ms = options->timeout_ms,
        .input = transfer->input,
        .operation = true,
        .live = transfer->output >= 0,
        .output = transfer->output >= 0 ? transfer->output : STDOUT_FILENO,
        .has_output = transfer->output >= 0,
        .moved = on_moved,
        .moved_ctx = &progress,
    };
    csn_host_call(&host, &call, &reply);
    reply.streamed = 0; /* what streamed is a file, and not the result's text */
    if (transfer->output == STDOUT_FILENO && csn_report_good(&reply))
      code = 0;
    else
      code = csn_report_call(&reply, options->json, options->verbose);
    csn_reply_free(&reply);
    csn_host_stop(&host);
  }
  free(args);
  return code;
}

static void add(cJSON *args, const char *name, const char *value) {
  (void)csn_must(cJSON_AddStringToObject(args, name, value));
}

/* The last component of a path of this machine, malloc'd; "." and the like by their real name. */
static char *name_of(const char *path) {
  char real[PATH_MAX];
  char *copy = csn_must(strdup(realpath(path, real) && *path ? real : path));
  const char *slash = strrchr(copy, '/');
  char *name = csn_must(strdup(slash && slash[1] ? slash + 1 : copy));
  free(copy);
  return name;
}

/* ---- put ------------------------------------------------------------------------------------- */

static int put_file(const struct csn_options *options, const char *name, const char *dest, int fd) {
  struct stat st;
  bool sized = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
  cJSON *args = csn_must(cJSON_CreateObject());
  add(args, "name", name);
  if (dest)
    add(args, "path", dest);
  if (options->given & CSN_OPT_FORCE)
    add(args, "on_conflict", "replace");
  if (sized)
    (void)csn_must(cJSON_AddNumberToObject(args, "size", (double)st.st_size));
  const struct transfer transfer = {options, "file.upload", args, fd, -1,
                                    sized ? (uint64_t)st.st_size : 0};
  return run_transfer(&transfer);
}

static int put_archive(const struct csn_options *options, const char *dest, int fd) {
  struct stat st;
  cJSON *args = csn_must(cJSON_CreateObject());
  if (dest)
    add(args, "path", dest);
  if (!(options->given & CSN_OPT_FORCE))
    add(args, "on_conflict", "error");
  bool sized = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
  const struct transfer transfer = {options, "archive.put", args, fd, -1,
                                    sized ? (uint64_t)st.st_size : 0};
  return run_transfer(&transfer);
}

/* tar -c of the folder, as it is called, into a pipe whose read end is *fd. */
static int start_tar(const char *path, pid_t *pid, int *fd) {
  char *name = name_of(path), real[PATH_MAX];
  char *parent = csn_must(strdup(realpath(path, real) ? real : path));
  char *const argv[] = {"tar", "-c", "-f", "-", "-C", dirname(parent), "--", name, NULL};
  posix_spawn_file_actions_t actions;
  int ends[2], failed = pipe2(ends, O_CLOEXEC) < 0 ? errno : 0;
  if (!failed) {
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    failed = posix_spawnp(pid, "tar", &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    *fd = ends[0];
    if (failed)
      (void)close(ends[0]);
  }
  free(parent);
  free(name);
  return failed;
}

static int put_folder(const struct csn_options *options, const char *path, const char *dest) {
  pid_t pid;
  int fd, status = 0, failed = start_tar(path, &pid, &fd);
  if (failed) {
    csn_ui_say("tar cannot be started: %s", strerror(failed));
    return CSN_EXIT_FAILED;
  }
  int code = put_archive(options, dest, fd);
  (void)close(fd); /* a tar that is not done ends by that */
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
    continue;
  if (code == 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
    csn_ui_say("tar could not read all of %s: what it could is there", path);
    code = CSN_EXIT_FAILED;
  }
  return code;
}

/* `put - DEST`: the last component is the file's name. */
static int put_stdin(const struct csn_options *options, const char *dest) {
  if (options->given & CSN_OPT_EXTRACT)
    return put_archive(options, dest, STDIN_FILENO);
  const char *slash = dest ? strrchr(dest, '/') : NULL;
  const char *name = slash ? slash + 1 : dest;
  if (!dest || !*name)
    return csn_ui_usage("put -: name the file that it is to become, as in `put - data/a.csv`");
  char *dir = csn_must(slash ? strndup(dest, (size_t)(slash - dest)) : strdup("."));
  int code = put_file(options, name, slash && slash == dest ? "/" : dir, STDIN_FILENO);
  free(dir);
  return code;
}

int csn_cmd_put(const struct csn_options *options) {
  const char *path = options->args[0];
  const char *dest = options->arg_count > 1 ? options->args[1] : NULL;
  struct stat st;
  if (strcmp(path, "-") == 0)
    return put_stdin(options, dest);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st) < 0)
    return csn_ui_usage("%s: %s", path, strerror(errno));
  int code;
  if (S_ISDIR(st.st_mode)) {
    code = put_folder(options, path, dest);
  } else if (options->given & CSN_OPT_EXTRACT) {
    code = put_archive(options, dest, fd);
  } else {
    char *name = name_of(path);
    code = put_file(options, name, dest, fd);
    free(name);
  }
  (void)close(fd);
  return code;
}

/* ---- get ------------------------------------------------------------------------------------- */

static const char *format_of(const char *local) {
  static const struct {
    const char *suffix, *format;
  } suffixes[] = {{".tar.gz", "tar.gz"}, {".tgz", "tar.gz"}, {".tar", "tar"}, {".zip", "zip"}};
  size_t n = strlen(local);
  for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
    size_t s = strlen(suffixes[i].suffix);
    if (n > s && strcmp(local + n - s, suffixes[i].suffix) == 0)
      return suffixes[i].format;
  }
  return NULL;
}

static int fetch(const struct csn_options *options, const char *format, int fd) {
  cJSON *args = csn_must(cJSON_CreateObject());
  add(args, "path", options->args[0]);
  add(args, "format", format);
  const struct transfer transfer = {options, "archive.get", args, -1, fd, 0};
  return run_transfer(&transfer);
}

/* A link never replaces anything either, where a file system knows links but not that flag. */
static int rename_new(const char *temporary, const char *local) {
  int rc = renameat2(AT_FDCWD, temporary, AT_FDCWD, local, RENAME_NOREPLACE);
  return rc < 0 && (errno == EINVAL || errno == ENOSYS) ? link(temporary, local) : rc;
}

/* Its own name only when all of it is there. */
static int keep(const char *temporary, const char *local, bool force) {
  if ((force ? rename(temporary, local) : rename_new(temporary, local)) == 0)
    return 0;
  csn_ui_say("%s: %s", local, strerror(errno));
  return CSN_EXIT_FAILED;
}

static int get_to_file(const struct csn_options *options, const char *local, const char *format) {
  bool force = options->given & CSN_OPT_FORCE;
  if (!force && access(local, F_OK) == 0)
    return csn_ui_usage("%s exists already (--force replaces it)", local);
  char *temporary = csn_must(malloc(strlen(local) + sizeof ".part-XXXXXX"));
  (void)sprintf(temporary, "%s.part-XXXXXX", local);
  int code = CSN_EXIT_FAILED, fd = mkostemp(temporary, O_CLOEXEC);
  if (fd < 0) {
    csn_ui_say("%s: %s", local, strerror(errno));
  } else {
    code = fetch(options, format, fd);
    mode_t mask = umask(0);
    (void)umask(mask);
    if (code == 0 && (fchmod(fd, 0666 & ~mask) < 0 || fsync(fd) < 0))
      code = CSN_EXIT_FAILED;
    (void)close(fd);
    if (code == 0)
      code = keep(temporary, local, force);
    (void)unlink(temporary);
  }
  free(temporary);
  return code;
}

/* "results" of "/workspace/results/" becomes "results.tar.gz". */
static char *default_local(const char *path) {
  size_t n = strlen(path);
  while (n > 0 && path[n - 1] == '/')
    n--;
  size_t start = n;
  while (start > 0 && path[start - 1] != '/')
    start--;
  const char *name = path + start;
  size_t size = n - start;
  if (size == 0 || (size <= 2 && strncmp(name, "..", size) == 0)) {
    name = "workspace";
    size = strlen(name);
  }
  char *local = csn_must(malloc(size + sizeof ".tar.gz"));
  (void)sprintf(local, "%.*s.tar.gz", (int)size, name);
  return local;
}

int csn_cmd_get(const struct csn_options *options) {
  const char *given = options->arg_count > 1 ? options->args[1] : NULL;
  if (given && strcmp(given, "-") == 0) {
    if (isatty(STDOUT_FILENO))
      return csn_ui_usage("an archive is nothing for a terminal: send it to a file or a program");
    return fetch(options, "tar.gz", STDOUT_FILENO);
  }
  char *local = given ? csn_must(strdup(given)) : default_local(options->args[0]);
  const char *format = format_of(local);
  int code = format ? get_to_file(options, local, format)
                    : csn_ui_usage("%s: a name that ends with .tar, .tar.gz, .tgz or .zip says "
                                   "which kind of archive",
                                   local);
  free(local);
  return code;
}
