#!/usr/bin/env python3
"""The layer rule: an include points down or stays in its layer, and each library has one home."""
import os
import re

from tap import done_testing, is_, ok

DOWN = ["util", "transport", "engine", "channel", "session", "tools", "entry"]
ABI = ["caisson.h"]

# What a folder may include beside system headers: folders of plugin/, or single files.
ALLOWED = {layer: DOWN[: n + 1] + ABI for n, layer in enumerate(DOWN)}
ALLOWED["channel"] = ALLOWED["channel"] + ["wire", "guest_hash.h"]
ALLOWED["tools"] = ALLOWED["tools"] + ["wire/entry.h"]
ALLOWED["wire"] = ["wire"]
ALLOWED["guest"] = ["guest", "wire", "util"]

# Libraries that only some folders may see.
HOMES = {"curl/": ["transport"], "archive": ["engine", "tools"], "pcre2": ["guest"], "editline/": [], "histedit.h": []}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def includes(text):
    return INCLUDE.findall(text)


def wrong(folder, text):
    """The includes in the text of a file of plugin/<folder> that break the rule."""
    bad = []
    for quote, name in includes(text):
        if quote == '"':
            target = name.split("/")[0]
            if target not in ALLOWED[folder] and name not in ALLOWED[folder]:
                bad.append(name)
        else:
            bad += [name for lib, home in HOMES.items() if name.startswith(lib) and folder not in home]
            bad += [name] if name in ABI else []
    return bad


def sources(top):
    for folder, _, names in os.walk(top):
        for name in sorted(names):
            if name.endswith((".c", ".h")):
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as file:
                    yield path, file.read()


for path, text in sources("plugin"):
    folder = path.split("/")[1]
    if ok(folder in ALLOWED, "%s lies in a known layer" % path):
        is_(wrong(folder, text), [], "%s includes only what lies below" % path)

own = {os.path.basename(path) for path, _ in sources("host_demo")}
for path, text in sources("host_demo"):
    foreign = [n for q, n in includes(text) if q == '"' and n not in own and n not in ABI]
    is_(foreign, [], "%s knows of the plugin only its header" % path)

with open("abi/caisson.h", encoding="utf-8") as file:
    is_([n for q, n in includes(file.read()) if q == '"'], [], "abi/caisson.h includes nothing of ours")

# The rule must be able to fail.
is_(wrong("engine", '#include "session/session.h"\n'), ["session/session.h"], "an include upwards is found")
is_(wrong("wire", '#include "util/error.h"\n'), ["util/error.h"], "wire/ stands alone")
is_(wrong("tools", "#include <curl/curl.h>\n"), ["curl/curl.h"], "a library outside its home is found")
is_(wrong("util", '#include "../entry/call.h"\n'), ["../entry/call.h"], "no way round by ..")
done_testing()
