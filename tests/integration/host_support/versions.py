"""Versions of a plugin that are made here, one for each way to behave; they need no engine."""
import json
import os
import subprocess

from . import environment, path

ABI = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "..",
                   "abi")

# NAME is what it answers. WAITS: its call_open (1) or call_run (2) waits until it is drained and
# then refuses, as a call finds it that comes a moment too late; create (3) or destroy (4) waits for
# the file GO.
SOURCE = r"""
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "caisson.h"
static atomic_int drained;
static const char described[] = DESCRIBED;
static const char answer[] = "{\"content\": [{\"type\": \"text\", \"text\": \"" NAME "\"}]}";

static void linger(int when) {
  if (WAITS != when) return;
  fprintf(stderr, NAME " lingers\n");
  while (access(GO, F_OK) != 0) usleep(1000);
}
static int32_t create(const caisson_host *h, const char *c, uint64_t n, uint64_t *i,
                      caisson_error *e) {
  (void)h;
  linger(3);
  if (n > 0 && c && strstr(c, "\"for\": \"" NAME "\"")) {
    e->code = CAISSON_E_CONFIG;
    strcpy(e->reason, CAISSON_REASON_CONFIG);
    strcpy(e->message, "/for: not for me");
    return CAISSON_E_CONFIG;
  }
  drained = 0;
  *i = 1;
  return 0;
}
static int32_t describe(uint64_t i, caisson_str *json) {
  (void)i;
  *json = (caisson_str){described, sizeof described - 1};
  return 0;
}
static int32_t refuse(void) {
  fprintf(stderr, NAME " waits\n");
  while (!drained) usleep(1000);
  return CAISSON_E_DRAINING;
}
static int32_t call_open(uint64_t i, const caisson_request *r, uint64_t *c, caisson_error *e) {
  (void)i; (void)e;
  if (r->flags & CAISSON_REQUEST_HOST) {
    if (OPERATION < 0) strcpy(e->message, "no sessions today");
    *c = 7;
    return OPERATION;
  }
  *c = 8;
  return WAITS == 1 ? refuse() : 0;
}
static int32_t call_run(uint64_t i, uint64_t c, const caisson_hooks *h, caisson_result *r,
                        caisson_error *e) {
  (void)i; (void)h; (void)e;
  if (c == 8 && WAITS == 2) return refuse();
  r->outcome = CAISSON_OUTCOME_EXITED;
  r->json = (caisson_str){answer, sizeof answer - 1};
  return 0;
}
static int32_t two(uint64_t i, uint64_t c) { (void)i; (void)c; return 0; }
static int32_t drain(uint64_t i, uint64_t g) { (void)i; (void)g; drained = 1; return 0; }
static int32_t destroy(uint64_t i) {
  (void)i;
  linger(4);
  fprintf(stderr, NAME " is gone\n");
  return 0;
}
static const caisson_plugin table = {
  .struct_size = sizeof table, .magic = CAISSON_MAGIC, .id = "fake", .version = "1",
  .build_id = NAME, .manifest_json = "{}", .create = create, .describe = describe,
  .call_open = call_open, .call_run = call_run, .call_cancel = two, .call_close = two,
  .drain = drain, .destroy = destroy};
const caisson_plugin *caisson_plugin_v1(void) { return &table; }
"""

# Answers at once, and knows when it is used as it must not be: a call on an instance that is gone,
# or an end while calls are open. Both would be a call that failed, by its status.
STRICT = r"""
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "caisson.h"
#define MOST 4096
static atomic_ulong last;
static struct { atomic_int alive, draining, open, running; } all[MOST];
static const char described[] = DESCRIBED;
static const char answer[] = "{\"content\": []}";
static int32_t create(const caisson_host *h, const char *c, uint64_t n, uint64_t *i,
                      caisson_error *e) {
  (void)h; (void)c; (void)n; (void)e;
  *i = ++last;
  if (*i >= MOST) return CAISSON_E_LIMIT;
  all[*i].alive = 1;
  return 0;
}
static int32_t describe(uint64_t i, caisson_str *json) {
  *json = (caisson_str){described, sizeof described - 1};
  return all[i].alive ? 0 : CAISSON_E_NOT_FOUND;
}
static int32_t call_open(uint64_t i, const caisson_request *r, uint64_t *c, caisson_error *e) {
  (void)r; (void)e;
  if (!all[i].alive) return CAISSON_E_NOT_FOUND;
  if (all[i].draining) return CAISSON_E_DRAINING;
  all[i].open++;
  *c = 1;
  return 0;
}
static int32_t call_run(uint64_t i, uint64_t c, const caisson_hooks *h, caisson_result *r,
                        caisson_error *e) {
  (void)c; (void)h; (void)e;
  if (!all[i].alive) return CAISSON_E_NOT_FOUND;
  all[i].running++;
  int32_t status = all[i].draining ? CAISSON_E_DRAINING : 0;
  r->outcome = status ? CAISSON_OUTCOME_NONE : CAISSON_OUTCOME_EXITED;
  r->json = (caisson_str){answer, sizeof answer - 1};
  all[i].running--;
  return status;
}
static int32_t cancel(uint64_t i, uint64_t c) { (void)i; (void)c; return 0; }
static int32_t call_close(uint64_t i, uint64_t c) {
  (void)c;
  all[i].open--;
  return all[i].alive ? 0 : CAISSON_E_NOT_FOUND;
}
static int32_t drain(uint64_t i, uint64_t g) {
  (void)g;
  all[i].draining = 1;
  while (all[i].running) usleep(10);
  return 0;
}
static int32_t destroy(uint64_t i) {
  if (all[i].open || !all[i].alive) fprintf(stderr, "ended in use\n");
  all[i].alive = 0;
  return 0;
}
static const caisson_plugin table = {
  .struct_size = sizeof table, .magic = CAISSON_MAGIC, .id = "fake", .version = "1",
  .build_id = NAME, .manifest_json = "{}", .create = create, .describe = describe,
  .call_open = call_open, .call_run = call_run, .call_cancel = cancel, .call_close = call_close,
  .drain = drain, .destroy = destroy};
const caisson_plugin *caisson_plugin_v1(void) { return &table; }
"""

TOOL = {"name": "shell", "inputSchema": {"type": "object", "required": ["command"],
                                         "properties": {"command": {"type": "string"}}},
        "_meta": {"caisson/tool": "shell"}}


def build(name, waits=0, operation=0, described=None, source=SOURCE):
    """A version that answers its name, as FOLDER/NAME/fake.so."""
    document = described if described is not None else {
        "instance": "one", "tools": [TOOL], "operations": [{"name": "session.list"}]}
    text = document if isinstance(document, str) else json.dumps(document)
    os.makedirs(path(name), exist_ok=True)
    so = path(name + "/fake.so")
    with open(path(name + "/fake.c"), "w") as f:
        f.write(source)
    subprocess.run(["cc", "-shared", "-fPIC", "-w", "-I" + ABI, "-DNAME=" + json.dumps(name),
                    "-DDESCRIBED=" + json.dumps(text), "-DWAITS=%d" % waits,
                    "-DGO=" + json.dumps(path(name + "/go")),
                    "-DOPERATION=%d" % operation, "-o", so, path(name + "/fake.c")], check=True)
    return so


def fake_config(**members):
    with open(path("fake.json"), "w") as f:
        json.dump(members, f)
    return environment(CAISSON_CONFIG=path("fake.json"))
