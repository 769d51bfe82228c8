/* SPDX-License-Identifier: Apache-2.0 */
#include "entry/call.h"

#include <pthread.h>
#include <string.h>

#include "entry/async.h"
#include "session/names.h"
#include "util/alloc.h"
#include "util/utf8.h"

#define NAME_MAX_BYTES 128
#define OPTIONS_MAX ((uint64_t)1 << 20)

enum { OPEN, RUNNING, DONE };

static pthread_mutex_t state_mutex = PTHREAD_MUTEX_INITIALIZER;

static void free_call(struct csn_handle *handle) {
  struct csn_call *c = (struct csn_call *)handle;
  csn_async_free(atomic_load(&c->async));
  csn_wake_close(&c->wake);
  csn_free(c->name);
  csn_free(c->args);
  csn_free(c->options);
  csn_free(c->session);
  csn_free(c->json);
  csn_free(c);
}

/* ---- open ------------------------------------------------------------------------------------ */

static int invalid(struct csn_error *err, const char *member, const char *words) {
  return csn_fail(err, CAISSON_E_INVALID, CAISSON_REASON_ABI_INVALID, "request.%s: %s", member,
                  words);
}

/* Copies one text of the request; its form is the host's duty. */
static int copy(const caisson_str *s, const char *member, uint64_t max, char **out, size_t *size,
                struct csn_error *err) {
  if (s->size > 0 && !s->data) return invalid(err, member, "has a size and no data");
  if (s->size > max)
    return csn_fail(err, CAISSON_E_INVALID, CAISSON_REASON_ABI_INVALID,
                    "request.%s: %llu bytes, at most %llu are taken", member,
                    (unsigned long long)s->size, (unsigned long long)max);
  if (s->size > 0 && memchr(s->data, 0, s->size)) return invalid(err, member, "holds a NUL");
  if (s->size > 0 && !csn_utf8_is_valid(s->data, s->size))
    return invalid(err, member, "is not valid UTF-8");
  *out = csn_strndup(s->size ? s->data : "", s->size);
  if (size) *size = s->size;
  return *out ? 0 : csn_fail_nomem(err);
}

static int copy_request(struct csn_call *c, const caisson_request *r, struct csn_error *err) {
  static const caisson_str none = {NULL, 0};
  const caisson_str *args = CAISSON_HAS(r, args_json) ? &r->args_json : &none;
  const caisson_str *options = CAISSON_HAS(r, options_json) ? &r->options_json : &none;
  const caisson_str *session = CAISSON_HAS(r, session) ? &r->session : &none;
  int rc = copy(&r->name, "name", NAME_MAX_BYTES, &c->name, NULL, err);
  if (rc == 0) rc = copy(args, "args_json", CSN_ARGUMENTS_MAX, &c->args, &c->args_size, err);
  if (rc == 0) rc = copy(options, "options_json", OPTIONS_MAX, &c->options, &c->options_size, err);
  if (rc == 0) rc = copy(session, "session", CSN_KEY_MAX, &c->session, NULL, err);
  if (rc) return rc;
  c->flags = r->flags;
  if (CAISSON_HAS(r, deadline_ms)) c->deadline_ms = r->deadline_ms;
  if (CAISSON_HAS(r, output_limit)) c->output_limit = r->output_limit;
  if (CAISSON_HAS(r, input_ctx)) {
    c->input = r->input;
    c->input_ctx = r->input_ctx;
  }
  return 0;
}

static int open_wake(struct csn_call *c, struct csn_error *err) {
  if (csn_wake_open(&c->wake) == 0) return 0;
  csn_fail(err, CAISSON_E_LIMIT, CAISSON_REASON_HOST_LIMIT,
           "no file descriptor is left for a call; raise the host's limit (ulimit -n)");
  if (err) err->flags |= CAISSON_ERROR_RETRYABLE;
  return CAISSON_E_LIMIT;
}

int csn_call_open(struct csn_instance *i, const caisson_request *request, uint64_t *id,
                  struct csn_error *err) {
  if (!CAISSON_HAS(request, name))
    return invalid(err, "struct_size", "is too small; set it to sizeof(caisson_request)");
  if (csn_instance_is_draining(i))
    return csn_fail(err, CAISSON_E_DRAINING, CAISSON_REASON_DRAINING,
                    "the instance is being drained");
  struct csn_call *c = csn_calloc(1, sizeof *c);
  if (!c) return csn_fail_nomem(err);
  c->instance = i->handle.id;
  c->wake = (struct csn_wake)CSN_WAKE_NONE;
  int rc = copy_request(c, request, err);
  if (rc == 0) rc = open_wake(c, err);
  if (rc) {
    free_call(&c->handle);
    return rc;
  }
  csn_registry_add(&c->handle, CSN_HANDLE_CALL, free_call);
  *id = c->handle.id;
  csn_registry_put(&c->handle);
  return 0;
}

/* ---- its life -------------------------------------------------------------------------------- */

struct csn_call *csn_call_get(uint64_t instance, uint64_t id) {
  struct csn_call *c = (struct csn_call *)csn_registry_get(CSN_HANDLE_CALL, id);
  if (!c || c->instance == instance) return c;
  csn_registry_put(&c->handle);
  return NULL;
}

int csn_call_begin(struct csn_call *c, int to_queue, struct csn_error *err) {
  pthread_mutex_lock(&state_mutex);
  int may = c->state == OPEN;
  if (may) {
    c->state = RUNNING;
    c->undelivered = to_queue;
  }
  pthread_mutex_unlock(&state_mutex);
  if (!may)
    return csn_fail(err, CAISSON_E_STATE, CAISSON_REASON_ABI_STATE,
                    "this call was run before; open another");
  c->begun = csn_clock_now();
  return 0;
}

void csn_call_unbegin(struct csn_call *c) {
  pthread_mutex_lock(&state_mutex);
  c->state = OPEN;
  c->undelivered = 0;
  pthread_mutex_unlock(&state_mutex);
}

void csn_call_delivered(struct csn_call *c) {
  pthread_mutex_lock(&state_mutex);
  c->undelivered = 0;
  pthread_mutex_unlock(&state_mutex);
}

void csn_call_end(struct csn_call *c) {
  pthread_mutex_lock(&state_mutex);
  c->state = DONE;
  pthread_mutex_unlock(&state_mutex);
}

void csn_call_cancel(struct csn_call *c) {
  if (!atomic_exchange(&c->cancelled, 1)) csn_wake_set(&c->wake);
}

int csn_call_close(struct csn_call *c) {
  pthread_mutex_lock(&state_mutex);
  int is_busy = c->state == RUNNING || c->undelivered;
  if (!is_busy) c->state = DONE;
  pthread_mutex_unlock(&state_mutex);
  if (is_busy) return CAISSON_E_STATE;
  return csn_registry_forget(&c->handle) ? CAISSON_OK : CAISSON_E_NOT_FOUND;
}

/* ---- all of an instance ---------------------------------------------------------------------- */

static int is_of(const struct csn_handle *handle, const void *arg) {
  const struct csn_call *c = (const struct csn_call *)handle;
  return c->instance == *(const uint64_t *)arg;
}

static int is_of_and_uncancelled(const struct csn_handle *handle, const void *arg) {
  const struct csn_call *c = (const struct csn_call *)handle;
  return is_of(handle, arg) && !atomic_load(&c->cancelled);
}

void csn_calls_cancel(uint64_t instance) {
  struct csn_handle *h;
  while ((h = csn_registry_any(CSN_HANDLE_CALL, is_of_and_uncancelled, &instance))) {
    csn_call_cancel((struct csn_call *)h);
    csn_registry_put(h);
  }
}

void csn_calls_close(uint64_t instance) {
  struct csn_handle *h;
  while ((h = csn_registry_any(CSN_HANDLE_CALL, is_of, &instance))) {
    csn_call_close((struct csn_call *)h);
    csn_registry_put(h);
  }
}
