"""For hosts that are no sanitized programs, such as an interpreter: a sanitized plugin can be loaded only
where its sanitizer was loaded before all else. Imports nothing that leaves something behind."""
import os
import re
import subprocess
import sys


def preload():
    """What such a host's environment needs; nothing where the plugin is a plain one. Leaks are not looked
    for: an interpreter has its own."""
    found = subprocess.run(["ldd", os.environ["CAISSON_PLUGIN"]], capture_output=True, text=True).stdout
    library = re.search(r"libasan\S* => (\S+)", found)
    if not library:
        return {}
    return {"LD_PRELOAD": library[1],
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


def load_first():
    """Starts this test again with the sanitizer, if it needs one."""
    needed = preload()
    if needed and os.environ.get("LD_PRELOAD") != needed["LD_PRELOAD"]:
        os.execve(sys.executable, [sys.executable, *sys.argv], dict(os.environ, **needed))
    sys.path.insert(0, PYTHON)


# Where caisson.py is.
PYTHON = os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../../host_demo/python"))
