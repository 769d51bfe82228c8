/* caisson.so leaves the process that loads it alone: through a whole life of an instance whose
 * engine does not answer, nothing of what belongs to the process as a whole changes and nothing is
 * printed. Needs no engine; that nothing else could do it either is what forbidden.sh looks for. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "caisson.h"
#include "tap.h"

#define SIGNALS 65
#define CONFIG "{\"config_version\": 1, \"engine\": {\"lazy\": true, \"endpoint\": \"unix:///nowhere\"}}"

extern char **environ;

/* What a plugin could change behind its host's back. */
struct process {
  struct sigaction handlers[SIGNALS];
  sigset_t blocked;
  mode_t umask;
  char folder[1024];
  char locale[256];
  char environment[16384];
  int descriptors;
  int threads;
};

static int count(const char *folder) {
  int n = 0;
  DIR *dir = opendir(folder);
  while (dir && readdir(dir)) n++;
  if (dir) (void)closedir(dir);
  return n;
}

static void look(struct process *p) {
  memset(p, 0, sizeof *p);
  for (int s = 1; s < SIGNALS; s++) (void)sigaction(s, NULL, &p->handlers[s]);
  (void)pthread_sigmask(SIG_BLOCK, NULL, &p->blocked);
  p->umask = umask(0);
  (void)umask(p->umask);
  if (!getcwd(p->folder, sizeof p->folder)) BAIL_OUT("getcwd: %s", strerror(errno));
  (void)snprintf(p->locale, sizeof p->locale, "%s", setlocale(LC_ALL, NULL));
  size_t used = 0;
  for (char **e = environ; *e && used < sizeof p->environment; e++)
    used += (size_t)snprintf(p->environment + used, sizeof p->environment - used, "%s\n", *e);
  p->descriptors = count("/proc/self/fd");
  p->threads = count("/proc/self/task");
}

static void compare(const struct process *a, const struct process *b, const char *when) {
  int changed = 0;
  for (int s = 1; s < SIGNALS; s++)
    changed += a->handlers[s].sa_handler != b->handlers[s].sa_handler;
  is_int(changed, 0, "%s: signal handlers", when);
  is_mem(&a->blocked, &b->blocked, sizeof a->blocked, "%s: blocked signals", when);
  is_int(b->umask, a->umask, "%s: umask", when);
  is_str(b->folder, a->folder, "%s: working directory", when);
  is_str(b->locale, a->locale, "%s: locale", when);
  is_str(b->environment, a->environment, "%s: environment", when);
  is_int(b->descriptors, a->descriptors, "%s: open files", when);
  is_int(b->threads, a->threads, "%s: threads", when);
}

/* A call in whose way the engine stands: the longest path that needs none. */
static void call(const caisson_plugin *plugin, uint64_t instance) {
  uint64_t id = 0;
  caisson_error err = {.struct_size = sizeof err};
  caisson_result result = {.struct_size = sizeof result};
  caisson_request request = {.struct_size = sizeof request,
                             .name = {"shell", 5},
                             .args_json = {"{\"command\":\"true\"}", 18},
                             .session = {"a", 1},
                             .deadline_ms = 5000};
  is_int(plugin->call_open(instance, &request, &id, &err), CAISSON_OK, "call_open");
  is_int(plugin->call_run(instance, id, NULL, &result, &err), CAISSON_E_ENGINE, "no engine");
  is_str(err.reason, CAISSON_REASON_ENGINE_UNREACHABLE, "and the reason says so");
  is_int(plugin->call_close(instance, id), CAISSON_OK, "call_close");
}

static void child_of_fork(const caisson_plugin *plugin, uint64_t instance) {
  caisson_str json;
  int status = 0;
  pid_t pid = fork();
  if (pid == 0) _exit(plugin->describe(instance, &json) == CAISSON_E_FORKED ? 7 : 1);
  (void)waitpid(pid, &status, 0);
  is_int(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 7, "after a fork the child is refused");
}

/* stdout and stderr go into files while the plugin works; TAP comes back afterwards. */
static int divert(int fd, const char *path) {
  int saved = fcntl(fd, F_DUPFD_CLOEXEC, 10);
  int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (saved < 0 || file < 0 || dup2(file, fd) < 0) BAIL_OUT("%s: %s", path, strerror(errno));
  (void)close(file);
  return saved;
}

static off_t restore(int fd, int saved) {
  struct stat st = {.st_size = -1};
  (void)fstat(fd, &st);
  (void)dup2(saved, fd);
  (void)close(saved);
  return st.st_size;
}

/* Loads the plugin and runs it through create, a failing configuration and destroy, unseen. */
static void silence(const char *path) {
  char file[64];
  (void)snprintf(file, sizeof file, "/tmp/caisson-process-%d", (int)getpid());
  caisson_host host = {.struct_size = sizeof host, .abi_minor = CAISSON_ABI_MINOR, .name = "", .version = ""};
  caisson_error err = {.struct_size = sizeof err};
  uint64_t instance = 0;
  int saved_out = divert(STDOUT_FILENO, file), saved_err = divert(STDERR_FILENO, file);
  void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  caisson_entry_fn *entry = so ? (caisson_entry_fn *)(uintptr_t)dlsym(so, CAISSON_ENTRY_SYMBOL) : NULL;
  int32_t wrong = entry ? entry()->create(&host, "{", 1, &instance, &err) : 0;
  int32_t right = entry ? entry()->create(&host, CONFIG, sizeof CONFIG - 1, &instance, &err) : -1;
  if (right == 0) {
    caisson_str json;
    (void)entry()->describe(instance, &json);
    (void)entry()->destroy(instance);
  }
  off_t err_size = restore(STDERR_FILENO, saved_err), out_size = restore(STDOUT_FILENO, saved_out);
  (void)unlink(file);
  is_int(wrong, CAISSON_E_CONFIG, "a configuration that is no JSON is refused");
  is_int(right, CAISSON_OK, "a good one is accepted");
  is_int(out_size + err_size, 0, "not a byte on stdout or stderr");
}

int main(void) {
  const char *path = getenv("CAISSON_PLUGIN");
  static struct process before, loaded, during, after;
  if (!path) BAIL_OUT("CAISSON_PLUGIN is not set");
  silence(path);

  look(&before);
  void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!so) BAIL_OUT("%s", dlerror());
  caisson_entry_fn *entry = (caisson_entry_fn *)(uintptr_t)dlsym(so, CAISSON_ENTRY_SYMBOL);
  if (!entry) BAIL_OUT("%s", dlerror());
  const caisson_plugin *plugin = entry();
  ok(plugin == entry() && plugin->magic == CAISSON_MAGIC, "the entry is pure");
  look(&loaded);
  compare(&before, &loaded, "loaded");

  caisson_host host = {.struct_size = sizeof host, .abi_minor = CAISSON_ABI_MINOR, .name = "", .version = ""};
  uint64_t instance = 0;
  is_int(plugin->create(&host, CONFIG, sizeof CONFIG - 1, &instance, NULL), CAISSON_OK, "create");
  call(plugin, instance);
  child_of_fork(plugin, instance);
  look(&during);
  during.descriptors = before.descriptors; /* an instance may hold some */
  during.threads = before.threads;
  compare(&before, &during, "after a call");
  is_int(plugin->destroy(instance), CAISSON_OK, "destroy");
  look(&after);
  compare(&before, &after, "destroyed");
  return done_testing();
}
