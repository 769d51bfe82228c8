/* SPDX-License-Identifier: Apache-2.0 */
/* Networks: what an engine is asked, and which one it is where there are several of a name. */
#include "engine/networks.h"
#include "engine_fixture.h"
#include "util/alloc.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define OURS "\"Labels\":{\"caisson.instance\":\"i\"}"

static int find(struct fixture *f, struct csn_network *found, cJSON **extra) {
  return csn_network_find(f->engine, "n", "caisson.instance=i", &no_control, found, extra, &f->err);
}

static void test_found(void) {
  struct fixture f;
  struct csn_network found CSN_CLEANUP_NETWORK = {0};
  cJSON *extra = NULL;
  set_up(&f, "1.41", 200,
         "[{\"Name\":\"nn\",\"Id\":\"" B "\"},{\"Name\":\"n\",\"Id\":\"" A "\",\"Driver\":\"bridge\","
         "\"Internal\":true,\"Options\":{\"o\":\"1\"},\"IPAM\":{\"Config\":[{\"Gateway\":\"10.0.0.1\"}]}}]");
  is_int(find(&f, &found, &extra), 0, "a network: %s", f.err.message);
  ok(asked(&f, "GET /v1.41/networks?filters=%7B%22name%22%3A%5B%22n%22%5D%7D HTTP"), "by its name");
  is_str(found.id, A, "and not one that only begins so");
  is_str(found.driver, "bridge", "its driver");
  is_int(found.internal, 1, "internal");
  is_str(csn_json_string(found.options, "o", ""), "1", "its options");
  is_int(cJSON_GetArraySize(found.ranges), 1, "its ranges");
  ok(!extra, "there is no other");
  tear_down(&f);
}

static void test_several(void) {
  struct fixture f;
  struct csn_network found CSN_CLEANUP_NETWORK = {0};
  cJSON *extra CSN_CLEANUP_JSON = NULL;
  set_up(&f, "1.41", 200,
         "[{\"Name\":\"n\",\"Id\":\"" C "\",\"Created\":\"2026-01-01T00:00:02Z\"," OURS "},"
         "{\"Name\":\"n\",\"Id\":\"" B "\",\"Created\":\"2026-01-01T00:00:01Z\"," OURS "},"
         "{\"Name\":\"n\",\"Id\":\"" A "\",\"Created\":\"2026-01-01T00:00:02Z\"}]");
  is_int(find(&f, &found, &extra), 0, "three of one name: %s", f.err.message);
  is_str(found.id, B, "the oldest is the one");
  is_int(cJSON_GetArraySize(extra), 2, "of the others those with our label may be removed");
  is_str(cJSON_GetStringValue(cJSON_GetArrayItem(extra, 0)), C, "the youngest first");
  is_str(cJSON_GetStringValue(cJSON_GetArrayItem(extra, 1)), B, "and it last");
  tear_down(&f);
}

static void test_nonsense(void) {
  static const struct { int code; const char *body, *reason; } rows[] = {
      {200, "[]", CAISSON_REASON_ENGINE_NOT_FOUND},
      {200, "[7,null,{\"Name\":7},{\"Name\":\"other\"}]", CAISSON_REASON_ENGINE_NOT_FOUND},
      {200, "[{\"Name\":\"n\",\"Id\":\"../x\"}]", CAISSON_REASON_ENGINE_PROTOCOL},
      {200, "{}", CAISSON_REASON_ENGINE_PROTOCOL},
      {500, "{\"message\":\"oops\"}", CAISSON_REASON_ENGINE_REFUSED},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct fixture f;
    struct csn_network found = {0};
    cJSON *extra = NULL;
    set_up(&f, "1.41", rows[i].code, rows[i].body);
    is_int(find(&f, &found, &extra), CAISSON_E_ENGINE, "%s", rows[i].body);
    is_str(f.err.reason, rows[i].reason, "is %s", rows[i].reason);
    ok(!found.raw && !extra, "and nothing is held");
    tear_down(&f);
  }
}

static void test_asked(void) {
  struct fixture f;
  cJSON *spec CSN_CLEANUP_JSON = cJSON_Parse("{\"Name\":\"n\"}"), *ids = NULL;
  set_up(&f, "1.41", 404, "{\"message\":\"none\"}");
  is_int(csn_network_create(f.engine, spec, &no_control, &f.err), CAISSON_E_ENGINE, "a create");
  ok(asked(&f, "POST /v1.41/networks/create HTTP"), "is asked for");
  ok(strstr(f.err.message, "create network \"n\""), "and named: %s", f.err.message);
  is_int(csn_network_remove(f.engine, "x y", &no_control, &f.err), 0, "one that is gone is removed");
  ok(asked(&f, "DELETE /v1.41/networks/x%20y HTTP"), "as asked");
  status = 403;
  is_int(csn_network_remove(f.engine, "x", &no_control, &f.err), CAISSON_E_ENGINE, "one in use is not");
  status = 200;
  body = "[{\"Id\":\"" A "\"},{\"Id\":\"" B "\"}]";
  is_int(csn_network_ids(f.engine, "a=b", &no_control, &ids, &f.err), 0, "those with a label");
  ok(asked(&f, "GET /v1.41/networks?filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%7D HTTP"), "as asked");
  is_int(cJSON_GetArraySize(ids), 2, "by their ids");
  cJSON_Delete(ids);
  tear_down(&f);
}

static void test_unsettled(void) {
  static const struct { const char *words; int is; } rows[] = {
      {"400 Bad Request: network n is ambiguous (3 matches found on name)", 1},
      {"404 Not Found: network " A " not found", 1},
      {"404 Not Found: No such container: x", 0},
      {"500: driver failed programming external connectivity on network n", 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct csn_error err = {0};
    csn_fail(&err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_REFUSED, "%s", rows[i].words);
    is_int(csn_network_is_unsettled(&err), rows[i].is, "%s", rows[i].words);
  }
}

int main(void) {
  test_found();
  test_several();
  test_nonsense();
  test_asked();
  test_unsettled();
  return done_testing();
}
