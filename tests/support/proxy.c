/* The proxy of engine.h: a process of its own, with its socket, scenario and log in one folder. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/engine.h"
#include "tap.h"

static const char *const files[] = {"socket", "scenario", "log"};

static const char *path_of(const struct proxy *p, const char *file, char out[96]) {
  snprintf(out, 96, "%s/%s", p->dir, file);
  return out;
}

/* Those that run, so that a test that bails out leaves no folder behind. */
static struct proxy *running[16];

static void stop_all(void) {
  for (size_t i = 0; i < sizeof running / sizeof *running; i++)
    if (running[i]) proxy_stop(running[i]);
}

static void remember(struct proxy *p) {
  static bool is_registered;
  size_t i = 0;
  while (i < sizeof running / sizeof *running && running[i]) i++;
  if (i == sizeof running / sizeof *running) BAIL_OUT("too many proxies");
  running[i] = p;
  if (!is_registered) atexit(stop_all);
  is_registered = true;
}

static void forget(const struct proxy *p) {
  for (size_t i = 0; i < sizeof running / sizeof *running; i++)
    if (running[i] == p) running[i] = NULL;
}

static void write_scenario(const struct proxy *p, const char *scenario) {
  char path[96];
  FILE *f = fopen(path_of(p, "scenario", path), "we");
  if (!f || fputs(scenario, f) < 0 || fclose(f) != 0) BAIL_OUT("cannot write %s", path);
}

static void become_proxy(const struct proxy *p, bool alone) {
  char socket[96], scenario[96], log[96];
  const char *host = getenv("DOCKER_HOST");
  const char *upstream = host && strncmp(host, "unix://", 7) == 0 ? host + 7 : "/var/run/docker.sock";
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  execlp("python3", "python3", host_env("CAISSON_FAKE_ENGINE"), "--socket",
         path_of(p, "socket", socket), "--scenario", path_of(p, "scenario", scenario), "--log",
         path_of(p, "log", log), alone ? NULL : "--upstream", upstream, NULL);
  _exit(127);
}

static struct proxy *start(const char *scenario, bool alone) {
  struct proxy *p = calloc(1, sizeof *p);
  int ends[2];
  char ready[64] = "", socket[96];
  if (!p || pipe2(ends, O_CLOEXEC) != 0) BAIL_OUT("no pipe");
  snprintf(p->dir, sizeof p->dir, "/tmp/caisson-proxy-XXXXXX");
  if (!mkdtemp(p->dir)) BAIL_OUT("no folder in /tmp");
  remember(p);
  write_scenario(p, scenario);
  (void)fflush(stdout);
  p->pid = fork();
  if (p->pid < 0) BAIL_OUT("no process");
  if (p->pid == 0) {
    dup2(ends[1], 1);
    become_proxy(p, alone);
  }
  close(ends[1]);
  for (size_t n = 0; !strchr(ready, '\n'); n = strlen(ready))
    if (read(ends[0], ready + n, sizeof ready - 1 - n) <= 0)
      BAIL_OUT("the proxy does not start: %s", scenario);
  close(ends[0]);
  snprintf(p->endpoint, sizeof p->endpoint, "unix://%s", path_of(p, "socket", socket));
  snprintf(p->settings, sizeof p->settings, "{\"engine\":{\"endpoint\":\"%s\"}}", p->endpoint);
  return p;
}

struct proxy *proxy_start(const char *scenario) {
  return start(scenario, false);
}

struct proxy *proxy_start_alone(const char *scenario) {
  return start(scenario, true);
}

void proxy_freeze(struct proxy *p) {
  kill(p->pid, SIGUSR1);
}

static bool is_of(const cJSON *entry, const char *method, const char *text) {
  const char *m = cJSON_GetStringValue(cJSON_GetObjectItem(entry, "method"));
  const char *target = cJSON_GetStringValue(cJSON_GetObjectItem(entry, "target"));
  if (!method) return cJSON_IsNumber(cJSON_GetObjectItem(entry, "rule"));
  return m && target && strcmp(m, method) == 0 && strstr(target, text);
}

int proxy_count(const struct proxy *p, const char *method, const char *text) {
  char path[96], line[65536];
  int n = 0;
  FILE *f = fopen(path_of(p, "log", path), "re");
  while (f && fgets(line, sizeof line, f)) {
    cJSON *entry = cJSON_Parse(line);
    n += is_of(entry, method, text);
    cJSON_Delete(entry);
  }
  if (f) fclose(f);
  return n;
}

static bool is_met(void *p) {
  return proxy_count(p, NULL, NULL) > 0;
}

bool proxy_met(struct proxy *p) {
  return host_wait(is_met, p, 1000);
}

void proxy_stop(struct proxy *p) {
  char path[96];
  forget(p);
  if (p->pid > 0) {
    kill(p->pid, SIGTERM);
    waitpid(p->pid, NULL, 0);
  }
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) unlink(path_of(p, files[i], path));
  rmdir(p->dir);
  free(p);
}
