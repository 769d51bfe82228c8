#!/usr/bin/env python3
# What caisson-host says of files that are no plugin for it, or none that it trusts. Each is a file
# of its own, built here, and refused with words of its own; a plugin that is newer than the host but
# asks for no more is not refused.
import os
import shutil
import struct
import subprocess

from host_support import HOST, environment, host, path
from tap import diag, done_testing, is_, ok

ABI = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "abi")
OTHER_USER = 54321

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
%(more)s
"""

# Says that it was loaded, on stderr.
LOUD = """
#include <unistd.h>
__attribute__((constructor)) static void loud(void) { (void)!write(2, "LOADED\\n", 7); }
"""

NOTE = """
static const struct { uint32_t name, size, type; char owner[8]; caisson_note note; } note
  __attribute__((section(".note.caisson"), aligned(4), used)) = {8, sizeof(caisson_note),
  CAISSON_NOTE_TYPE, CAISSON_NOTE_NAME, {%(size)s, %(major)s, %(minor)s, %(needs)s, "%(version)s",
  "%(build)s"}};
"""

GOOD = {
    "size": "sizeof(caisson_plugin)", "magic": "CAISSON_MAGIC", "minor": "0", "needs": "0",
    "symbol": "caisson_plugin_v1", "answer": "&table.p", "more": "",
}
GOOD_NOTE = {"size": "sizeof(caisson_note)", "major": "1", "minor": "0", "needs": "0",
             "version": "9.9.9", "build": "none"}


def compile(source, *flags, name="plugin.so"):
    with open(path("plugin.c"), "w") as f:
        f.write(source)
    subprocess.run(["cc", "-w", "-I" + ABI, "-o", path(name), path("plugin.c"), *flags],
                   check=True)
    os.chmod(path(name), 0o755)
    return path(name)


def build(**changes):
    return compile(SOURCE % dict(GOOD, **changes), "-shared", "-fPIC")


def noted(**changes):
    """A good plugin with a note, which says when it is loaded."""
    return build(more=LOUD + NOTE % dict(GOOD_NOTE, **changes))


def refused(words, name, plugin, **how):
    done = host("--plugin", plugin, "tools", **how)
    good = done.code == 125 and os.path.basename(plugin) in done.err
    good = good and all(w in done.err for w in words) and not done.out
    ok(good, name) or diag("code %d\n%s" % (done.code, done.err))
    return done


def is_refused(words, name, **changes):
    refused([path("plugin.so"), *words], name, build(**changes))


def taken(name, plugin):
    done = host("--plugin", plugin, "tools")
    ok(done.code == 0 and "from-the-table" in done.out, name) or diag(done.err)


# ---- the table ----

taken("the table as it should be is taken", build())
taken("so is one of a newer plugin", build(minor="7", size="sizeof table"))
is_refused(["magic"], "a wrong magic number", magic="1")
is_refused(["magic"], "no table at all", answer="NULL")
is_refused(["magic"], "a table too short for its magic number", size="4")
is_refused(["ABI 1.3", "newer caisson-host"], "a plugin that needs a newer host", needs="3")
is_refused(["create"], "a table that ends too soon", size="40")
is_refused(["destroy"], "one that lacks its last member", size="sizeof(caisson_plugin) - 8")
is_refused(["caisson_plugin_v1", "major"], "a plugin of another major", symbol="caisson_plugin_v2")
done = host("--plugin", build(), "call", "shell", "id")
ok(done.code == 125 and done.err, "a plugin that fails without a word is no success")

# ---- the dynamic linker ----

done = refused(["undefined_function"], "a symbol that is missing shows at once",
               build(answer="(undefined_function(), (caisson_plugin *)0)"))
ok("/proc/self/fd" not in done.err, "by the path that was given")
os.rename(build(), path("liblent.so"))
refused(["not its own", "liblent.so"], "an entry point that is a library's",
        compile("int nothing;", "-shared", "-fPIC", "-Wl,--no-as-needed", path("liblent.so")))
refused(["it cannot be loaded"], "a program is not loaded",
        compile("int main(void) { return 0; }", "-pie", "-fPIE", name="program"))

# ---- the note ----

done = host("--plugin", noted(), "tools")
ok("from-the-table" in done.out and "LOADED" in done.err, "a note that agrees with the table")
for words, name, changes in (
        (["ABI 1.3", "newer caisson-host"], "a note that needs a newer host", {"needs": "3"}),
        (["a plugin of ABI 2"], "a note of another major", {"major": "2"}),
        (["note is damaged", "claim to be 9999"], "a note with a wrong size", {"size": "9999"}),
        (["note is damaged", "no text"], "a note with control characters", {"build": "\\033[2J"})):
    done = refused(words, name, noted(**changes))
    ok("LOADED" not in done.err, "%s: nothing of it has run" % name)
for what, changes in (("version", {"version": "1.0"}), ("build id", {"build": "x"}),
                      ("minor", {"minor": "5"})):
    refused(["its note says", "its table says"], "a note with another %s than the table" % what,
            noted(**changes))


# ---- the file ----

def patched(offset, data):
    """A good plugin with some bytes of its ELF header changed."""
    with open(build(), "r+b") as f:
        f.seek(offset)
        f.write(data)
    return path("plugin.so")


refused(["32-bit"], "a plugin for 32-bit programs", patched(4, b"\1"))
refused(["other byte order"], "one for the other byte order", patched(5, b"\2"))
refused(["RISC-V machines"], "one for another machine", patched(18, struct.pack("=H", 243)))
refused(["object file"], "one that was not linked", patched(16, struct.pack("=H", 1)))
refused(["damaged"], "one with headers beyond its end", patched(32, struct.pack("=Q", 1 << 40)))
with open(path("plugin.so"), "w") as f:
    f.write("/* GNU ld script */ INPUT(-lc)\n")
refused(["no shared object"], "a text", path("plugin.so"))
refused(["No such file"], "a file that is not there", path("nonesuch.so"))
refused(["it is a folder"], "a folder", path(""))
os.mkfifo(path("fifo"))
refused(["not a regular file"], "a pipe, and nobody waits for its writer", path("fifo"))
refused(["not a regular file"], "a device", "/dev/null")
refused(["Not a directory"], "a path through a file", build() + "/plugin.so")
os.symlink("loop", path("loop"))
refused(["symbolic links"], "a link to itself", path("loop"))

# ---- who could change it ----

for mode, who in ((0o757, "everybody"), (0o775, "its group")):
    os.chmod(build(), mode)
    refused([who, oct(mode)[2:], "chmod go-w"], "a file that %s can write" % who, path("plugin.so"))
    os.chmod(path("plugin.so"), 0o755)
    os.makedirs(path("open/inner"), exist_ok=True)
    shutil.copy(path("plugin.so"), path("open/inner"))
    os.chmod(path("open"), mode)
    refused([who, path("open"), "chmod go-w"], "a folder above it that %s can write" % who,
            path("open/inner/plugin.so"))
os.chmod(path("open"), 0o1777)
taken("a sticky folder may be on the way", path("open/inner/plugin.so"))
shutil.copy(path("plugin.so"), path("open"))
refused(["a folder of its own"], "though it may not hold the file itself", path("open/plugin.so"))
shutil.copy(os.environ["CAISSON_HOST"], path("open/inner/caisson-host"))
refused(["a folder of its own"], "nor where the host's own program lies further down",
        path("open/plugin.so"),
        under=("sh", "-c", 'shift; exec "$0" "$@"', path("open/inner/caisson-host")))
os.mkdir(path("links"))
os.symlink(path("open/inner/plugin.so"), path("links/absolute.so"))
os.symlink("../links/absolute.so", path("links/relative.so"))
taken("links are followed", path("links/relative.so"))
os.chmod(path("links"), 0o777)
refused([path("links"), "everybody"], "but not out of a folder that everybody can write",
        path("links/relative.so"))

if os.geteuid() == 0:
    os.chmod(path("links"), 0o1777)
    os.lchown(path("links/absolute.so"), OTHER_USER, 0)
    refused(["the link absolute.so", "user 54321"], "somebody else's link",
            path("links/relative.so"))
    os.chown(path("open"), OTHER_USER, 0)
    refused([path("open"), "user 54321"], "somebody else's folder", path("open/inner/plugin.so"))
    os.chown(path("plugin.so"), OTHER_USER, 0)
    refused(["the file", "user 54321"], "somebody else's file", path("plugin.so"))
    # What root has made is trusted by everyone, and what this user has made by that user alone.
    os.chmod(path(""), 0o755)
    as_other = ("setpriv", "--reuid", str(OTHER_USER), "--clear-groups")
    env = environment(CAISSON_CONFIG=None)
    done = host("--plugin", path("plugin.so"), "tools", under=as_other, env=env)
    ok("from-the-table" in done.out, "the same file is its owner's own") or diag(done.err)

# ---- beside the program ----

# Who can write there can replace the program itself.
os.mkdir(path("together"))
for name in (HOST, path("open/inner/plugin.so")):
    shutil.copy(name, path("together"))
os.chmod(path("together"), 0o777)
copy = subprocess.run([path("together/caisson-host"), "--plugin", path("together/plugin.so"),
                       "tools"], stdout=subprocess.PIPE, env=environment())
ok(b"from-the-table" in copy.stdout, "the folders above the program are as trusted as the program")
refused([path("together")], "by that program alone", path("together/plugin.so"))
if os.geteuid() == 0:
    os.mkdir(path("apart"))
    shutil.copy(path("together/plugin.so"), path("apart"))
    for name in ("together/caisson-host", "apart/plugin.so"):
        os.chown(path(name), OTHER_USER, 0)
    copy = subprocess.run([path("together/caisson-host"), "--plugin", path("apart/plugin.so"),
                           "tools"], stdout=subprocess.PIPE, env=environment())
    ok(b"from-the-table" in copy.stdout, "and so is the program's owner")
    refused(["user 54321"], "again by that program alone", path("apart/plugin.so"))

# ---- which path ----

os.chdir(os.path.dirname(build()))
taken("a relative path on the command line is no library name", "plugin.so")
done = host("tools", env=environment(CAISSON_PLUGIN=path("plugin.so")))
ok("from-the-table" in done.out, "$CAISSON_PLUGIN names one")
done = host("tools", env=environment(CAISSON_PLUGIN="plugin.so"))
ok(done.code == 125 and "must be absolute" in done.err, "but not by a relative path")
is_(host("--plugin", "x/" * 3000, "tools").code, 125, "a path that is too long")
done_testing()
