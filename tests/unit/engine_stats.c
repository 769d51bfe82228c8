/* SPDX-License-Identifier: Apache-2.0 */
/* What a container uses, out of the answers of engines old and new, and of none at all. */
#include "engine/stats.h"

#include "engine_fixture.h"

static void test_answers(void) {
  static const struct {
    const char *name, *body;
    uint64_t memory, limit, cpu_ms, processes;
  } cases[] = {
      {"cgroups v1",
       "{\"memory_stats\":{\"usage\":5000,\"limit\":9000,\"stats\":{\"total_inactive_file\":1000,"
       "\"inactive_file\":1}},\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":2500000}},"
       "\"pids_stats\":{\"current\":3}}",
       4000, 9000, 2, 3},
      {"cgroups v2",
       "{\"memory_stats\":{\"usage\":5000,\"limit\":9000,\"stats\":{\"inactive_file\":2000}}}", 3000,
       9000, 0, 0},
      {"a cache above the usage",
       "{\"memory_stats\":{\"usage\":5,\"stats\":{\"inactive_file\":2000}}}", 5, 0, 0, 0},
      {"a year of CPU time", "{\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":31536000000000000}}}", 0, 0,
       31536000000, 0},
      {"numbers that are none",
       "{\"memory_stats\":{\"usage\":-5,\"limit\":\"x\"},\"cpu_stats\":{\"cpu_usage\":"
       "{\"total_usage\":1e300}},\"pids_stats\":[]}",
       0, 0, 0, 0},
      {"nothing", "{}", 0, 0, 0, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct fixture f;
    struct csn_stats s;
    set_up(&f, "1.41", 200, cases[i].body);
    is_int(csn_stats_get(f.engine, "a b", &no_control, &s, &f.err), 0, "%s", cases[i].name);
    ok(s.memory == cases[i].memory && s.memory_limit == cases[i].limit &&
           s.cpu_ms == cases[i].cpu_ms && s.processes == cases[i].processes,
       "is read: %llu %llu %llu %llu", (unsigned long long)s.memory,
       (unsigned long long)s.memory_limit, (unsigned long long)s.cpu_ms,
       (unsigned long long)s.processes);
    ok(asked(&f, "GET /v1.41/containers/a%20b/stats?stream=false&one-shot=true HTTP"), "by one sample");
    tear_down(&f);
  }
}

static void test_refusals(void) {
  struct fixture f;
  struct csn_stats s;
  set_up(&f, "1.41", 404, "{\"message\":\"none\"}");
  is_int(csn_stats_get(f.engine, "x", &no_control, &s, &f.err), CAISSON_E_ENGINE, "no such container");
  ok(csn_engine_is_missing(&f.err), "is missing");
  tear_down(&f);
  set_up(&f, "1.41", 200, "[1]");
  is_int(csn_stats_get(f.engine, "x", &no_control, &s, &f.err), CAISSON_E_ENGINE, "no document");
  is_str(f.err.reason, CAISSON_REASON_ENGINE_PROTOCOL, "is no answer");
  tear_down(&f);
}

int main(void) {
  test_answers();
  test_refusals();
  return done_testing();
}
