"""What caisson.h promises, read from the header by the compiler's preprocessor and by abidiff: the
means by which baselines.py tells whether one header keeps another one's promises."""
import functools
import os
import re
import subprocess
import tempfile

RULES = {
    1: "structs begin with struct_size, and members are only ever appended",
    2: "members have a fixed width, and no struct, enum, bool or bit-field is one",
    3: "a minor adds; what exists is never changed",
}
# Rule 2: all that a member may be, but for pointers.
MEMBER_TYPES = ("int32_t", "uint32_t", "int64_t", "uint64_t", "caisson_str", "char")
# It counts the minors. All the others stay as they are.
GROWS = "CAISSON_ABI_MINOR"


def run(*command, stdin=None):
    """A command's output; one that fails ends the program with its words."""
    done = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    if done.returncode:
        raise SystemExit("Bail out! %s\n%s" % (" ".join(command), done.stdout))
    return done.stdout


class Header:
    """One caisson.h: .structs {name: {member: its declaration}} in order, .constants {name: what it
    expands to}, .library: a shared object with debug information that has each public type."""

    def __init__(self, text, folder):
        self.folder = tempfile.mkdtemp(dir=folder)
        self.path = os.path.join(self.folder, "caisson.h")
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(text)
        self.text = text

    @functools.cached_property
    def structs(self):
        plain = re.sub(r"\s+", " ", run("gcc", "-E", "-P", self.path))
        return {name: self._members(body) for body, name in
                re.findall(r"typedef struct \w+ \{ ?(.*?) ?\} (\w+);", plain)}

    @staticmethod
    def _members(body):
        members = {}
        for declaration in filter(None, (part.strip() for part in body.split(";"))):
            # Of a function pointer the name stands in the first parentheses.
            name = re.search(r"\(\*(\w+)\)|(\w+) ?(\[[^]]*\]|: ?\w+)?$", declaration)
            members[name[1] or name[2]] = declaration
        return members

    @functools.cached_property
    def constants(self):
        names = re.findall(r"^#define (CAISSON_(\w+)(?:\([^)]*\))?)(?= |$)", self.text, re.M)
        lines = "".join("\n@%s@ %s" % (name, use) for use, name in names)
        expanded = run("gcc", "-E", "-P", "-x", "c", "-", stdin='#include "%s"%s\n' %
                       (self.path, lines))
        return {"CAISSON_" + name: value.strip() for name, value in
                re.findall(r"^@(\w+)@ (.+)$", re.sub(r"\n(?!@)", " ", expanded), re.M)}

    @functools.cached_property
    def library(self):
        path = os.path.join(self.folder, "witness.so")
        functions = ["void witness_%s(%s *p) { (void)p; }" % (name, name) for name in self.structs]
        # A member that raised it would leave the structs of older peers where they must not be.
        functions += ["char alignment_of_%s[_Alignof(%s)];" % (name, name) for name in self.structs]
        functions.append("const caisson_plugin *caisson_plugin_v1(void) { return 0; }")
        functions.append("caisson_entry_fn *witness_entry(void) { return caisson_plugin_v1; }")
        run("gcc", "-g", "-shared", "-fPIC", "-w", "-I", self.folder, "-o", path, "-x", "c", "-",
            stdin='#include "caisson.h"\n' + "\n".join(functions))
        return path


def changed_constants(old, new):
    """[(rule, words)] for those of the older header that the newer one has not, or otherwise."""
    for name, value in old.constants.items():
        now = new.constants.get(name)
        if now is None:
            yield 3, "%s is gone" % name
        elif name == GROWS and int(now) >= int(value):
            continue
        elif now != value:
            yield 3, "%s was %s and is %s" % (name, value, now)


def changed_declarations(old, new):
    """[(rule, words)] for members that read otherwise: also what abidiff takes for harmless."""
    for struct, members in old.structs.items():
        for name, declaration in members.items():
            now = new.structs.get(struct, {}).get(name)
            if now != declaration:
                yield 3, "%s.%s was `%s` and is `%s`" % (struct, name, declaration, now)


def unannounced(old, new):
    """[(rule, words)] for structs that have grown while the minor did not."""
    if new.constants.get(GROWS) != old.constants[GROWS]:
        return
    for struct, members in old.structs.items():
        if len(new.structs.get(struct, ())) > len(members):
            yield 3, "%s has grown, and %s is still %s" % (struct, GROWS, old.constants[GROWS])


def changed_layout(old, new):
    """[(rule, words)] for what abidiff finds and no minor may do. It reports in blocks, one for
    each type; one passes that tells of members behind a struct's former end, and of no more."""
    report = subprocess.run(["abidiff", "--leaf-changes-only", "--harmless", old.library,
                             new.library], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)
    if report.returncode & 3:
        raise SystemExit("Bail out! abidiff: %s" % report.stdout)
    for block in re.split(r"\n(?=\S)", report.stdout):
        lines = [line.strip() for line in block.split("\n") if line.strip()]
        if not lines or "summary:" in lines[0] or re.match(r"\d+ Added ", lines[0]):
            continue
        rest = _not_appended(lines)
        if rest:
            moved = any(re.search(r"at offset|offset changed|type size changed", line)
                        for line in rest)
            yield (1 if moved else 3), "abidiff: %s %s" % (lines[0], "; ".join(rest))


def _not_appended(lines):
    """Of a block's lines those that are not about members behind the former end."""
    if not re.match(r"'struct \w+ at [^']*' changed:$", lines[0]):
        return lines
    grown = re.match(r"type size changed from (\d+) to (\d+)", lines[1]) if lines[1:] else None
    if not grown or int(grown[2]) < int(grown[1]):
        return lines[1:] or lines
    rest = []
    for line in lines[2:]:
        at = re.match(r"'.*', at offset (\d+) \(in bits\)", line)
        if not re.match(r"\d+ data member insertions?:$", line) and not (
                at and int(at[1]) >= int(grown[1])):
            rest.append(line)
    return rest


def own_mistakes(_, header):
    """[(rule, words)] for what no header may have, whatever was before it."""
    for struct, members in header.structs.items():
        if struct != "caisson_str" and next(iter(members.values())) != "uint32_t struct_size":
            yield 1, "%s does not begin with uint32_t struct_size" % struct
        for name, declaration in members.items():
            plain = declaration.replace("const ", "").split("[")[0]
            if "*" not in declaration and not re.fullmatch(
                    "(%s) %s" % ("|".join(MEMBER_TYPES), name), plain):
                yield 2, "%s.%s is `%s`" % (struct, name, declaration)
    for struct in padded(header):
        yield 1, "%s has padding behind its last member" % struct


def padded(header):
    """Structs that end in padding: a member that is put there later lies inside what an older
    peer's struct_size covers, so that CAISSON_HAS would see it where it is not."""
    claims = ['_Static_assert(sizeof(%s) == offsetof(%s, %s) + sizeof(((%s *)0)->%s), "%s");' %
              (struct, struct, last, struct, last, struct)
              for struct, last in ((name, list(members)[-1])
                                   for name, members in header.structs.items())]
    done = subprocess.run(["gcc", "-fsyntax-only", "-w", "-I", header.folder, "-x", "c", "-"],
                          input='#include "caisson.h"\n' + "\n".join(claims), text=True,
                          stderr=subprocess.PIPE)
    return re.findall(r'static assertion failed: "(\w+)"', done.stderr)


READING = (changed_constants, changed_declarations, unannounced, own_mistakes)
LAYOUT = (changed_layout,)


def breaks(old, new, checks=READING + LAYOUT):
    """What of the older header's promises the newer one breaks, as lines of text."""
    return ["rule %d (%s): %s" % (rule, RULES[rule], words)
            for check in checks for rule, words in check(old, new)]


def missing_asserts(header, layout):
    """What of a header abi/layout.c, whose text this is, says nothing about."""
    wanted = ["AT(%s, %s," % (struct, member)
              for struct, members in header.structs.items() for member in members]
    wanted += ["sizeof(%s)" % struct if struct == "caisson_str" else "SIZE(%s," % struct
               for struct in header.structs]
    wanted += ["VALUE(%s," % name for name, value in header.constants.items()
               if re.fullmatch(r"[-()\dxXa-fA-FULul ]+", value) and name != GROWS]
    return [line for line in wanted if line not in layout]
