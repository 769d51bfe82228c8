/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that containers were escaped by, or that reach code of the kernel which no sandbox
 * needs: each is refused, whatever its arguments. */
#include "attempt.h"

#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <fcntl.h>
#include <grp.h>
#include <unistd.h>

/* ---- namespaces ------------------------------------------------------------------------------ */

static const struct {
  const char *name, *file;
  unsigned flag;
} namespaces[] = {
    {"user", "/proc/self/ns/user", CLONE_NEWUSER},
    {"mount", "/proc/self/ns/mnt", CLONE_NEWNS},
    {"pid", "/proc/self/ns/pid", CLONE_NEWPID},
    {"network", "/proc/self/ns/net", CLONE_NEWNET},
    {"ipc", "/proc/self/ns/ipc", CLONE_NEWIPC},
    {"uts", "/proc/self/ns/uts", CLONE_NEWUTS},
    {"cgroup", "/proc/self/ns/cgroup", CLONE_NEWCGROUP},
    {"time", "/proc/self/ns/time", CLONE_NEWTIME},
};

static long cloned(long pid) {
  if (pid == 0) _exit(0);
  if (pid > 0) waitpid((pid_t)pid, NULL, __WALL);
  return pid;
}

static void try_namespaces(void) {
  char what[64];
  for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces; i++) {
    unsigned flag = namespaces[i].flag;
    struct clone_args args = {.flags = flag, .exit_signal = SIGCHLD};
    snprintf(what, sizeof what, "unshare into a new %s namespace", namespaces[i].name);
    TRY(what, unshare((int)flag));
    snprintf(what, sizeof what, "clone into a new %s namespace", namespaces[i].name);
    /* In clone that bit is part of the signal. */
    if (flag != CLONE_NEWTIME) TRY(what, cloned(syscall(SYS_clone, flag | SIGCHLD, 0, 0, 0, 0)));
    snprintf(what, sizeof what, "clone3 into a new %s namespace", namespaces[i].name);
    TRY(what, cloned(syscall(SYS_clone3, &args, sizeof args)));
    snprintf(what, sizeof what, "setns to a %s namespace", namespaces[i].name);
    int fd = open(namespaces[i].file, O_RDONLY | O_CLOEXEC);
    TRY(what, setns(fd, 0));
    close(fd);
  }
}

/* ---- mounts ---------------------------------------------------------------------------------- */

static void try_mounts(void) {
  TRY("mount a tmpfs", mount("none", "/tmp", "tmpfs", 0, ""));
  TRY("mount proc", mount("proc", "/tmp", "proc", 0, ""));
  TRY("mount a cgroup with a release agent",
      mount("cgroup", "/tmp", "cgroup", 0, "memory,release_agent=/bin/sh"));
  TRY("mount cgroup2", mount("none", "/tmp", "cgroup2", 0, ""));
  TRY("mount an overlay",
      mount("none", "/tmp", "overlay", 0, "lowerdir=/,upperdir=/tmp,workdir=/tmp"));
  TRY("mount the disk", mount("/dev/vda", "/tmp", "ext4", 0, ""));
  TRY("make the root writable", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
  TRY("make /proc/sys writable", mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL));
  TRY("bind the root", mount("/", "/tmp", NULL, MS_BIND | MS_REC, NULL));
  TRY("propagate mounts", mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL));
  TRY("uncover /proc/kcore", umount2("/proc/kcore", MNT_DETACH));
  TRY("uncover /proc/sys", umount2("/proc/sys", MNT_DETACH));
  TRY("chroot", chroot("/tmp"));
  TRY_CALL(pivot_root, "/tmp", "/tmp");
  TRY_CALL(open_tree, AT_FDCWD, "/", 1u);
  TRY_CALL(move_mount, AT_FDCWD, "/tmp", AT_FDCWD, "/workspace", 0);
  TRY_CALL(fsopen, "tmpfs", 0);
  TRY_CALL(fspick, AT_FDCWD, "/", 0);
  TRY_CALL(fsconfig, 0, 0, NULL, NULL, 0);
  TRY_CALL(fsmount, 0, 0, 0);
  TRY_CALL(mount_setattr, AT_FDCWD, "/", 0, NULL, 0);
}

/* ---- the machine ----------------------------------------------------------------------------- */

/* Arguments that would do little harm if it worked. */
static void try_machine(void) {
  TRY_CALL(reboot, 0xfee1dead, 672274793, 0, 0); /* Ctrl-Alt-Del off */
  TRY_CALL(kexec_load, 0, 0, 0, 0);
  TRY_CALL(kexec_file_load, -1, -1, 0, 0, 0);
  TRY_CALL(init_module, NULL, 0, "");
  TRY_CALL(finit_module, -1, "", 0);
  TRY_CALL(delete_module, "none", 0);
  TRY_CALL(swapon, "/tmp/swap", 0);
  TRY_CALL(swapoff, "/tmp/swap");
  TRY_CALL(acct, "/tmp/acct");
  TRY_CALL(settimeofday, NULL, NULL);
  TRY_CALL(clock_settime, 0, NULL);
  TRY_CALL(adjtimex, NULL);
  TRY_CALL(clock_adjtime, 0, NULL);
  TRY_CALL(sethostname, "escaped", 7);
  TRY_CALL(setdomainname, "escaped", 7);
  TRY_CALL(syslog, 10, NULL, 0);
  TRY_CALL(quotactl, 0, "/dev/vda", 0, 0);
  TRY_CALL(vhangup, 0);
  TRY_CALL(fanotify_init, 0, 0);
  TRY_CALL(lookup_dcookie, 0, NULL, 0);
  TRY_CALL(nfsservctl, 0, 0, 0);
#ifdef __x86_64__
  TRY_CALL(iopl, 3);
  TRY_CALL(ioperm, 0x80, 1, 1);
  TRY_CALL(modify_ldt, 0, NULL, 0);
  TRY_CALL(uselib, "/bin/sh");
  TRY_CALL(sysfs, 3);
  TRY_CALL(ustat, 0, NULL);
  TRY_CALL(_sysctl, NULL);
#endif
}

/* ---- much attacked --------------------------------------------------------------------------- */

static void try_risky(void) {
  char handle[128] = {0};
  TRY_CALL(bpf, 0, NULL, 0);
  TRY_CALL(perf_event_open, NULL, 0, -1, -1, 0);
  TRY_CALL(userfaultfd, 1);
  TRY_CALL(io_uring_setup, 1, NULL);
  TRY_CALL(io_uring_enter, -1, 0, 0, 0, NULL, 0);
  TRY_CALL(io_uring_register, -1, 0, NULL, 0);
  TRY_CALL(keyctl, 0, -3, 0);
  TRY_CALL(add_key, "user", "escape", "x", 1, -2);
  TRY_CALL(request_key, "user", "escape", NULL, -2);
  TRY_CALL(name_to_handle_at, AT_FDCWD, "/etc/hosts", handle, handle, 0);
  TRY_CALL(open_by_handle_at, AT_FDCWD, handle, O_RDONLY);
  TRY_CALL(ptrace, 0, 0, 0, 0);
  TRY_CALL(process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
  TRY_CALL(process_vm_writev, getppid(), NULL, 0, NULL, 0, 0);
  TRY_CALL(kcmp, getpid(), getppid(), 0, 0, 0);
  TRY_CALL(move_pages, 0, 0, NULL, NULL, NULL, 0);
  TRY_CALL(migrate_pages, 0, 0, NULL, NULL);
  TRY_CALL(mbind, NULL, 0, 0, NULL, 0, 0);
  TRY_CALL(set_mempolicy, 0, NULL, 0);
  TRY_CALL(get_mempolicy, NULL, NULL, 0, NULL, 0);
  TRY_CALL(personality, 0x0040000ul); /* no address randomization */
  TRY_CALL(personality, 0x0400000ul); /* what can be read can be executed */
#ifdef SYS_memfd_secret
  TRY_CALL(memfd_secret, 0);
#endif
#ifdef SYS_process_madvise
  TRY_CALL(process_madvise, -1, NULL, 0, 0, 0);
#endif
}

/* ---- privileges ------------------------------------------------------------------------------ */

static void try_privileges(void) {
  static const gid_t root_group[] = {0};
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct all[2] = {{~0u, ~0u, ~0u}, {~0u, ~0u, ~0u}};
  /* What setcap writes: every capability permitted and in force. */
  static const uint32_t file_caps[] = {0x02000001, ~0u, 0, ~0u, 0};
  int fd = open("/tmp/own", O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
  TRY("become uid 0", setuid(0));
  TRY("become effective uid 0", setresuid((uid_t)-1, 0, (uid_t)-1));
  TRY("become gid 0", setgid(0));
  TRY("join the group root", setgroups(1, root_group));
  TRY("take every capability", syscall(SYS_capset, &header, all));
  TRY("make a capability ambient",
      prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0));
  TRY("give a file capabilities",
      fsetxattr(fd, "security.capability", file_caps, sizeof file_caps, 0));
  TRY("give a file a trusted attribute", fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0));
  TRY("give a file to root", fchown(fd, 0, 0));
  close(fd);
  contained(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, "no program gives new privileges");
  contained(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) < 0, "which cannot be undone");
  for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
    if (prctl(PR_CAPBSET_READ, cap) == 1) contained(false, "capability %d can be had", cap);
}

static void try_devices(void) {
  static const struct {
    const char *what, *path;
    mode_t mode;
    unsigned major, minor;
  } nodes[] = {{"make /dev/mem", "/tmp/mem", S_IFCHR, 1, 1},
               {"make /dev/kmsg", "/dev/shm/kmsg", S_IFCHR, 1, 11},
               {"make a disk", "/workspace/disk", S_IFBLK, 8, 0},
               {"make a virtual disk", "/tmp/disk", S_IFBLK, 254, 0},
               {"make /dev/fuse", "/tmp/fuse", S_IFCHR, 10, 229},
               {"make an overlay's whiteout of a device", "/workspace/tun", S_IFCHR, 10, 200}};
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
    TRY(nodes[i].what,
        mknod(nodes[i].path, nodes[i].mode | 0666, (dev_t)(nodes[i].major << 8 | nodes[i].minor)));
}

int main(void) {
  try_namespaces();
  try_mounts();
  try_machine();
  try_risky();
  try_privileges();
  try_devices();
  printf("done\n");
  return 0;
}
