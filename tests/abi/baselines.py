#!/usr/bin/env python3
# abi/caisson.h keeps every promise of every header that was released (tests/abi/baseline): layout,
# types, constants. A made-up next minor of it would too, and headers that break one promise each
# are caught, with the promise in the words. abi/layout.c asserts all that there is.
import os
import re
import shutil
import subprocess
import tempfile

from abi_header import LAYOUT, READING, Header, breaks, missing_asserts, run
from tap import diag, done_testing, is_, ok

TESTS = os.path.dirname(os.path.realpath(__file__))
BASELINES = os.path.join(TESTS, "baseline")
TODAY = os.path.join(TESTS, "..", "..", "abi", "caisson.h")
ASSERTS = os.path.join(TESTS, "..", "..", "abi", "layout.c")

# What must be caught: its name, what is replaced by what in the header, and a part of the words.
# Those of the second table are layout or type, so that abidiff by itself must find them.
BROKEN = [
    ("a constant of another value", r"(CAISSON_E_LOST) \(-10\)", r"\1 (-20)",
     r"rule 3.*CAISSON_E_LOST was \(-10\) and is \(-20\)"),
    ("a flag of another value", r"(CAISSON_RESULT_CREATED) UINT32_C\(4\)", r"\1 UINT32_C(8)",
     "rule 3.*CAISSON_RESULT_CREATED"),
    ("a constant that is gone", r"#define CAISSON_OUTCOME_OOM.*", "",
     "rule 3.*CAISSON_OUTCOME_OOM is gone"),
    ("another word for a reason", r'"call\.deadline"', '"call.timeout"',
     "rule 3.*CAISSON_REASON_DEADLINE"),
    ("another entry symbol", r'"caisson_plugin_v1"', '"caisson_plugin"',
     "rule 3.*CAISSON_ENTRY_SYMBOL"),
    ("another name of an extension", r'"caisson\.gate/1"', '"caisson.gate/2"',
     "rule 3.*CAISSON_EXT_GATE"),
    ("a lower minor", r"(CAISSON_ABI_MINOR) \d+", r"\1 -1", "rule 3.*CAISSON_ABI_MINOR"),
    ("a struct that grew under the same minor", r"^} caisson_hooks;",
     "uint64_t more;\n} caisson_hooks;", "rule 3.*caisson_hooks has grown"),
    ("another CAISSON_HAS", r"struct_size >= \\", r"struct_size > \\", "rule 3.*CAISSON_HAS"),
    ("an input that is no longer const", r"const caisson_hooks \*hooks", "caisson_hooks *hooks",
     "rule 3.*caisson_plugin.call_run"),
    ("a bit-field", r"  uint32_t reserved;      /", "  uint32_t reserved : 32; /",
     "rule 2.*caisson_result.reserved"),
    ("a new member of no fixed width", r"^} caisson_host;", "long more;\n} caisson_host;",
     "rule 2.*caisson_host.more"),
    ("a new member that is a struct", r"^} caisson_hooks;", "caisson_gate more;\n} caisson_hooks;",
     "rule 2.*caisson_hooks.more"),
    ("a new member that leaves padding", r"^} caisson_hooks;", "int32_t more;\n} caisson_hooks;",
     "rule 1.*caisson_hooks has padding"),
    ("a new struct without its size", r"^typedef struct caisson_hooks",
     "typedef struct caisson_more {\nuint64_t more;\n} caisson_more;\ntypedef struct caisson_hooks",
     "rule 1.*caisson_more does not begin"),
]
BROKEN_LAYOUT = [
    ("a member that is gone", r"^  void \*input_ctx;$", "", "rule [13].*caisson_request"),
    ("a member in the middle", r"^  int32_t term_signal;", "int32_t more; int32_t term_signal;",
     "rule 1.*caisson_result"),
    ("a member in front", r"^typedef struct caisson_gate \{",
     "typedef struct caisson_gate { uint64_t more;", "rule 1.*caisson_gate"),
    ("two members that changed places", r"(  const char \*id;.*\n)(  const char \*version;.*\n)",
     r"\2\1", "rule 1.*caisson_plugin"),
    ("two functions that changed places", r"\(\*call_cancel\)(.*[^$]*?)\(\*call_close\)",
     r"(*call_close)\1(*call_cancel)", "rule 1.*caisson_plugin"),
    ("a larger array", r"(CAISSON_REASON_SIZE) 64", r"\1 80", "rule 1.*caisson_error"),
    ("a member of another sign", r"  int32_t code;", "  uint32_t code;", "rule 3.*caisson_error"),
    ("a member of another width", r"uint64_t deadline_ms;", "uint32_t deadline_ms, pad;",
     "rule [13].*caisson_request"),
    ("a member of another name", r"const char \*build_id;", "const char *build;",
     "rule 3.*caisson_plugin"),
    ("another return type", r"int32_t \(\*allow\)", "int64_t (*allow)", "rule 3.*caisson_gate"),
    ("another parameter", r"\(void \*ctx, int32_t level,", "(void *ctx, uint64_t level,",
     "rule 3.*caisson_host"),
    ("one parameter more", r"\(uint64_t instance, uint64_t grace_ms\)",
     "(uint64_t instance, uint64_t grace_ms, int32_t more)", "rule 3.*caisson_plugin"),
    ("a string of three words", r"^} caisson_str;", "uint64_t more;\n} caisson_str;",
     "rule [13].*"),
    ("a new member that moves a struct", r"^} caisson_error;", "uint64_t more;\n} caisson_error;",
     "rule 1.*alignment_of_caisson_error"),
    ("a type that is gone", r"caisson_gate\b(?!/)", "caisson_door", "rule 3.*caisson_gate"),
    ("an entry point that returns something else",
     r"^typedef const caisson_plugin \*caisson_entry_fn", "typedef const void *caisson_entry_fn",
     "rule 3.*witness_entry"),
]


def text_of(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def check_keeps(old, new, name):
    found = breaks(old, new)
    ok(not found, name) or diag("\n".join(found))


def check_caught(old, text, broken, checks):
    for name, pattern, replacement, words in broken:
        changed = re.sub(pattern, replacement, text, count=0 if "door" in replacement else 1,
                         flags=re.M)
        if not ok(changed != text, "%s: the header has what is to be changed" % name):
            continue
        found = breaks(old, Header(changed, work), checks)
        ok(any(re.search(words, line, re.S) for line in found), "caught: %s" % name) or diag(
            "not like %r: %s" % (words, "\n".join(found) or "nothing was found"))


def check_layout_source(today, upcoming):
    layout = text_of(ASSERTS)
    is_(missing_asserts(today, layout), [], "abi/layout.c asserts every member and every number")
    ok("AT(caisson_gate, next_call," in missing_asserts(upcoming, layout) and
       "VALUE(CAISSON_E_NEXT," in missing_asserts(upcoming, layout),
       "and one that it does not assert is missed")
    done = subprocess.run(["gcc", "-fsyntax-only", "-I", upcoming.folder, "-x", "c", "-"],
                          input=layout, text=True, stderr=subprocess.PIPE)
    ok(done.returncode == 0, "its asserts hold for a next minor") or diag(done.stderr)


if not shutil.which("abidiff"):
    raise SystemExit("Bail out! abidiff is missing (tests/setup/packages check)")
with tempfile.TemporaryDirectory() as work:
    header_text = text_of(TODAY)
    today = Header(header_text, work)
    ok(len(today.structs) >= 9 and len(today.structs["caisson_plugin"]) >= 17 and
       len(today.constants) >= 100, "the header is read whole: %d structs, %d constants" %
       (len(today.structs), len(today.constants)))
    upcoming = Header(run(os.path.join(TESTS, "peer", "next_header.py"), TODAY), work)
    for release in sorted(os.listdir(BASELINES)):
        baseline = Header(text_of(os.path.join(BASELINES, release, "caisson.h")), work)
        check_keeps(baseline, today, "today's header keeps the promises of %s" % release)
        check_keeps(baseline, upcoming, "so would a next minor")
    check_keeps(today, upcoming, "additions everywhere are no break of today's header")
    check_caught(today, header_text, BROKEN, READING)
    check_caught(today, header_text, BROKEN_LAYOUT, LAYOUT)
    # Additions hide nothing.
    check_caught(today, text_of(upcoming.path), BROKEN_LAYOUT, LAYOUT)
    check_layout_source(today, upcoming)
done_testing()
