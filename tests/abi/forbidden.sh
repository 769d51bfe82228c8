#!/usr/bin/env bash
# Nothing in caisson.so can end the host's process, print, start a process by forking the host's, or
# change what belongs to the whole process: the functions for that are not among its imports. Programs
# are started in one place, by posix_spawnp.
set -uo pipefail
. tests/tap.sh

declare -A forbidden=(
  [ends the process]="exit _exit _Exit quick_exit abort raise kill killpg tgkill pthread_kill
    pthread_exit __assert_fail __assert err errx verr verrx longjmp __longjmp_chk"
  [runs at its end]="atexit __cxa_atexit on_exit at_quick_exit __cxa_at_quick_exit"
  [prints]="printf vprintf fprintf vfprintf dprintf vdprintf puts fputs fputc putc putchar fwrite
    putchar_unlocked putc_unlocked fputs_unlocked fwrite_unlocked perror psignal psiginfo warn warnx
    vwarn vwarnx error error_at_line syslog vsyslog stdout stderr __printf_chk __vprintf_chk
    __fprintf_chk __vfprintf_chk __dprintf_chk __vdprintf_chk __syslog_chk __vsyslog_chk"
  [handles signals]="signal sigaction sigset bsd_signal sysv_signal __sysv_signal sigignore
    siginterrupt sigaltstack signalfd alarm ualarm setitimer timer_create"
  [starts a process]="fork vfork __fork clone execve execv execvp execvpe execl execlp execle fexecve
    posix_spawn system popen daemon"
  [changes the whole process]="setenv putenv unsetenv clearenv chdir fchdir chroot umask setlocale
    setrlimit prctl srand srandom tzset setuid setgid setpriority nice"
)

# found LIST FILE: those of the list that the file imports. Symbol versions are left off.
found() {
  local names
  names=$(nm -D --undefined-only "$2" | awk '{ sub(/@.*/, "", $2); print $2 }')
  grep -Fx -f <(tr -s ' \n' '\n' <<<"$1") <<<"$names" | paste -sd' '
}

for what in "${!forbidden[@]}"; do
  is "$(found "${forbidden[$what]}" "$CAISSON_PLUGIN")" "" "imports nothing that $what"
done

# The search itself must find: a library that uses one function of each list is caught by each.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gcc -shared -fPIC -o "$work/bad.so" -x c - <<'END'
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
void bad(void);
void bad(void) {
  atexit(bad);
  fputs("x", stderr);
  signal(SIGPIPE, SIG_IGN);
  fork();
  setenv("A", "B", 1);
  exit(1);
}
END
for what in "${!forbidden[@]}"; do
  like "$(found "${forbidden[$what]}" "$work/bad.so")" . "a library that $what is caught"
done

is "$(grep -lE 'posix_spawnp?\(' -r plugin --include='*.c' | grep -v '^plugin/guest/' | sort | xargs)" \
  plugin/util/spawn.c "one file starts programs"

# Writing to the standard descriptors by number needs no forbidden function.
is "$(grep -nE 'STD(IN|OUT|ERR)_FILENO|\bwrite\((1|2),' -r plugin --include='*.[ch]' |
  grep -v '^plugin/guest/')" "" "no standard descriptor is written to"

done_testing
