/* SPDX-License-Identifier: Apache-2.0 */
/* The helper's processes, which have the same user as the code that attacks them: nothing of theirs
 * can be read, changed, traced or taken, and what a command inherits leads nowhere. */
#include "attempt.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- one process ----------------------------------------------------------------------------- */

/* What only the owner of a process' memory may open, in which way. */
static const struct {
  const char *name;
  int how;
} files[] = {
    {"mem", O_RDONLY},
    {"mem", O_RDWR},
    {"environ", O_RDONLY},
    {"maps", O_RDONLY},
    {"smaps", O_RDONLY},
    {"pagemap", O_RDONLY},
    {"auxv", O_RDONLY},
    {"stack", O_RDONLY},
    {"syscall", O_RDONLY},
    {"personality", O_RDONLY},
    {"io", O_RDONLY},
    {"fd", O_RDONLY},
    {"fdinfo", O_RDONLY},
    {"map_files", O_RDONLY},
    {"cwd", O_RDONLY},
    {"root", O_RDONLY},
    {"exe", O_RDONLY},
    {"ns/mnt", O_RDONLY},
    {"ns/pid", O_RDONLY},
    {"ns/user", O_RDONLY},
    {"oom_score_adj", O_WRONLY},
    {"oom_adj", O_WRONLY},
    {"comm", O_WRONLY},
    {"clear_refs", O_WRONLY},
    {"coredump_filter", O_WRONLY},
    {"autogroup", O_WRONLY},
    {"timerslack_ns", O_WRONLY},
    {"sched", O_WRONLY},
    {"attr/current", O_WRONLY},
    {"setgroups", O_WRONLY},
    {"uid_map", O_WRONLY},
};

/* Some are opened by whoever wants to, and refuse when they are read. */
static long use(const char *path, int how) {
  char byte = '0';
  struct stat st;
  int fd = open(path, how | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? (errno = EACCES, -1) : -1;
  long n = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && how == O_RDONLY ? read(fd, &byte, 1)
           : how == O_WRONLY                                             ? write(fd, &byte, 1)
                                                                         : 0;
  close(fd);
  return n;
}

static void try_files(const char *who, pid_t pid) {
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char path[64], what[128];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, files[i].name);
    snprintf(what, sizeof what, "%s %s of %s", files[i].how == O_RDONLY ? "read" : "change",
             files[i].name, who);
    TRY(what, use(path, files[i].how));
  }
}

static void try_links(const char *who, pid_t pid) {
  static const char *const links[] = {"exe", "cwd", "root", "ns/net", "fd/0", "fd/1", "fd/3"};
  for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
    char path[64], what[128], target[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, links[i]);
    snprintf(what, sizeof what, "follow %s of %s", links[i], who);
    TRY(what, readlink(path, target, sizeof target));
  }
}

static void try_calls(const char *who, pid_t pid) {
  char what[128], byte;
  struct iovec here = {&byte, 1}, there = {&byte, 1};
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  void *head;
  size_t size;
#define TRY_ON(name, ...)                                                                          \
  (snprintf(what, sizeof what, "%s of %s", (name), who), TRY(what, __VA_ARGS__))
  TRY_ON("ptrace: attach", ptrace(PTRACE_ATTACH, pid, NULL, NULL));
  TRY_ON("ptrace: seize", ptrace(PTRACE_SEIZE, pid, NULL, NULL));
  TRY_ON("process_vm_readv", process_vm_readv(pid, &here, 1, &there, 1, 0));
  TRY_ON("process_vm_writev", process_vm_writev(pid, &here, 1, &there, 1, 0));
  for (int fd = 0; fd < 8; fd++)
    TRY_ON("pidfd_getfd", syscall(SYS_pidfd_getfd, pidfd, fd, 0));
  TRY_ON("kcmp", syscall(SYS_kcmp, getpid(), pid, 0, 0, 0));
  TRY_ON("the futexes", syscall(SYS_get_robust_list, pid, &head, &size));
  TRY_ON("move_pages", syscall(SYS_move_pages, pid, 0, NULL, NULL, NULL, 0));
  TRY_ON("process_madvise", syscall(SYS_process_madvise, pidfd, &there, 1, 4, 0));
  TRY_ON("setns by a pidfd", syscall(SYS_setns, pidfd, 0x20000));
  TRY_ON("a new session", setpgid(pid, pid) && errno == ESRCH ? (errno = EPERM, -1) : -1);
#undef TRY_ON
  close(pidfd);
}

/* ---- all of the helper ----------------------------------------------------------------------- */

static bool is_helper(pid_t pid) {
  char path[64], name[32] = "";
  snprintf(path, sizeof path, "/proc/%d/comm", pid);
  FILE *file = fopen(path, "re");
  bool is_one = file && fgets(name, sizeof name, file) && strncmp(name, "caisson-", 8) == 0;
  if (file) fclose(file);
  return is_one;
}

/* Those of its processes that are there: process 1, every serve, supervisors. */
static int try_all(void) {
  DIR *proc = opendir("/proc");
  const struct dirent *entry;
  int tried = 0;
  while (proc && (entry = readdir(proc))) {
    pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;
    if (pid == 0 || !is_helper(pid)) continue;
    char who[32];
    snprintf(who, sizeof who,
             pid == 1           ? "process 1"
             : pid == getppid() ? "our parent"
                                : "a helper");
    try_files(who, pid);
    try_links(who, pid);
    try_calls(who, pid);
    tried++;
  }
  if (proc) closedir(proc);
  return tried;
}

/* ---- what is inherited ----------------------------------------------------------------------- */

static const char *kind_of(int fd) {
  struct stat st;
  if (fstat(fd, &st)) return "nothing";
  return S_ISFIFO(st.st_mode)   ? "a pipe"
         : S_ISSOCK(st.st_mode) ? "a socket"
         : S_ISCHR(st.st_mode)  ? "a device"
         : S_ISDIR(st.st_mode)  ? "a directory"
                                : "a file";
}

static void try_inherited(void) {
  int more = 0;
  for (int fd = 3; fd < 65536; fd++)
    if (fcntl(fd, F_GETFD) >= 0) {
      contained(false, "descriptor %d is inherited: %s", fd, kind_of(fd));
      more++;
    }
  contained(more == 0, "descriptors beside stdin, stdout and stderr");
  for (int fd = 0; fd < 3; fd++) {
    const char *kind = kind_of(fd);
    /* A job's input is a copy in memory of its own. */
    bool is_input = fd == 0 && strcmp(kind, "a file") == 0;
    contained(is_input || strcmp(kind, "a pipe") == 0 || strcmp(kind, "a device") == 0,
              "descriptor %d is %s", fd, kind);
    errno = 0;
    int rc = ioctl(fd, TIOCSTI, "x");
    contained(rc < 0, "type into descriptor %d: %s", fd, strerror(errno));
  }
  contained(open("/dev/tty", O_RDWR) < 0, "a controlling terminal: %s", strerror(errno));
  contained(open("/dev/console", O_RDWR) < 0, "the console: %s", strerror(errno));
  extern char **environ;
  for (char **e = environ; *e; e++)
    if (strncmp(*e, "CAISSON", 7) == 0 || strstr(*e, "DOCKER"))
      contained(false, "the environment has %s", *e);
}

int main(int argc, char **argv) {
  (void)argv;
  try_inherited();
  int tried = try_all();
  contained(tried >= (argc > 1 ? 3 : 2), "%d processes of the helper", tried);
  printf("done\n");
  return 0;
}
