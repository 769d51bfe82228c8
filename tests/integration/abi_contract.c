/* SPDX-License-Identifier: Apache-2.0 */
/* The structs of caisson.h: of hosts that are older or newer, and as no host should fill them in.
 */
#include "integration/abi_raw.h"
#include "tap.h"

#include <stddef.h>

#define GUARD 0xa5

/* ---- the table ------------------------------------------------------------------------------- */

static void test_table(void) {
  is_int(p->struct_size, sizeof *p, "the table's size");
  is_int(p->abi_minor, CAISSON_ABI_MINOR, "its minor");
  is_int(p->needs_host_minor, 0, "works with hosts of minor 0");
  is_str(p->id, "caisson", "its id");
  ok(*p->version && *p->build_id, "version %s, build %s", p->version, p->build_id);
  ok(p->get_extension("caisson.no-such-thing/1") == NULL, "an extension that there is not");
  cJSON *manifest = cJSON_Parse(p->manifest_json);
  static const char *const members[] = {"manifest_version", "configSchema", "optionsSchema",
                                        "tools", "operations"};
  for (size_t i = 0; i < sizeof members / sizeof *members; i++)
    ok(cJSON_GetObjectItem(manifest, members[i]), "the manifest has %s", members[i]);
  cJSON_Delete(manifest);
}

/* ---- structs of another size ----------------------------------------------------------------- */

static bool is_untouched(const unsigned char *bytes, size_t from, size_t to) {
  for (size_t i = from; i < to; i++)
    if (bytes[i] != GUARD) return false;
  return true;
}

/* Structs with room for guard bytes behind them. */
union guarded_result {
  caisson_result value;
  unsigned char bytes[sizeof(caisson_result) + 64];
};
union guarded_error {
  caisson_error value;
  unsigned char bytes[sizeof(caisson_error) + 64];
};
union guarded_request {
  caisson_request value;
  unsigned char bytes[sizeof(caisson_request) + 64];
};
union guarded_hooks {
  caisson_hooks value;
  unsigned char bytes[sizeof(caisson_hooks) + 64];
};
union guarded_host {
  caisson_host value;
  unsigned char bytes[sizeof(caisson_host) + 64];
};

/* Nothing but guard bytes, and a struct_size in front. */
static void guard(void *bytes, size_t n, size_t struct_size) {
  uint32_t size = (uint32_t)struct_size;
  memset(bytes, GUARD, n);
  memcpy(bytes, &size, sizeof size);
}

static void test_result_sizes(void) {
  static const size_t sizes[] = {offsetof(caisson_result, exit_code),
                                 offsetof(caisson_result, term_signal),
                                 offsetof(caisson_result, flags),
                                 offsetof(caisson_result, wall_ns),
                                 offsetof(caisson_result, bytes_out),
                                 offsetof(caisson_result, bytes_dropped),
                                 offsetof(caisson_result, json),
                                 offsetof(caisson_result, json) + 8,
                                 sizeof(caisson_result),
                                 sizeof(caisson_result) + 32};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    union guarded_result result;
    guard(&result, sizeof result, sizes[i]);
    uint64_t id = open_call("c", EXIT_3);
    is_int(p->call_run(box->id, id, NULL, &result.value, NULL), CAISSON_OK, "a result of %zu bytes",
           sizes[i]);
    is_int(result.value.outcome, CAISSON_OUTCOME_EXITED, "%zu: has its outcome", sizes[i]);
    size_t known = sizes[i] < sizeof(caisson_result) ? sizes[i] : sizeof(caisson_result);
    if (known == offsetof(caisson_result, json) + 8) known = offsetof(caisson_result, json);
    ok(is_untouched(result.bytes, known, sizeof result), "%zu: nothing behind it is written",
       sizes[i]);
    if (sizes[i] > offsetof(caisson_result, exit_code))
      is_int(result.value.exit_code, 3, "%zu: has its exit code", sizes[i]);
    if (sizes[i] >= sizeof(caisson_result))
      is_int(result.value.json.data[result.value.json.size], 0, "%zu: the document ends in a NUL",
             sizes[i]);
    p->call_close(box->id, id);
  }
  union guarded_result none;
  guard(&none, sizeof none, 4);
  uint64_t id = open_call("c", EXIT_3);
  is_int(p->call_run(box->id, id, NULL, &none.value, NULL), CAISSON_E_INVALID,
         "a result that can hold nothing");
  is_int(p->call_run(box->id, id, NULL, NULL, NULL), CAISSON_E_INVALID, "no result at all");
  caisson_result whole = {.struct_size = sizeof whole};
  is_int(p->call_run(box->id, id, NULL, &whole, NULL), CAISSON_OK,
         "such a mistake uses up no call");
  p->call_close(box->id, id);
}

static void test_error_sizes(void) {
  static const size_t sizes[] = {0,
                                 4,
                                 offsetof(caisson_error, flags),
                                 offsetof(caisson_error, sys_errno),
                                 offsetof(caisson_error, reason),
                                 offsetof(caisson_error, reason) + 10,
                                 offsetof(caisson_error, message),
                                 offsetof(caisson_error, message) + 10,
                                 sizeof(caisson_error),
                                 sizeof(caisson_error) + 16};
  static const char config[] = "{\"no\": 1}";
  uint64_t id;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    union guarded_error err;
    guard(&err, sizeof err, sizes[i]);
    is_int(p->create(&box->host, config, sizeof config - 1, &id, &err.value), CAISSON_E_CONFIG,
           "an error of %zu bytes", sizes[i]);
    size_t known = sizes[i] < sizeof(caisson_error) ? sizes[i] : sizeof(caisson_error);
    ok(is_untouched(err.bytes, known < 4 ? 4 : known, sizeof err),
       "%zu: nothing behind it is written", sizes[i]);
    if (known >= sizeof(caisson_error))
      is_str(err.value.reason, CAISSON_REASON_CONFIG, "%zu: has its reason", sizes[i]);
  }
  is_int(p->create(&box->host, config, sizeof config - 1, &id, NULL), CAISSON_E_CONFIG,
         "none at all");
  union guarded_error unused;
  guard(&unused, sizeof unused, sizeof(caisson_error));
  uint64_t call = open_call("c", EXIT_3);
  caisson_result result = {.struct_size = sizeof result};
  p->call_run(box->id, call, NULL, &result, &unused.value);
  ok(is_untouched(unused.bytes, 4, sizeof unused), "success leaves the error as it was");
  p->call_close(box->id, call);
}

/* What lies behind an older host's struct is no pointer that anybody may follow. */
static void test_request_sizes(void) {
  static const struct {
    const char *what;
    size_t size;
    int status;
  } rows[] = {{"less than a name", offsetof(caisson_request, name), CAISSON_E_INVALID},
              {"a name", offsetof(caisson_request, args_json), CAISSON_E_ARGUMENTS},
              {"arguments", offsetof(caisson_request, options_json), CAISSON_OK},
              {"options", offsetof(caisson_request, session), CAISSON_OK},
              {"a session", offsetof(caisson_request, deadline_ms), CAISSON_OK},
              {"a deadline", offsetof(caisson_request, output_limit), CAISSON_OK},
              {"a limit", offsetof(caisson_request, input), CAISSON_OK}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    union guarded_request request;
    guard(&request, sizeof request, rows[i].size);
    caisson_request whole = request_for("c", "{\"command\": \"cat; exit 0\"}");
    if (rows[i].size > 4) memcpy(request.bytes + 4, (unsigned char *)&whole + 4, rows[i].size - 4);
    caisson_result result = {.struct_size = sizeof result};
    uint64_t id = 0;
    int32_t rc = p->call_open(box->id, &request.value, &id, NULL);
    if (rc == CAISSON_OK) rc = p->call_run(box->id, id, NULL, &result, NULL);
    is_int(rc, rows[i].status, "a request that ends behind %s", rows[i].what);
    if (id) p->call_close(box->id, id);
  }
}

static void test_hooks_sizes(void) {
  static const size_t sizes[] = {
      4, offsetof(caisson_hooks, ctx), offsetof(caisson_hooks, cancelled),
      offsetof(caisson_hooks, output), offsetof(caisson_hooks, progress)};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    union guarded_hooks hooks;
    guard(&hooks, sizeof hooks, sizes[i]);
    static const caisson_hooks none = {.struct_size = 0};
    if (sizes[i] > 4) memcpy(hooks.bytes + 4, (const unsigned char *)&none + 4, sizes[i] - 4);
    caisson_result result = {.struct_size = sizeof result};
    uint64_t id = open_call("c", "{\"command\": \"echo out; exit 3\"}");
    is_int(p->call_run(box->id, id, &hooks.value, &result, NULL), CAISSON_OK, "hooks of %zu bytes",
           sizes[i]);
    is_int(result.exit_code, 3, "%zu: the call runs", sizes[i]);
    p->call_close(box->id, id);
  }
}

static void test_host_sizes(void) {
  static const size_t sizes[] = {offsetof(caisson_host, get_extension),
                                 offsetof(caisson_host, log)};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    union guarded_host host;
    guard(&host, sizeof host, sizes[i]);
    caisson_host whole = {.name = "old", .version = "0"};
    memcpy(host.bytes + 4, (unsigned char *)&whole + 4, sizes[i] - 4);
    uint64_t id = 0;
    is_int(p->create(&host.value, NULL, 0, &id, NULL), CAISSON_OK, "a host of %zu bytes", sizes[i]);
    is_int(p->destroy(id), CAISSON_OK, "%zu: and its end", sizes[i]);
  }
  caisson_host tiny = {.struct_size = 4};
  uint64_t id = 0;
  is_int(p->create(&tiny, NULL, 0, &id, NULL), CAISSON_E_INVALID, "a host that says nothing");
  is_int(p->create(NULL, NULL, 0, &id, NULL), CAISSON_E_INVALID, "no host");
  is_int(p->create(&box->host, NULL, 0, NULL, NULL), CAISSON_E_INVALID, "nowhere to put the id");
  is_int(p->create(&box->host, NULL, 5, &id, NULL), CAISSON_E_INVALID, "a length without a text");
}

/* ---- requests that no host should make ------------------------------------------------------- */

static void test_bad_requests(void) {
  static const char long_key[258] = {[0 ... 256] = 'k'};
  caisson_request good = request_for("c", EXIT_3);
  struct {
    const char *what;
    caisson_request request;
  } rows[] = {{"a name that is no UTF-8", good},
              {"arguments that are no UTF-8", good},
              {"a NUL in the name", good},
              {"a NUL in the session", good},
              {"a session of 257 bytes", good},
              {"a size without data", good},
              {"an options text that is no UTF-8", good}};
  rows[0].request.name = str("she\xffll");
  rows[1].request.args_json = str("{\"command\": \"\xc3\"}");
  rows[2].request.name = (caisson_str){"she\0ll", 6};
  rows[3].request.session = (caisson_str){"a\0b", 3};
  rows[4].request.session = (caisson_str){long_key, 257};
  rows[5].request.args_json = (caisson_str){NULL, 10};
  rows[6].request.options_json = str("\xed\xa0\x80");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    caisson_error err = {.struct_size = sizeof err};
    uint64_t id = 0;
    is_int(p->call_open(box->id, &rows[i].request, &id, &err), CAISSON_E_INVALID, "%s",
           rows[i].what);
    is_str(err.reason, CAISSON_REASON_ABI_INVALID, "%s: the reason", rows[i].what);
    ok(strstr(err.message, "request."), "%s: which member", rows[i].what);
    is_int(id, 0, "%s: no call", rows[i].what);
  }
  uint64_t id = 0;
  is_int(p->call_open(box->id, NULL, &id, NULL), CAISSON_E_INVALID, "no request");
  is_int(p->call_open(box->id, &good, NULL, NULL), CAISSON_E_INVALID, "nowhere to put the id");
  good.session = (caisson_str){long_key, 256};
  is_int(p->call_open(box->id, &good, &id, NULL), CAISSON_OK, "a session of 256 bytes is fine");
  p->call_close(box->id, id);
}

int main(void) {
  p = plugin();
  ok(p == plugin(), "the entry point");
  box = box_open(NULL);
  test_table();
  test_result_sizes();
  test_error_sizes();
  test_request_sizes();
  test_hooks_sizes();
  test_host_sizes();
  test_bad_requests();
  box_close(box);
  return done_testing();
}
