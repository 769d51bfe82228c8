/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts that have little: threads with small stacks, few descriptors, and none at 0 to 2. */
#include "integration/coexist_calls.h"
#include "support/process.h"

#include <sys/mman.h>
#include <sys/resource.h>

/* What a thread gets from musl, and the least that the plugin is held to: what libraries and the host's
 * own hooks need comes on top. */
#define SMALL ((size_t)128 << 10)
#define MOST ((size_t)48 << 10)
#define ROOMY ((size_t)4 << 20)
#define PAINT 0xa7

/* ---- small stacks ---------------------------------------------------------------------------- */

/* A stack of our own, painted, so that what was used of it shows. */
struct stack {
  unsigned char *bytes;
  size_t size;
};

static struct stack stack_new(size_t size) {
  struct stack s = {mmap(NULL, size + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                    size};
  if (s.bytes == MAP_FAILED || mprotect(s.bytes, 4096, PROT_NONE) != 0) BAIL_OUT("no stack");
  s.bytes += 4096;
  memset(s.bytes, PAINT, size);
  return s;
}

static size_t stack_used(const struct stack *s) {
  size_t clean = 0;
  while (clean < s->size && s->bytes[clean] == PAINT) clean++;
  return s->size - clean;
}

static void stack_free(struct stack *s) {
  munmap(s->bytes - 4096, s->size + 4096);
}

/* Returns how much of it was used by what ran on it. */
static size_t run_on_stack(size_t size, void *(*run)(void *), void *arg) {
  struct stack s = stack_new(size);
  pthread_attr_t attr;
  pthread_t thread;
  pthread_attr_init(&attr);
  if (pthread_attr_setstack(&attr, s.bytes, s.size) != 0 ||
      pthread_create(&thread, &attr, run, arg) != 0)
    BAIL_OUT("no thread with a stack of %zu bytes", size);
  pthread_attr_destroy(&attr);
  pthread_join(thread, NULL);
  size_t used = stack_used(&s);
  stack_free(&s);
  return used;
}

static void *do_nothing(void *arg) {
  return arg;
}

static void *do_call(void *arg) {
  call_run(arg);
  return NULL;
}

struct creation {
  struct box *box;
  const char *settings;
  int32_t status;
};

static void *do_create(void *arg) {
  struct creation *c = arg;
  c->status = box_create(c->box, c->settings, NULL);
  return NULL;
}

/* What glibc itself puts there is not the plugin's. */
static void test_stacks(const char *what, const char *settings) {
  bool is_measured = !process_is_sanitized();
  size_t size = is_measured ? SMALL : ROOMY, most = 0;
  size_t own = run_on_stack(size, do_nothing, NULL);
  struct creation creation = {.box = box_new(NULL), .settings = settings};
  size_t used = run_on_stack(size, do_create, &creation) - own;
  is_int(creation.status, CAISSON_OK, "create %s, on a small stack", what);
  diag("%s: create: %zu bytes of stack", what, used);
  if (used > most) most = used;
  for (size_t i = 0; i < KINDS; i++) {
    static struct source source;
    CALL c = make_call(creation.box, &kinds[i], &source);
    used = run_on_stack(size, do_call, c) - own;
    call_ok(c, is_right(c, &kinds[i]), "%s %s %s", what, kinds[i].name, kinds[i].args);
    diag("%s: %s %.30s: %zu bytes of stack", what, kinds[i].name, kinds[i].args, used);
    if (used > most) most = used;
  }
  ok(most <= MOST || !is_measured, "%s: at most %zu bytes of stack were used", what, most);
  box_close(creation.box);
}

/* ---- few descriptors ------------------------------------------------------------------------- */

static void set_limit(rlim_t n) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = n;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) BAIL_OUT("setrlimit");
}

/* Calls that need more than there are fail, and say what is missing; nothing else fails, and none of it
 * is for long. */
static void test_descriptors(const char *what, const char *settings) {
  struct rlimit before;
  getrlimit(RLIMIT_NOFILE, &before);
  int fds = process_fds(), starved = 0, refused = 0;
  bool is_enough = false;
  for (int spare = 0; spare < 24 && !is_enough; spare++) {
    struct box *box = box_new(NULL);
    caisson_error err = {.struct_size = sizeof err};
    set_limit((rlim_t)(fds + spare));
    int32_t rc = box_create(box, settings, &err);
    struct call *c = rc == CAISSON_OK ? call_new_shell(box, "s", "exit 3") : NULL;
    caisson_request request = {.struct_size = sizeof request,
                               .name = {"shell", 5},
                               .args_json = {"{\"command\":\"exit 3\"}", 20},
                               .session = {"s", 1}};
    caisson_result result = {.struct_size = sizeof result};
    uint64_t id = 0;
    if (c) rc = plugin()->call_open(box->id, &request, &id, &err);
    if (c && rc != CAISSON_OK) {
      refused++;
      is_str(err.reason, CAISSON_REASON_HOST_LIMIT, "%s, %d: call_open says whose limit", what,
             spare);
      ok(err.flags & CAISSON_ERROR_RETRYABLE, "%s, %d: and that it may work later", what, spare);
    }
    if (c && rc == CAISSON_OK) rc = plugin()->call_run(box->id, id, NULL, &result, &err);
    set_limit(before.rlim_cur);
    is_enough = rc == CAISSON_OK && result.exit_code == 3;
    starved += !is_enough;
    if (!is_enough)
      ok(rc != CAISSON_OK && (strstr(err.message, "descriptor") || strstr(err.message, "open files")),
         "%s, %d descriptors to spare: %s", what, spare, err.message);
    if (c) {
      CALL after = shell(box, "s", "exit 4");
      exited(after, 4, "%s, %d: with more of them, the next call works", what, spare);
    }
    call_free(c);
    box_close(box);
    is_int(process_fds(), fds, "%s, %d: none is left open", what, spare);
  }
  ok(refused > 0, "%s: call_open is among what they are too few for", what);
  ok(starved > 0 && is_enough, "%s: %d spare descriptors are too few, one more is enough", what,
     starved - 1);
}

/* ---- none at 0 to 2 -------------------------------------------------------------------------- */

static int count_wrong(const char *settings) {
  for (int fd = 0; fd < 3; fd++) close(fd);
  struct box *box = box_new(NULL);
  if (box_create(box, settings, NULL) != CAISSON_OK) return 100;
  int wrong = 0;
  for (size_t i = 0; i < KINDS; i++) {
    static struct source source;
    struct call *c = call_run(make_call(box, &kinds[i], &source));
    wrong += !is_right(c, &kinds[i]);
    call_free(c);
  }
  box_close(box);
  return wrong;
}

static void test_closed(const char *name, const char *what, const char *settings) {
  (void)fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    setenv("CAISSON_TEST_INSTANCE", name, 1);
    _exit(count_wrong(settings));
  }
  is_int(status_of(child), 0, "%s: a host without stdin, stdout and stderr", what);
}

int main(void) {
  char *name = host_instance_name(NULL);
  struct front front = front_start();
  test_closed(name, "by a socket", NULL);
  if (has_tls()) test_closed(name, "over TLS", front.settings);
  test_stacks("by a socket", NULL);
  if (has_tls()) test_stacks("over TLS", front.settings);
  test_descriptors("by a socket", NULL);
  if (has_tls()) test_descriptors("over TLS", front.settings);
  front_stop(&front);
  free(name);
  return done_testing();
}
