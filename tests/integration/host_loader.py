#!/usr/bin/env python3
# What caisson-host says of shared objects that are no plugin for it. Each is a table of its own,
# built here; a plugin that is newer than the host but asks for no more is not refused.
import os
import subprocess

from host_support import host, path
from tap import diag, done_testing, ok

ABI = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "abi")

SOURCE = """
#include <string.h>
#include "caisson.h"
static int32_t create(const caisson_host *h, const char *c, uint64_t n, uint64_t *i,
                      caisson_error *e) { (void)h; (void)c; (void)n; (void)e; *i = 1; return 0; }
static int32_t describe(uint64_t i, caisson_str *json) {
  (void)i;
  json->data = "{\\"tools\\": [{\\"name\\": \\"from-the-table\\"}]}";
  json->size = strlen(json->data);
  return 0;
}
static int32_t call_open(uint64_t i, const caisson_request *r, uint64_t *c, caisson_error *e) {
  (void)i; (void)r; (void)c; (void)e; return CAISSON_E_INTERNAL; }
static int32_t call_run(uint64_t i, uint64_t c, const caisson_hooks *h, caisson_result *r,
                        caisson_error *e) {
  (void)i; (void)c; (void)h; (void)r; (void)e; return CAISSON_E_INTERNAL; }
static int32_t two(uint64_t i, uint64_t c) { (void)i; (void)c; return 0; }
static int32_t destroy(uint64_t i) { (void)i; return 0; }
static struct { caisson_plugin p; void *newer[8]; } table = {{
  .struct_size = %(size)s, .magic = %(magic)s, .abi_minor = %(minor)s,
  .needs_host_minor = %(needs)s, .id = "test", .version = "9.9.9", .build_id = "none",
  .manifest_json = "{}", .create = create, .describe = describe, .call_open = call_open,
  .call_run = call_run, .call_cancel = two, .call_close = two, .drain = two, .destroy = destroy,
}, {0}};
const caisson_plugin *%(symbol)s(void) { return %(answer)s; }
"""

GOOD = {
    "size": "sizeof(caisson_plugin)", "magic": "CAISSON_MAGIC", "minor": "0", "needs": "0",
    "symbol": "caisson_plugin_v1", "answer": "&table.p",
}


def build(**changes):
    with open(path("plugin.c"), "w") as f:
        f.write(SOURCE % dict(GOOD, **changes))
    subprocess.run(["cc", "-shared", "-fPIC", "-w", "-I" + ABI, "-o", path("plugin.so"),
                    path("plugin.c")], check=True)
    return path("plugin.so")


def is_refused(words, name, **changes):
    done = host("--plugin", build(**changes), "tools")
    good = done.code == 125 and path("plugin.so") in done.err and all(w in done.err for w in words)
    ok(good and not done.out, name) or diag("code %d\n%s" % (done.code, done.err))


def is_taken(name, **changes):
    done = host("--plugin", build(**changes), "tools")
    ok(done.code == 0 and "from-the-table" in done.out, name) or diag(done.err)


is_taken("the table as it should be is taken")
is_taken("so is one of a newer plugin", minor="7", size="sizeof table")
is_refused(["magic"], "a wrong magic number", magic="1")
is_refused(["magic"], "no table at all", answer="NULL")
is_refused(["magic"], "a table too short for its magic number", size="4")
is_refused(["ABI 1.3", "newer caisson-host"], "a plugin that needs a newer host", needs="3")
is_refused(["create"], "a table that ends too soon", size="40")
is_refused(["destroy"], "one that lacks its last member", size="sizeof(caisson_plugin) - 8")
is_refused(["caisson_plugin_v1", "major"], "a plugin of another major", symbol="caisson_plugin_v2")
done = host("--plugin", build(), "call", "shell", "id")
ok(done.code == 125 and done.err, "a plugin that fails without a word is no success")
done = host("--plugin", build(answer="(undefined_function(), (caisson_plugin *)0)"), "tools")
ok(done.code == 125 and "undefined_function" in done.err, "a symbol that is missing shows at once")
os.chdir(os.path.dirname(path("plugin.so")))
build()
ok("from-the-table" in host("--plugin", "plugin.so", "tools").out,
   "a relative path is no library name")
done_testing()
