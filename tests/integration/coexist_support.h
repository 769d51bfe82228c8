/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of a plugin and its host in one process share: children, and an engine behind TLS. */
#ifndef COEXIST_SUPPORT_H
#define COEXIST_SUPPORT_H

#include "support/host.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The exit status, or minus the signal. */
TAP_UNUSED static int status_of(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TAP_UNUSED static void pause_a_moment(void) {
  (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

TAP_UNUSED static const char *engine_socket(void) {
  const char *host = getenv("DOCKER_HOST");
  return host && strncmp(host, "unix://", 7) == 0 ? host + 7 : "/var/run/docker.sock";
}

/* ---- the engine behind TLS ------------------------------------------------------------------- */

/* Under valgrind a handshake takes most of the 2 s that create() gives an engine. */
TAP_UNUSED static bool has_tls(void) {
  return !getenv("CAISSON_SLOW");
}

struct front {
  pid_t pid;
  char port[16];
  char settings[160]; /* for box_open() */
};

TAP_UNUSED static void become_front(int out) {
  char script[1024];
  snprintf(script, sizeof script, "%s", host_env("CAISSON_FAKE_ENGINE"));
  char *slash = strrchr(script, '/');
  if (slash) snprintf(slash, sizeof script - (size_t)(slash - script), "/tls_front.py");
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(out, 1);
  execlp("python3", "python3", script, engine_socket(), (char *)NULL);
  _exit(127);
}

/* From the main thread only: it dies with it. */
TAP_UNUSED static struct front front_start(void) {
  struct front f = {.port = ""};
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) BAIL_OUT("no pipe");
  (void)fflush(stdout);
  f.pid = fork();
  if (f.pid == 0) become_front(ends[1]);
  close(ends[1]);
  for (size_t n = 0; !strchr(f.port, '\n'); n = strlen(f.port))
    if (f.pid < 0 || read(ends[0], f.port + n, sizeof f.port - 1 - n) <= 0)
      BAIL_OUT("no TLS in front of the engine");
  close(ends[0]);
  f.port[strcspn(f.port, "\n")] = '\0';
  snprintf(f.settings, sizeof f.settings,
           "{\"engine\":{\"endpoint\":\"tcp://127.0.0.1:%s\",\"tls\":{\"verify\":false}}}",
           f.port);
  return f;
}

TAP_UNUSED static void front_stop(const struct front *f) {
  kill(f->pid, SIGKILL);
  status_of(f->pid);
}

#endif
