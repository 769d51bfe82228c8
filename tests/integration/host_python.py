#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# caisson.py: what a host in Python can rely on, from streams to the interpreter's end.
import asyncio
import ctypes
import gc
import io
import json
import logging
import multiprocessing
import os
import pickle
import re
import signal
import subprocess
import sys
import tarfile
import threading
import time

from sanitizer import PYTHON, load_first

load_first()

import caisson
from host_support import INSTANCE, PATIENCE, configuration
from private_engine import seconds_until
from tap import diag, done_testing, is_, ok

PLUGIN = os.environ["CAISSON_PLUGIN"]
CONFIG = configuration("python.json")
LONG = {"command": "echo begun; sleep 1000"}


class Wrong(Exception):
    """What callbacks raise here."""


def raised(kind, function, *args, **how):
    """The exception of this kind that the function raises, or None, which fails."""
    try:
        got = function(*args, **how)
    except kind as error:
        return error
    diag("no %s but %r" % (kind.__name__, got))
    return None


# ---- calls ---------------------------------------------------------------------------------------


def test_result():
    lines, notes = [], []
    result = box.call("shell", {"command": "echo out; echo err >&2; exit 3"}, session="s",
                      on_output=lambda *line: lines.append(line), on_progress=lambda *note: notes.append(note))
    is_((result.status, result.outcome, result.exit_code, result.is_error), (0, "exited", 3, True),
        "a command that fails is a result")
    is_(result.text, "out\n[stderr]\nerr\n[exit 3]", "with what a model is shown")
    is_((result.structured["stdout"], result.structured["stderr"]), ("out\n", "err\n"), "and what programs are")
    is_(result.flags, frozenset(["created"]), "with its flags")
    ok(0 < result.wall_s < PATIENCE and result.bytes_out == 8, "its time and its bytes") or diag(vars(result))
    is_(sorted(lines), [(caisson.STDOUT, b"out\n"), (caisson.STDERR, b"err\n")], "output is streamed")
    ok(notes and all(isinstance(p, int) and isinstance(n, str) for p, n in notes),
       "so is the progress of a start") or diag(notes)
    is_(json.loads(result.json)["isError"], True, "the document is there as it came")
    error = raised(caisson.ToolError, result.check)
    ok(error and error.result is result, "check() raises what is_error says")
    good = box.call("shell", '{"command": "true"}', session="s")
    ok(good.check() is good and good.text == "(no output)", "or returns it; arguments can be JSON text")


def test_errors():
    error = raised(caisson.NotFoundError, box.call, "sell", {}, session="s")
    is_((error.status, error.reason, error.retryable), (-5, "tool.unknown", False), "an unknown tool raises")
    ok("shell" in error.message and error.hint and error.result.is_error and "shell" in error.result.text,
       "with words, a hint, and what a model may be shown")
    error = raised(caisson.ArgumentsError, box.call, "shell", {"command": 7}, session="s")
    is_(error.reason, "arguments.invalid", "so do wrong arguments")
    result = box.call("shell", {"command": 7}, session="s", check=False)
    ok(isinstance(result.error, caisson.ArgumentsError) and "command" in result.text and
       result.outcome == "none", "unless it is not to be checked") or diag(result.text)
    error = raised(caisson.ConfigError, box.call, "shell", {"command": "true"}, session="s",
                   options={"limits": {"memory": "lots"}})
    ok("limits.memory" in error.message, "wrong options are named by their path") or diag(error.message)
    error = raised(caisson.InvalidError, box.call, "shell", {"command": "true"}, session="k" * 300)
    is_(error.reason, "abi.invalid", "a key that is too long is the host's own mistake")
    error = raised(caisson.NotFoundError, box.operation, "session.rename")
    is_(error.reason, "operation.unknown", "operations have their own names")
    error = raised(caisson.ConfigError, caisson.Caisson, PLUGIN, {"config_version": 1, "sandboxes": {}})
    ok("sandboxes" in error.message, "a wrong configuration makes no instance") or diag(error.message)
    error = raised(caisson.ConfigError, caisson.Caisson, PLUGIN, "/no/such/file.json")
    ok("/no/such/file.json" in error.message, "nor does one that is not there")
    error = raised(caisson.EngineError, caisson.Caisson, PLUGIN,
                   {"config_version": 1, "engine": {"endpoint": "unix:///no/such/socket"}})
    is_((error.reason, error.retryable), ("engine.unreachable", True), "nor an engine, which may come back")
    ok(issubclass(caisson.EngineError, caisson.CaissonError), "all of them are a CaissonError")


def test_stdin():
    count = {"command": "wc -c; true"}
    data = os.urandom(300000)
    for what, stdin in (("bytes", data), ("a file", io.BytesIO(data)), ("pieces, and some that are late",
                        iter([data[:1], None, b"", bytearray(data[1:9]), None, memoryview(data)[9:]]))):
        is_(box.call("shell", count, session="s", stdin=stdin).structured["stdout"], "300000\n",
            "stdin of %s" % what)

    def broken():
        yield b"some"
        raise Wrong("input")

    is_(str(raised(Wrong, box.call, "shell", count, session="s", stdin=broken())), "input",
        "an exception of the input comes out of the call")
    is_(str(raised(TypeError, box.call, "shell", count, session="s", stdin=["text"])),
        "memoryview: a bytes-like object is required, not 'str'", "text is no input")


def test_transfers():
    found = box.upload("s", "../a.txt", b"uploaded")
    is_((found["path"], found["size"]), ("/workspace/uploads/a.txt", 8), "an upload")
    archive = io.BytesIO()
    is_(box.get("s", "uploads", archive, format="tar")["entries"], 2, "a folder is fetched")
    archive.seek(0)
    with tarfile.open(fileobj=archive) as tar:
        is_(tar.extractfile("uploads/a.txt").read(), b"uploaded", "as an archive")
    archive.seek(0)
    box.put("s", archive, path="copy")
    is_(box.call("shell", {"command": "cat copy/uploads/a.txt"}, session="s").structured["stdout"], "uploaded",
        "and put elsewhere")
    error = raised(caisson.ArgumentsError, box.put, "s", b"none")
    is_(error.reason, "archive.invalid", "what cannot be unpacked raises")


def test_texts():
    """What no request can hold is refused by name, and never taken for something else."""
    for key in (0, 7, False, b"s"):
        error = raised(TypeError, box.call, "shell", {"command": "true"}, session=key)
        ok("session" in str(error), "a session that is no string: %r" % key) or diag(error)
    for what, how in (("key", {"session": "a\ud800"}), ("key with a NUL", {"session": "a\0b"}),
                      ("tool's name", {"session": "s", "tool": "sh\udc80"}),
                      ("arguments' text", {"session": "s", "args": '{"command": "\ud800"}'})):
        call = dict({"tool": "shell", "args": {"command": "true"}}, **how)
        error = raised(caisson.CaissonError, box.call, **call)
        is_(error and error.reason, "abi.invalid", "a %s that is not UTF-8, or no text" % what)
    error = raised(caisson.ArgumentsError, box.call, "shell", {"command": "\ud800"}, session="s")
    is_(error and error.reason, "arguments.invalid", "in a dict it is the model's mistake")


def test_numbers():
    for how in ({"output_limit": -1}, {"output_limit": 1 << 64}, {"deadline": float("inf")}, {"deadline": 1e17}):
        error = raised(ValueError, box.open, "shell", LONG, session="s", **how)
        ok(list(how)[0] in str(error), "a number that the ABI does not have: %s" % how) or diag(error)
    ok("grace" in str(raised(ValueError, box.drain, -1)), "a grace below nothing too")
    is_(box.call("shell", LONG, session="s", deadline=-1).outcome, "deadline", "a deadline may be over")


def test_layout():
    """The structs are those of caisson.h: abi/layout.c has every offset."""
    with open(os.path.join(PYTHON, "../../abi/layout.c")) as f:
        lines = re.findall(r"^(AT|SIZE)\(caisson_(\w+), (?:(\w+), )?(\d+)\);$", f.read(), re.M)
    known = {"".join(word.title() for word in name.split("_")): name for _, name, _, _ in lines}
    structs = {known[name[1:]]: struct for name, struct in vars(caisson).items() if name[1:] in known and
               isinstance(struct, type) and issubclass(struct, ctypes.Structure)}
    is_(sorted(set(known.values()) - set(structs)), ["async", "event", "note"], "structs that are not used here")
    wrong = [line for line in lines if line[1] in structs and
             (getattr(structs[line[1]], line[2]).offset if line[2] else ctypes.sizeof(structs[line[1]])) !=
             int(line[3])]
    is_(wrong, [], "the others are laid out as caisson.h has them")


# ---- cancels -------------------------------------------------------------------------------------


def test_cancels():
    call = box.open("shell", LONG, session="s")
    result = call.run(on_output=lambda stream, data: threading.Thread(target=call.cancel).start())
    is_((result.outcome, result.exit_code), ("cancelled", 130), "another thread cancels a call")
    is_(call.cancel(), None, "again, when it is over, does nothing")
    is_(raised(caisson.StateError, call.run).reason, "abi.state", "a call runs once")
    with box.open("shell", LONG, session="s") as call:
        call.cancel()
        is_(call.run().outcome, "cancelled", "before its start too")
    seen = threading.Event()
    result = box.call("shell", LONG, session="s", on_output=lambda *_: seen.set(), cancelled=seen.is_set)
    is_(result.outcome, "cancelled", "the callback cancels")
    is_(box.call("shell", LONG, session="s", deadline=1.5).outcome, "deadline", "a deadline is in seconds")


def test_exceptions():
    def wrong(*_):
        raise Wrong("callback")

    for how in ("on_output", "cancelled", "on_progress"):
        session = "" if how == "on_progress" else "s"
        error = raised(Wrong, box.call, "shell", LONG, session=session, **{how: wrong})
        is_(str(error), "callback", "an exception in %s cancels the call and comes out of it" % how)
    is_(box.call("shell", {"command": "echo well"}, session="s").structured["stdout"], "well\n",
        "the session lives on")


def interrupted(command, waiting=None):
    """What comes out of a call when Ctrl-C is pressed once, while the main thread is inside of it."""
    begun = threading.Event()

    def on_output(*_):
        begun.set()
        while waiting and not waiting.wait(0.05):
            pass

    press = threading.Thread(target=lambda: begun.wait(PATIENCE) and os.kill(os.getpid(), signal.SIGINT))
    press.start()
    error = raised(KeyboardInterrupt, box.call, "shell", {"command": command}, session="s", on_output=on_output)
    press.join()
    return error


def test_interrupt():
    ok(interrupted(LONG["command"]) is not None, "Ctrl-C comes out of a call that waits")
    is_([n for n in range(20) if interrupted("yes") is None], [], "and of one that prints without pause")
    ok(interrupted("echo begun", threading.Event()) is not None, "and of a callback that waits for ever")
    ok(signal.getsignal(signal.SIGINT) is signal.default_int_handler, "which Python goes on to handle itself")
    begun = []

    def nested(*_):
        begun.append(box.call("shell", {"command": "echo inner"}, session="s").structured["stdout"])

    box.call("shell", {"command": "echo outer"}, session="s", on_output=nested)
    is_(begun, ["inner\n"], "a callback can make a call of its own")


# ---- many at once --------------------------------------------------------------------------------


def test_threads():
    wrong = []

    def work(n):
        for i in range(20):
            said = "%d-%d" % (n, i)
            result = box.call("shell", {"command": "cat; exit %d" % n}, session="s", stdin=said.encode())
            if (result.structured["stdout"], result.exit_code) != (said, n):
                wrong.append((said, result.json))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ok(not wrong, "16 threads with 20 calls each, and every answer is its own") or diag(wrong[:3])


async def fifty():
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()
    waiting = {n for n in range(50) if n % 2}

    def output(n):
        def on_output(stream, data):
            waiting.discard(n)
            if not waiting:
                loop.call_soon_threadsafe(begun.set)
        return on_output

    tasks = [asyncio.create_task(box.call_async(
        "shell", LONG if n % 2 else {"command": "echo %d" % n}, session="s",
        on_output=output(n) if n % 2 else None)) for n in range(50)]
    await begun.wait()
    for n in range(1, 50, 2):
        tasks[n].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    is_([f.structured["stdout"] for f in found[::2]], ["%d\n" % n for n in range(0, 50, 2)],
        "of 50 tasks those that were left alone have their answers")
    is_({type(f) for f in found[1::2]}, {asyncio.CancelledError}, "the others are cancelled")
    left = await box.call_async("shell", {"command": "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"}, session="s")
    ok("sleep 1000" not in left.structured["stdout"], "and so is what they ran, before they ended") \
        or diag(left.structured["stdout"])
    listed = await box.operation_async("session.list")
    is_([s["key"] for s in listed.structured["sessions"]], ["s"], "operations can be awaited too")
    calls = [asyncio.to_thread(box.call, "shell", {"command": "echo %d" % n}, session="s") for n in range(8)]
    is_([f.structured["stdout"] for f in await asyncio.gather(*calls)], ["%d\n" % n for n in range(8)],
        "asyncio.to_thread does as well")
    try:
        await box.call_async("sell")
    except caisson.NotFoundError as error:
        is_(error.reason, "tool.unknown", "errors come out of the await")
    try:
        await asyncio.wait_for(box.call_async("shell", LONG, session="s"), 0.5)
    except asyncio.TimeoutError:
        ok(True, "a timeout of asyncio's cancels as well")


# ---- extensions and the log ----------------------------------------------------------------------


class Lines(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append((record.levelno, record.getMessage()))


def test_extensions():
    asked, keys = [], []

    def gate(tool, session, args, operation):
        asked.append((tool, session, args, operation))
        if args.get("command") == "raise":
            raise Wrong("gate")
        return {"no": False, "words": "ask 管理者 first"}.get(args.get("command"))

    def session_options(key):
        keys.append(key)
        if key == "wrong":
            raise Wrong("options")
        return {"env": {"KEY": key}} if key == "own" else None

    log = logging.Logger("test")
    handler = Lines()
    log.addHandler(handler)
    with caisson.Caisson(PLUGIN, CONFIG, gate=gate, session_options=session_options, logger=log) as guarded:
        result = guarded.call("shell", {"command": "echo $KEY"}, session="own")
        is_(result.structured["stdout"], "own\n", "session_options shapes a session that a call has to make")
        is_(asked, [("shell", "own", {"command": "echo $KEY"}, False)], "the gate is asked before")
        for command, words in (("no", None), ("words", "ask 管理者 first")):
            error = raised(caisson.RefusedError, guarded.call, "shell", {"command": command}, session="own")
            is_(error.reason, "gate.refused", "what it refuses does not run")
            ok(words is None or words in error.result.text, "its words are for the model")
        is_(str(raised(Wrong, guarded.call, "shell", {"command": "raise"}, session="own")), "gate",
            "its exception comes out of the call")
        is_(str(raised(Wrong, guarded.call, "shell", {"command": "true"}, session="wrong")), "options",
            "so does that of session_options")
        guarded.operation("session.remove", session="own")
        is_(asked[-1][::3], ("session.remove", True), "operations are asked for as such")
        is_(keys, ["own", "wrong"], "session_options was asked once for each start")
        error = raised(caisson.StateError, guarded.call, "shell", {"command": "echo x"}, session="",
                       on_output=lambda *_: guarded.close())
        ok(error is not None, "no closing from inside a call")
    ok(any(level == logging.INFO and "own" in line for level, line in handler.lines),
       "the plugin's log goes to logging") or diag(handler.lines)


# ---- the loader ----------------------------------------------------------------------------------

OTHER_PLUGIN = r"""
#include <stddef.h>
#include "caisson.h"
static struct { caisson_plugin p; void *more[8]; } table;
const caisson_plugin *caisson_plugin_v1(void) {
  const caisson_plugin *real = REAL;
  if (real) table.p = *real;
  table.p.struct_size = SIZE;
  table.p.magic = MAGIC;
  table.p.abi_minor = 7;
  table.p.needs_host_minor = NEEDS;
  return &table.p;
}
"""


def other_plugin(name, real="NULL", size="sizeof table", magic="CAISSON_MAGIC", needs="0"):
    folder = os.path.dirname(CONFIG)
    source, made = os.path.join(folder, name + ".c"), os.path.join(folder, name + ".so")
    if real != "NULL":
        real = '((caisson_entry_fn *)dlsym(dlopen("%s", RTLD_NOW), CAISSON_ENTRY_SYMBOL))()' % PLUGIN
    with open(source, "w") as f:
        f.write("#include <dlfcn.h>\n" + OTHER_PLUGIN)
    macros = {"REAL": real, "SIZE": size, "MAGIC": magic, "NEEDS": needs}
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", made, "-I", os.path.join(PYTHON, "../../abi"),
                    *("-D%s=%s" % macro for macro in macros.items()), source, "-ldl"], check=True)
    return made


def test_loader():
    text = os.path.join(os.path.dirname(CONFIG), "text.so")
    with open(text, "w") as f:
        f.write("no library\n")
    for path, words in (("caisson.so", "not absolute"), ("/no/such/caisson.so", "no such file"),
                        (text, "cannot be loaded"), (other_plugin("magic", magic="7"), "magic"),
                        (other_plugin("needs", needs="3"), "ABI 1.3 or newer"),
                        (other_plugin("tiny", size="8"), "lacks `id`"),
                        (other_plugin("older", "REAL", "offsetof(caisson_plugin, call_cancel)"),
                         "lacks `call_cancel`"),
                        (other_plugin("empty"), "lacks `id`")):
        error = raised(caisson.LoadError, caisson.load, path)
        ok(error and words in error.message and path in error.message,
           "%s is refused: %s" % (os.path.basename(path), words)) or diag(error)
    import _ctypes
    error = raised(caisson.LoadError, caisson.load, os.path.realpath(_ctypes.__file__))
    ok(error and "does not export" in error.message, "another library is refused: does not export") or diag(error)
    with caisson.Caisson(other_plugin("newer", "REAL"), CONFIG) as newer:
        is_(newer.call("shell", {"command": "echo new"}, session="s").structured["stdout"], "new\n",
            "a plugin with a longer table is used as far as it is known")


def test_documents():
    """The examples are run as they stand, but for where the plugin is and what is configured."""
    top = os.path.join(PYTHON, "../..")
    for name in ("README.md", "host_demo/README.md"):
        with open(os.path.join(top, name)) as f:
            example = f.read().split("```python\n")[1].split("```")[0]
        made = example.replace('"/usr/local/lib/caisson/caisson.so"', "%r, %r" % (PLUGIN, CONFIG))
        made = made.replace(', {"config_version": 1}', "")
        done = subprocess.run([sys.executable, "-c", made], env=dict(os.environ, PYTHONPATH=PYTHON),
                              capture_output=True, text=True, timeout=PATIENCE)
        wanted = "0 42\n" if name == "README.md" else "port.unmapped"
        ok(done.returncode == 0 and wanted in done.stdout, "the example in %s" % name) \
            or diag(done.stdout + done.stderr)


# ---- other processes, and the end ----------------------------------------------------------------


def in_child(pipe):
    """What a child of fork() finds."""
    error = raised(caisson.ForkedError, box.call, "shell", {"command": "true"}, session="s")
    said = [type(error).__name__, error and error.message]
    said.append(type(raised(caisson.ForkedError, box.tools)).__name__)
    said.append(type(raised(caisson.ForkedError, caisson.Caisson, PLUGIN, CONFIG)).__name__)
    box.close()
    pipe.send(said)


def test_fork():
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=in_child, args=(theirs,))
    child.start()
    theirs.close()
    said = ours.recv() if ours.poll(PATIENCE) else []
    child.join(PATIENCE)
    is_((said[:1] + said[2:], child.exitcode), (["ForkedError"] * 3, 0), "a forked child gets an error")
    ok("after the fork" in said[1], "that says what to do") or diag(said)
    is_(box.call("shell", {"command": "echo on"}, session="s").structured["stdout"], "on\n", "the parent goes on")
    error = raised(TypeError, pickle.dumps, box)
    ok(error and "belongs to its process" in str(error), "one cannot be sent to another process")


def test_close():
    other = caisson.Caisson(PLUGIN, CONFIG)
    found = []
    begun = threading.Event()
    running = threading.Thread(target=lambda: found.append(
        other.call("shell", LONG, session="s", on_output=lambda *_: begun.set())))
    running.start()
    begun.wait(PATIENCE)
    is_(other.drain(0.1), False, "drain() cancels what does not end by itself")
    running.join(PATIENCE)
    is_([f.outcome for f in found], ["cancelled"], "that call ends")
    raised_error = raised(caisson.DrainingError, other.call, "shell", LONG, session="s")
    is_(raised_error.reason, "instance.draining", "others do not begin")
    other.close()
    other.close()
    ok(raised(caisson.DrainingError, other.tools), "nor after it is closed, twice")


def test_close_in_drain():
    other = caisson.Caisson(PLUGIN, CONFIG)
    found, begun = [], threading.Event()
    running = threading.Thread(target=lambda: found.append(
        other.call("shell", LONG, session="s", on_output=lambda *_: begun.set())), daemon=True)
    running.start()
    begun.wait(PATIENCE)
    draining = threading.Thread(target=lambda: other.drain(10 * PATIENCE), daemon=True)
    draining.start()
    drains = seconds_until(
        lambda: isinstance(raised(caisson.CaissonError, other.open, "sell"), caisson.DrainingError), PATIENCE)
    closing = threading.Thread(target=other.close, daemon=True)
    closing.start()
    closing.join(PATIENCE)
    ok(drains is not None and not closing.is_alive(), "close() does not wait for a drain() that waits for calls")
    running.join(PATIENCE)
    is_([f.outcome for f in found], ["cancelled"], "it cancels them")


def test_close_while_asked():
    wrong = []

    def ask(other):
        try:
            while True:
                other.tools()
        except caisson.DrainingError:
            pass
        except BaseException as error:
            wrong.append(error)

    for _ in range(10):
        other = caisson.Caisson(PLUGIN, CONFIG)
        asking = [threading.Thread(target=ask, args=(other,)) for _ in range(4)]
        for thread in asking:
            thread.start()
        other.close()
        for thread in asking:
            thread.join()
    is_(wrong, [], "who asks for the tools while it closes has them whole, or an error")


AT_EXIT = """
import gc, sys, threading
sys.path.insert(0, %r)
import caisson
caisson.EXIT_PATIENCE_S = 1
box = caisson.Caisson(%r, %r)
begun = threading.Barrier(9)
for_ever = threading.Event()

def on_output(stream, data):
    begun.wait()
    if %r:
        for_ever.wait()

def work():
    while True:
        box.call("shell", {"command": "echo begun; sleep 1000"}, session="s", on_output=on_output)

for _ in range(8):
    threading.Thread(target=work, daemon=True).start()
begun.wait()
print("end", flush=True)
"""


def test_exit():
    for blocked in (False, True):
        done = subprocess.run([sys.executable, "-c", AT_EXIT % (PYTHON, PLUGIN, CONFIG, blocked)],
                              capture_output=True, text=True, timeout=PATIENCE)
        is_((done.returncode, done.stdout), (0, "end\n"), "an interpreter ends well with eight calls running" +
            (" whose callbacks never return" if blocked else "")) or diag(done.stderr[-2000:])
        ok("Traceback" not in done.stderr, "and no thread complains") or diag(done.stderr[-2000:])


def test_garbage():
    def output(stream, data):
        cycle = [data]
        cycle.append(cycle)
        gc.collect()

    gc.set_threshold(5)
    try:
        for n in range(10):
            dropped = caisson.Caisson(PLUGIN, CONFIG)
            dropped.open("shell", LONG, session="s")
            kept = [dropped, output]
            kept.append(kept)
            result = dropped.call("shell", {"command": "seq 1 100"}, session="s", on_output=output)
            del dropped, kept
    finally:
        gc.set_threshold(700)
    is_(result.exit_code, 0, "with the collector always at work, in callbacks too, calls go on")
    gc.collect()
    gone = seconds_until(lambda: len(caisson._living) == 1, PATIENCE)
    ok(gone is not None, "instances that nobody has any more are ended") or diag(caisson._living)


with caisson.Caisson(PLUGIN, CONFIG, name="test", version="1") as box:
    is_([tool["name"] for tool in box.tools()][:2], ["shell", "run_python"], "the tools have names")
    ok("session.list" in [o["name"] for o in box.operations()] and box.version, "so have operations")
    test_result()
    test_errors()
    test_stdin()
    test_transfers()
    test_texts()
    test_numbers()
    test_layout()
    test_cancels()
    test_exceptions()
    test_interrupt()
    test_threads()
    asyncio.run(fifty())
    test_extensions()
    test_loader()
    test_close()
    test_close_in_drain()
    test_close_while_asked()
    test_fork()
    test_exit()
    test_garbage()
    test_documents()
    box.operation("session.shutdown", {"scope": "instance"}).check()
done_testing()
