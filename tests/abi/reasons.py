#!/usr/bin/env python3
"""The reasons in caisson.h are those that the code has: none is missing there, and none is idle."""
import os
import re

from tap import diag, done_testing, is_, ok

DEFINE = re.compile(r'#\s*define\s+(\w+)\s+"([a-z_]+(?:\.[a-z_]+)+)"')
# Words of the wire: the channel gives each of these a reason of the header (channel/run.c).
WIRE = re.compile(r"CSN_REASON_")
HELPER = re.compile(r"CSN_OP_")
# A reason where one is given: csn_fail() and its kin, and reports that carry one.
SPOKEN = re.compile(r'(?:csn_fail|refuse|invalid)\w*\([^;]*?CAISSON_E_\w+,\s*"([a-z_]+\.[a-z_.]+)"', re.S)


def sources(top):
    for folder, _, names in os.walk(top):
        for name in sorted(names):
            if name.endswith((".c", ".h")):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    yield os.path.join(folder, name), file.read()


def unused(published, code, words):
    """Reasons that no code names, and that are not among the helper's own words."""
    return sorted(name for name, word in published.items()
                  if not re.search(r"\b%s\b" % name, code) and word not in words)


with open("abi/caisson.h", encoding="utf-8") as file:
    header = file.read()
published = {name: word for name, word in DEFINE.findall(header) if name.startswith("CAISSON_REASON_")}
files = dict(sources("plugin"))
code = "\n".join(files.values())
defined = [(name, word) for text in files.values() for name, word in DEFINE.findall(text)]
helper = {word for name, word in defined if HELPER.match(name)}
wire = [name for name, _ in defined if WIRE.match(name)]

ok(len(published) > 50 and len(helper) > 10 and len(wire) > 5, "reasons are found at all")
is_(len(set(published.values())), len(published), "each stands there once")
is_([w for w in published.values() if len(w) >= 64], [], "and fits into caisson_error")
is_(sorted(helper - set(published.values())), [], "what the helper reports is in the header")
is_(unused(published, code, helper), [], "what is in the header is used")
is_(sorted({w for text in files.values() for w in SPOKEN.findall(text)}), [],
    "nobody gives a reason that is only a word")
untold = [name for name in wire if not re.search(r"\b%s\b" % name, "\n".join(
    text for path, text in files.items() if not path.startswith("plugin/wire/")))]
is_(untold, [], "no word of the wire is idle") or diag(untold)

# The rules must be able to fail.
is_(unused({"CAISSON_REASON_NEW": "new.one"}, code, helper), ["CAISSON_REASON_NEW"], "an idle one is found")
is_(SPOKEN.findall('csn_fail(err, CAISSON_E_LIMIT, "some.thing", "x")'), ["some.thing"], "so is a mere word")
done_testing()
