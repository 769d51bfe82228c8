/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to the host's process as a whole and changes how its libraries behave: its locale and
 * time zone, and signals that come all the time, on stacks of their own. Every kind of call does what it
 * does elsewhere. */
#include "integration/coexist_calls.h"

#include <locale.h>
#include <sys/time.h>

static void test_all(const char *what) {
  int wrong = 0;
  struct box *box = box_open("{\"sandbox\":{\"cpus\":0.5}}");
  for (size_t i = 0; i < KINDS; i++) {
    static struct source source;
    CALL c = call_run(make_call(box, &kinds[i], &source));
    if (is_right(c, &kinds[i])) continue;
    wrong++;
    diag("%s", call_describe(c));
  }
  is_int(wrong, 0, "%s: calls of every kind", what);
  box_close(box);
}

/* ---- locales --------------------------------------------------------------------------------- */

static char folder[64];

static void remove_folder(void) {
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  if (system(command) != 0) diag("%s is left", folder);
}

/* They are made for the test: which ones a machine has is its own affair. LOCPATH does not stay: glibc
 * loses a copy of it in each newlocale(). */
static void make_locale(const char *name, const char *source, const char *charmap) {
  char command[256];
  snprintf(command, sizeof command, "localedef -i %s -f %s '%s/%s' >/dev/null 2>&1", source, charmap,
           folder, name);
  if (system(command) > 1 << 8) BAIL_OUT("%s fails (tests/setup/packages check)", command);
  setenv("LOCPATH", folder, 1);
  if (!setlocale(LC_ALL, name)) BAIL_OUT("there is no locale %s", name);
  unsetenv("LOCPATH");
}

/* Numbers are written and read with a point, here and in what the engine is sent. */
static void test_numbers(const char *name) {
  caisson_error err = {.struct_size = sizeof err};
  struct box *box = box_new(NULL);
  is_int(box_create(box, "{\"sandbox\":{\"cpus\":0.001}}", &err), CAISSON_E_CONFIG, "%s: a number",
         name);
  ok(strstr(err.message, "0.01") && !strstr(err.message, "0,01"), "%s: is written as in JSON: %s",
     name, err.message);
  box_close(box);
  box = box_open("{\"sandbox\":{\"cpus\":0.5}}");
  CALL c = shell(box, "s", "sleep 0.01");
  CALL look = operation(box, "session.inspect", "s", NULL);
  ok(strstr(c->text, "\"duration_ms\":") && c->json && look->json, "%s: documents are JSON", name);
  CALL quota = shell(box, "s", "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cat /sys/fs/cgroup/cpu.max");
  ok(strncmp(call_string(quota, "stdout"), "50000", 5) == 0, "%s: half a CPU is half a CPU: %s", name,
     call_string(quota, "stdout"));
  CALL gone = operation(box, "session.remove", "s", NULL);
  exited(gone, 0, "%s: removed", name);
  box_close(box);
}

/* Under a Turkish locale the small form of I is no i. */
static void test_letters(const char *name) {
  struct box *box = box_new(NULL);
  is_int(box_create(box, "{\"sandbox\":{\"memory\":\"2GIB\"}}", NULL),
         CAISSON_OK, "%s: units in any case", name);
  box_close(box);
}

static void test_locale(const char *name, const char *source, const char *charmap) {
  make_locale(name, source, charmap);
  test_numbers(name);
  test_letters(name);
  if (strcmp(charmap, "UTF-8") != 0) test_all(name);
  ok(strcmp(setlocale(LC_ALL, NULL), name) == 0, "%s: it is still the host's locale", name);
  setlocale(LC_ALL, "C");
}

/* ---- time ------------------------------------------------------------------------------------ */

static void test_zone(const char *zone) {
  setenv("TZ", zone, 1);
  tzset();
  struct box *box = box_open(NULL);
  CALL c = shell(box, "s", "exit 5");
  exited(c, 5, "%s: a call", zone);
  CALL list = operation(box, "session.list", NULL, NULL);
  const cJSON *first = cJSON_GetArrayItem(call_get(list, "sessions"), 0);
  const char *created = cJSON_GetStringValue(cJSON_GetObjectItem(first, "created"));
  char day[16];
  time_t now = time(NULL);
  strftime(day, sizeof day, "%Y-%m-%dT", gmtime(&now));
  ok(created && strncmp(created, day, strlen(day)) == 0 && created[strlen(created) - 1] == 'Z',
     "%s: a time is given in UTC: %s", zone, created ? created : "none");
  CALL gone = operation(box, "session.remove", "s", NULL);
  exited(gone, 0, "%s: removed", zone);
  box_close(box);
  unsetenv("TZ");
  tzset();
}

/* ---- signals all the time -------------------------------------------------------------------- */

static atomic_int storms, off_stack;
static char stack[65536];

/* On a stack of its own, as hosts with runtimes of their own have them. */
static void on_signal(int number) {
  const char *here = __builtin_frame_address(0);
  (void)number;
  atomic_fetch_add(&storms, 1);
  if (here < stack || here >= stack + sizeof stack) atomic_fetch_add(&off_stack, 1);
}

/* Without SA_RESTART: whatever can be interrupted, is. Only this thread takes them. */
static void storm(long us) {
  const struct itimerval every = {{.tv_usec = us}, {.tv_usec = us}};
  stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
  if (us) sigaltstack(&own, NULL);
  if (us) sigaction(SIGALRM, &action, NULL);
  if (us) sigaction(SIGPROF, &action, NULL);
  setitimer(ITIMER_REAL, &every, NULL);
  setitimer(ITIMER_PROF, &every, NULL);
}

static void test_storm(const struct front *front) {
  storm(host_patience(1) * 500);
  test_all("a storm of signals");
  storm(0);
  struct box *box = box_open(front ? front->settings : NULL);
  storm(host_patience(1) * 500);
  CALL big = shell(box, "s", "head -c 3000000 /dev/zero; exit 3");
  CALL late = call_new_shell(box, "s", "sleep 600");
  late->deadline_ms = 300;
  call_run(late);
  storm(0);
  exited(big, 3, "a storm: much output");
  is_int(atomic_load(&big->seen), 3000000, "a storm: comes whole");
  was_late(late, "a storm: a deadline");
  CALL gone = operation(box, "session.remove", "s", NULL);
  exited(gone, 0, "a storm: removed");
  box_close(box);
  ok(atomic_load(&storms) > 100, "%d signals came", atomic_load(&storms));
  is_int(atomic_load(&off_stack), 0, "all on their own stack, so all to the host's thread");
}

int main(void) {
  snprintf(folder, sizeof folder, "/tmp/caisson-locales-XXXXXX");
  if (!mkdtemp(folder)) BAIL_OUT("no folder in /tmp");
  atexit(remove_folder);
  struct front front = front_start();
  test_locale("csn_german", "de_DE", "UTF-8");
  test_locale("csn_turkish", "tr_TR", "UTF-8");
  test_locale("csn_turkish_8", "tr_TR", "ISO-8859-9");
  test_zone("Pacific/Kiritimati");
  test_zone("XXX12");
  test_storm(has_tls() ? &front : NULL);
  front_stop(&front);
  return done_testing();
}
