#!/usr/bin/env python3
"""What gcc's analyzer said of each file (the build keeps it in build/analyzed) is nothing, or stands in
analyzer.known with the reason why it is not so."""
import glob
import os
import re

from tap import diag, done_testing, is_, ok

FOLDER = "build/analyzed"
KNOWN = "tests/lint/analyzer.known"
FUNCTION = re.compile(r"^\S+: In function '(\w+)':$")
WARNING = re.compile(r"^(\S+?):\d+:\d+: warning: .*\[-Wanalyzer-([\w-]+)\]$")


def findings(text):
    """{(file, function, warning)} of what gcc printed in the C locale."""
    found, function = set(), "?"
    for line in text.splitlines():
        if m := FUNCTION.match(line):
            function = m[1]
        elif m := WARNING.match(line):
            found.add((m[1], function, m[2]))
    return found


def known(text):
    """{(file, function, warning): reason}"""
    lines = [line.split(maxsplit=3) for line in text.splitlines() if line and not line.startswith("#")]
    return {tuple(line[:3]): line[3] if len(line) > 3 else "" for line in lines}


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


# What is read from this is what gcc 12 prints.
SAMPLE = """a.c: In function 'f':
a.c:3:5: warning: dereference of NULL 'p' [CWE-476] [-Wanalyzer-null-dereference]
    3 |   *p = 1;
"""

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
is_(findings(SAMPLE), {("a.c", "f", "null-dereference")}, "a finding is understood")
reports = glob.glob(f"{FOLDER}/**/*.txt", recursive=True)
sources = glob.glob("plugin/**/*.c", recursive=True) + glob.glob("host_demo/*.c")
is_(sorted(f for f in sources if f"{FOLDER}/{f[:-2]}.txt" not in reports), [], "each file has been analyzed")
found = set().union(*(findings(read(f"{FOLDER}/{f[:-2]}.txt")) for f in sources))
excused = known(read(KNOWN))
for file, function, warning in sorted(found - set(excused)):
    ok(False, f"{file}: {function}(): {warning}")
    diag(f"see {FOLDER}/{file[:-2]}.txt; mend it, or say in {KNOWN} why it is not so")
is_(sorted(set(excused) - found), [], "all that is excused is still said")
is_(sorted(key for key, reason in excused.items() if len(reason.split()) < 3), [], "each excuse has its reason")
done_testing()
