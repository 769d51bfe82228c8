/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks from inside: the programs of tests/security/inside, run in a sandbox as a model's code
 * would run them, one assertion for each line of theirs; and a neighbour that must not notice any
 * of it. */
#ifndef SECURITY_ATTACK_H
#define SECURITY_ATTACK_H

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/host.h"
#include "tap.h"

/* ---- programs -------------------------------------------------------------------------------- */

static inline int64_t read_program(void *file, void *buffer, uint64_t capacity) {
  size_t n = fread(buffer, 1, capacity, file);
  return n == 0 && ferror((FILE *)file) ? -1 : (int64_t)n;
}

/* Uploads a program ($CAISSON_ATTACKS/NAME) into a session, as /workspace/NAME. */
static inline void attack_put(struct box *box, const char *session, const char *program) {
  char path[512], command[256];
  snprintf(path, sizeof path, "%s/%s", host_env("CAISSON_ATTACKS"), program);
  FILE *file = fopen(path, "re");
  if (!file) BAIL_OUT("%s is not there", path);
  CALL upload = call_new(box, session, "file.upload");
  upload->flags = CAISSON_REQUEST_HOST;
  upload->input = read_program;
  upload->input_ctx = file;
  call_run(call_arg(upload, "name", program));
  fclose(file);
  snprintf(command, sizeof command, "mv -f '%s' %s && chmod 755 %s", call_string(upload, "path"),
           program, program);
  CALL c = shell(box, session, command);
  if (c->status || c->result.exit_code)
    BAIL_OUT("upload %s: %s %s", program, call_describe(upload), call_describe(c));
}

/* Asserts what a program said, which a member of its call's result holds: every line, that there
 * are some, and that it came to its end. */
static inline void attack_judge(struct call *c, const char *member, const char *title) {
  char *all = strdup(call_string(c, member)), *rest = all, *line;
  int lines = 0;
  bool is_done = false;
  while ((line = strsep(&rest, "\n"))) {
    bool is_contained = strncmp(line, "ok - ", 5) == 0;
    is_done = strcmp(line, "done") == 0;
    if (is_done) break;
    if (!is_contained && strncmp(line, "not ok - ", 9) != 0) continue;
    ok(is_contained, "%s: %s", title, line + (is_contained ? 5 : 9));
    lines++;
  }
  free(all);
  call_ok(c, is_done && lines > 0, "%s: %d attempts, each with its answer", title, lines);
}

/* Runs it by the tool shell, with these arguments behind it. */
static inline void attack_run(struct box *box, const char *session, const char *program,
                              const char *arguments) {
  char command[256];
  snprintf(command, sizeof command, "./%s %s", program, arguments);
  CALL c = call_new_shell(box, session, command);
  c->output_limit = 1 << 20;
  call_run(c);
  exited(c, 0, "%s ends by itself", program);
  attack_judge(c, "stdout", program);
}

/* Both. */
static inline void attack(struct box *box, const char *session, const char *program,
                          const char *arguments) {
  attack_put(box, session, program);
  attack_run(box, session, program, arguments);
}

/* ---- the neighbour --------------------------------------------------------------------------- */

#define NEIGHBOUR "neighbour"

struct neighbour {
  struct box *box;
  char *container;
  char job[32];
};

static inline char *container_id(struct box *box) {
  CALL c = operation(box, "session.inspect", NEIGHBOUR, NULL);
  return strdup(call_string(c, "container_id"));
}

/* Another session of the box, with a file and a job that runs. */
static inline struct neighbour *neighbour_new(struct box *box) {
  struct neighbour *n = calloc(1, sizeof *n);
  if (!n) BAIL_OUT("out of memory");
  n->box = box;
  CALL c = call_new_shell(box, NEIGHBOUR, "echo mine > file; exec sleep 9999");
  call_run(call_arg_json(c, "background", "true"));
  snprintf(n->job, sizeof n->job, "%s", call_string(c, "job_id"));
  n->container = container_id(box);
  if (!*n->job || !*n->container) BAIL_OUT("no neighbour: %s", call_describe(c));
  return n;
}

/* Is it the same container, with its file, its job still running, and answering? */
static inline void neighbour_is_well(struct neighbour *n, const char *after) {
  CALL c = shell(n->box, NEIGHBOUR, "cat file");
  exited(c, 0, "after %s: the neighbour answers", after);
  is_str(call_string(c, "stdout"), "mine\n", "after %s: with its file", after);
  CALL job = call_run(call_arg(call_new(n->box, NEIGHBOUR, "shell_output"), "job_id", n->job));
  call_ok(job, strcmp(call_string(job, "status"), "running") == 0, "after %s: its job runs", after);
  char *container = container_id(n->box);
  is_str(container, n->container, "after %s: in the same container", after);
  free(container);
}

static inline void neighbour_free(struct neighbour *n) {
  free(n->container);
  free(n);
}

/* ---- what is left ---------------------------------------------------------------------------- */

/* The uid of a session's sandbox. */
static inline unsigned attack_uid(struct box *box, const char *session) {
  CALL c = shell(box, session, "id -u");
  return (unsigned)strtoul(call_string(c, "stdout"), NULL, 10);
}

/* Is no process of that uid there? A zombie has no owner's files any more, but still its own. */
static inline bool is_empty(void *uid) {
  DIR *proc = opendir("/proc");
  const struct dirent *entry;
  bool found = false;
  while (proc && !found && (entry = readdir(proc))) {
    char path[300];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%s/task", entry->d_name);
    if (isdigit((unsigned char)entry->d_name[0]) && stat(path, &st) == 0)
      found = st.st_uid == *(unsigned *)uid;
  }
  if (proc) closedir(proc);
  return proc && !found;
}

/* No process of a sandbox's user is left on this machine, waiting for the last to go: to be asked
 * when the session was removed. */
static inline void attack_leaves_nothing(const char *title, unsigned uid) {
  ok(uid != 0 && host_wait(is_empty, &uid, 20000), "%s: no process of uid %u is left", title, uid);
}

#endif
