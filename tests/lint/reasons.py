#!/usr/bin/env python3
"""Each place where a tool is told to keep quiet says why, beside it."""
import os
import re
import subprocess

from tap import done_testing, is_, ok

# A mark in a line, and what must follow it: a reason of at least two words.
MARKS = [
    ("NOLINT", re.compile(r"NOLINT(NEXTLINE|BEGIN)?\b(?!END)"), re.compile(r"NOLINT\w*(\([\w.,*-]+\))?:? +\S+ +\S+")),
    ("cppcheck-suppress", re.compile(r"cppcheck-suppress"), re.compile(r"cppcheck-suppress *\S+ +(;|//)? *\S+ +\S+")),
    ("shellcheck disable", re.compile(r"shellcheck disable="), re.compile(r"shellcheck disable=\S+ +# *\S+ +\S+")),
    ("noqa", re.compile(r"# *noqa"), re.compile(r"# *noqa: *\S+ +\S+ +\S+")),
    ("pylint: disable", re.compile(r"pylint: *disable"), re.compile(r"pylint: *disable=\S+ +\S+ +\S+")),
    ("diagnostic ignored", re.compile(r"diagnostic ignored"), re.compile(r"diagnostic ignored \S+ *(/\*|//) *\S+ +\S+")),
]


def unexplained(lines):
    """Lines with a mark and no reason, as (number, mark)."""
    return [(n, name) for n, line in enumerate(lines, 1) for name, mark, reason in MARKS
            if mark.search(line) and not reason.search(line)]


def checks_without_reason(text):
    """Of a .clang-tidy: those switched off of which no comment `# NAME: why` speaks."""
    reasons = dict(re.findall(r"^# ([\w.*-]+): *(\S+ +\S+.*)$", text, re.M))
    off = re.findall(r"^  -([\w.*-]+),?$", text, re.M)
    return [name for name in off if name != "*" and name not in reasons]


def suppressions_without_reason(text):
    """Of a list for cppcheck: those that follow no comment."""
    lines = text.splitlines()
    return [line for n, line in enumerate(lines)
            if line and line[0] != "#" and (n == 0 or len(lines[n - 1].split()) < 3 or lines[n - 1][0] != "#")]


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

# The search itself must find.
is_(unexplained(["x(); /* NOLINT */", "y(); /* NOLINT(bugprone-x): it is meant so */"]), [(1, "NOLINT")],
    "a NOLINT without a reason is caught")
is_(unexplained(["# shellcheck disable=SC2016"]), [(1, "shellcheck disable")], "so is one of shellcheck's")
is_(unexplained(["// cppcheck-suppress nullPointer"]), [(1, "cppcheck-suppress")], "and one of cppcheck's")
is_(unexplained(['#pragma GCC diagnostic ignored "-Wx"']), [(1, "diagnostic ignored")], "and one of gcc's")
is_(checks_without_reason("# a-b: for a reason\nChecks: >\n  -*,\n  -a-b,\n  -c-d\n"), ["c-d"], "and a check switched off")
is_(suppressions_without_reason("# it cries wolf here\na\nb\n"), ["b"], "and one of cppcheck's list")

files = subprocess.run(["find", "plugin", "host_demo", "abi", "tests", ".ci", "Makefile", "-type", "f", "-not", "-path",
                        "*/corpus/*", "-not", "-path", "tests/lint/reasons.py"],
                       capture_output=True, text=True, check=True).stdout.split()
ok(len(files) > 300, f"{len(files)} files are looked at")
bad = [f"{path}:{n}: {name}" for path in files for n, name in unexplained(read(path).splitlines())]
is_(bad, [], "each exemption says why")
is_(checks_without_reason(read(".clang-tidy")), [], "each check of clang-tidy that is switched off says why")
is_(suppressions_without_reason(read("tests/lint/cppcheck.quiet")), [], "each of cppcheck's too")
is_(re.findall(r"--suppress=|-Wno-[\w-]+", read("Makefile")), [], "the Makefile silences nothing by itself")
done_testing()
