# SPDX-License-Identifier: Apache-2.0
"""caisson.py: Caisson for hosts in Python: tools for a model, each call in a session's sandbox.

One file, the standard library only, Python 3.9 or newer; copy it into your program. caisson.h is the
specification of what lies below; what it says of threads, deadlines and results holds here too.

    with Caisson("/usr/local/lib/caisson/caisson.so", {"config_version": 1}) as box:
        result = box.call("shell", {"command": "uname -a"}, session="chat-42")
        print(result.exit_code, result.text)

Every method may be used from any thread. Callbacks run on the thread that is inside the call; an
exception in one cancels the call and comes out of it. An instance belongs to its process: a child of
fork() gets ForkedError, so fork first, or start processes by "spawn".
"""
import asyncio
import atexit
import contextlib
import contextvars
import ctypes
import json
import logging
import os
import signal
import threading
import weakref
from _thread import start_new_thread
from ctypes import CFUNCTYPE, POINTER, byref, c_char, c_char_p, c_int32, c_int64, c_uint32, c_uint64, c_void_p

MAGIC, ABI_MAJOR, ABI_MINOR = 0x314e5343, 1, 0
ENTRY = "caisson_plugin_v1"
STDOUT, STDERR = 1, 2
OUTCOMES = {0: "none", 1: "exited", 2: "cancelled", 3: "deadline", 4: "oom", 5: "lost"}
FLAGS = {1: "truncated", 2: "recreated", 4: "created", 8: "older_settings", 16: "survivors",
         32: "still_running"}
REQUEST_HOST, ERROR_RETRYABLE = 1, 1
UINT64_END = 1 << 64
INPUT_END, INPUT_ERROR, INPUT_AGAIN = 0, -1, -2
LOG_LEVELS = {3: logging.ERROR, 4: logging.WARNING, 6: logging.INFO, 7: logging.DEBUG}
# At the interpreter's end: how long a callback that does not return can hold it up.
EXIT_PATIENCE_S = 10


# ---- errors --------------------------------------------------------------------------------------


class CaissonError(Exception):
    """Something could not be done. `reason` is one of caisson.h's dotted words, `result` what a model
    may be shown of a call that failed, or None."""
    status = None

    def __init__(self, message, status=None, reason="", retryable=False, errno=0, hint=None, result=None):
        super().__init__(message)
        self.message, self.reason, self.retryable, self.errno = message, reason, retryable, errno
        self.hint, self.result = hint, result
        if status is not None:
            self.status = status


def _kind(name, status, doc):
    kind = type(name, (CaissonError,), {"status": status, "__doc__": doc, "__module__": __name__})
    _kinds[status] = kind
    return kind


_kinds = {}
InvalidError = _kind("InvalidError", -1, "A defect of the host: a value that no request may hold.")
ConfigError = _kind("ConfigError", -2, "The configuration or the options; the message has the path.")
NoMemoryError = _kind("NoMemoryError", -3, "No memory in this process.")
EngineError = _kind("EngineError", -4, "The container engine cannot be reached, or refused.")
NotFoundError = _kind("NotFoundError", -5, "No such tool, operation, instance or call.")
ArgumentsError = _kind("ArgumentsError", -6, "The arguments are wrong.")
PolicyError = _kind("PolicyError", -7, "The operator's policy refuses it.")
CancelError = _kind("CancelError", -8, "Cancelled, and not a call: that is an outcome.")
DeadlineError = _kind("DeadlineError", -9, "It took longer than it may.")
LostError = _kind("LostError", -10, "The other end went away.")
DrainingError = _kind("DrainingError", -11, "drain() or close() has begun.")
ForkedError = _kind("ForkedError", -12, "This process is a fork of the one that made the instance.")
StateError = _kind("StateError", -13, "Not now: a call that was already run, say.")
RefusedError = _kind("RefusedError", -14, "The host's own gate said no.")
LimitError = _kind("LimitError", -15, "Too many calls, sessions, bytes.")
VersionError = _kind("VersionError", -16, "The peer's minor is below what is needed.")
InternalError = _kind("InternalError", -17, "A defect of the plugin.")
SandboxError = _kind("SandboxError", -18, "The sandbox could not start it.")


class LoadError(CaissonError):
    """The file is no plugin that this host can work with."""


class ToolError(CaissonError):
    """A tool ran and did not do what it was asked: raised by Result.check() only."""


# ---- the structs of caisson.h, in its order ------------------------------------------------------


class _Str(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("size", c_uint64)]

    def bytes(self):
        return ctypes.string_at(self.data, self.size) if self.data else b""

    def text(self):
        return self.bytes().decode(errors="replace")


class _Error(ctypes.Structure):
    _fields_ = [("struct_size", c_uint32), ("code", c_int32), ("flags", c_uint32),
                ("sys_errno", c_int32), ("reason", c_char * 64), ("message", c_char * 1024)]


_LOG = CFUNCTYPE(None, c_void_p, c_int32, c_void_p, c_uint64)
_GET_EXTENSION = CFUNCTYPE(c_void_p, c_void_p, c_char_p)
_EMIT = CFUNCTYPE(None, c_void_p, c_char_p, c_uint64)
_OPTIONS = CFUNCTYPE(c_int32, c_void_p, c_void_p, c_uint64, _EMIT, c_void_p)
_ALLOW = CFUNCTYPE(c_int32, c_void_p, c_uint32, POINTER(_Str), POINTER(_Str), POINTER(_Str), c_void_p,
                   c_uint64)
_INPUT = CFUNCTYPE(c_int64, c_void_p, c_void_p, c_uint64)
_CANCELLED = CFUNCTYPE(c_int32, c_void_p)
_OUTPUT = CFUNCTYPE(c_int32, c_void_p, c_uint32, c_void_p, c_uint64)
_PROGRESS = CFUNCTYPE(None, c_void_p, c_int32, c_void_p, c_uint64)


class _Host(ctypes.Structure):
    _fields_ = [("struct_size", c_uint32), ("abi_minor", c_uint32), ("ctx", c_void_p),
                ("name", c_char_p), ("version", c_char_p), ("get_extension", _GET_EXTENSION),
                ("log", _LOG)]


class _SessionOptions(ctypes.Structure):
    _fields_ = [("struct_size", c_uint32), ("reserved", c_uint32), ("options", _OPTIONS)]


class _Gate(ctypes.Structure):
    _fields_ = [("struct_size", c_uint32), ("reserved", c_uint32), ("allow", _ALLOW)]


class _Request(ctypes.Structure):
    _fields_ = [("struct_size", c_uint32), ("flags", c_uint32), ("name", _Str), ("args_json", _Str),
                ("options_json", _Str), ("session", _Str), ("deadline_ms", c_uint64),
                ("output_limit", c_uint64), ("input", _INPUT), ("input_ctx", c_void_p)]


class _Hooks(ctypes.Structure):
    _fields_ = [("struct_size", c_uint32), ("reserved", c_uint32), ("ctx", c_void_p),
                ("cancelled", _CANCELLED), ("output", _OUTPUT), ("progress", _PROGRESS)]


class _Result(ctypes.Structure):
    _fields_ = [("struct_size", c_uint32), ("outcome", c_int32), ("exit_code", c_int32),
                ("term_signal", c_int32), ("flags", c_uint32), ("reserved", c_uint32),
                ("wall_ns", c_uint64), ("bytes_out", c_uint64), ("bytes_dropped", c_uint64),
                ("json", _Str)]


_ID, _ERR = c_uint64, POINTER(_Error)


class _Plugin(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_uint32), ("magic", c_uint32), ("abi_minor", c_uint32),
        ("needs_host_minor", c_uint32), ("id", c_char_p), ("version", c_char_p),
        ("build_id", c_char_p), ("manifest_json", c_char_p),
        ("get_extension", CFUNCTYPE(c_void_p, c_char_p)),
        ("create", CFUNCTYPE(c_int32, POINTER(_Host), c_char_p, c_uint64, POINTER(_ID), _ERR)),
        ("describe", CFUNCTYPE(c_int32, _ID, POINTER(_Str))),
        ("call_open", CFUNCTYPE(c_int32, _ID, POINTER(_Request), POINTER(_ID), _ERR)),
        ("call_run", CFUNCTYPE(c_int32, _ID, _ID, POINTER(_Hooks), POINTER(_Result), _ERR)),
        ("call_cancel", CFUNCTYPE(c_int32, _ID, _ID)),
        ("call_close", CFUNCTYPE(c_int32, _ID, _ID)),
        ("drain", CFUNCTYPE(c_int32, _ID, c_uint64)),
        ("destroy", CFUNCTYPE(c_int32, _ID))]


def _new(struct, **members):
    return struct(struct_size=ctypes.sizeof(struct), **members)


def has(struct, member):
    """CAISSON_HAS: did the writer of the struct know of this member?"""
    field = getattr(type(struct), member)
    return struct.struct_size >= field.offset + field.size


# ---- the loader ----------------------------------------------------------------------------------


def load(path):
    """The table of the plugin at this absolute path. A plugin stays loaded until the process ends."""
    path = os.fspath(path)
    if not os.path.isabs(path):
        raise LoadError("plugin %s: the path is not absolute; name the file in full, from a trusted "
                        "configuration" % path)
    if not os.path.isfile(path):
        raise LoadError("plugin %s: there is no such file" % path)
    try:
        entry = getattr(ctypes.CDLL(path, mode=os.RTLD_NOW | os.RTLD_LOCAL), ENTRY)
    except AttributeError:
        raise LoadError("plugin %s: it does not export %s. It is another kind of library, or a plugin "
                        "of another major version of the ABI" % (path, ENTRY)) from None
    except OSError as error:
        raise LoadError("plugin %s cannot be loaded: %s" % (path, error)) from None
    entry.restype, entry.argtypes = POINTER(_Plugin), []
    pointer = entry()
    table = pointer.contents if pointer else None
    if not table or not has(table, "magic") or table.magic != MAGIC:
        raise LoadError("plugin %s: it exports %s but its table is not a Caisson plugin's (wrong magic "
                        "number)" % (path, ENTRY))
    if has(table, "needs_host_minor") and table.needs_host_minor > ABI_MINOR:
        raise LoadError("plugin %s: it needs a host of ABI %d.%d or newer, and this one is %d.%d. Use a "
                        "newer caisson.py or an older plugin" %
                        (path, ABI_MAJOR, table.needs_host_minor, ABI_MAJOR, ABI_MINOR))
    for member, _ in _Plugin._fields_[4:]:
        if not has(table, member) or not getattr(table, member):
            raise LoadError("plugin %s: its table (%d bytes) lacks `%s`, which every plugin of ABI %d has"
                            % (path, table.struct_size, member, ABI_MAJOR))
    return table


# ---- what a call gives ---------------------------------------------------------------------------


class Result:
    """How a call ended. `json` is the MCP CallToolResult as it came, to be passed on untouched."""

    def __init__(self, raw, status=0, error=None):
        self.json = raw.json.text()
        self.document = json.loads(self.json) if self.json else {}
        self.status, self.error = status, error
        self.outcome = OUTCOMES.get(raw.outcome, "lost")
        self.exit_code, self.term_signal = raw.exit_code, raw.term_signal
        self.flags = frozenset(name for bit, name in FLAGS.items() if raw.flags & bit)
        self.wall_s = raw.wall_ns / 1e9
        self.bytes_out, self.bytes_dropped = raw.bytes_out, raw.bytes_dropped

    @property
    def content(self):
        """The blocks for a model: text, images."""
        return self.document.get("content", [])

    @property
    def text(self):
        return "\n".join(block["text"] for block in self.content if block.get("type") == "text")

    @property
    def structured(self):
        return self.document.get("structuredContent", {})

    @property
    def is_error(self):
        """False only where the tool did what it was asked."""
        return self.document.get("isError", True)

    @property
    def reason(self):
        """Why it failed, as one of caisson.h's dotted words; "" where it has none."""
        return self.structured.get("error", {}).get("reason", "")

    def check(self):
        """Itself, or ToolError where is_error."""
        if self.is_error:
            said = self.structured.get("error", {})
            raise self.error or ToolError(said.get("message") or self.text, self.status, self.reason,
                                          hint=said.get("hint"), result=self)
        return self

    def __repr__(self):
        return "<Result %s, exit code %d>" % (self.outcome, self.exit_code)


def _error(status, raw=None, result=None):
    message = ""
    said = result.structured.get("error", {}) if result else {}
    if raw is not None and raw.message:
        message = raw.message.decode(errors="replace")
    elif status == ForkedError.status:
        message = ("this process is a fork of the one that made the Caisson instance: make it after the "
                   "fork, or start the process by \"spawn\"")
    return _kinds.get(status, CaissonError)(
        message or said.get("message") or "failed with status %d" % status, status,
        raw.reason.decode(errors="replace") if raw is not None else "",
        bool(raw is not None and raw.flags & ERROR_RETRYABLE), raw.sys_errno if raw is not None else 0,
        said.get("hint"), result)


# ---- an instance's end of the ABI ----------------------------------------------------------------

# The run that this thread is inside of, for callbacks that belong to the instance and not to a call.
_inside = threading.local()
_living = {}


class _Instance:
    """The part of a Caisson that callbacks and threads hold on to: it outlives the object that people
    have, until it was closed."""

    def __init__(self, table, config, name, version, logger, session_options, gate):
        self.table, self.pid, self.id = table, os.getpid(), _ID()
        self.logger = logger
        self.calls, self.closed = set(), False
        self.changed = threading.Condition()
        self.closing = threading.Lock()
        self.extensions = {}
        if session_options:
            self.offer("caisson.session_options/1", _new(_SessionOptions, options=_OPTIONS(
                lambda ctx, key, n, emit, sink: self.on_options(session_options, key, n, emit, sink))))
        if gate:
            self.offer("caisson.gate/1", _new(_Gate, allow=_ALLOW(
                lambda ctx, *asked: self.on_gate(gate, *asked))))
        self.host = _new(_Host, abi_minor=ABI_MINOR, name=name.encode(), version=version.encode(),
                         get_extension=_GET_EXTENSION(self.on_get_extension), log=_LOG(self.on_log))
        error = _new(_Error)
        status = table.create(byref(self.host), config, len(config), byref(self.id), byref(error))
        if status < 0:
            raise _error(status, error)
        _living[id(self)] = self

    def offer(self, name, extension):
        self.extensions[name.encode()] = extension

    def on_get_extension(self, ctx, name):
        extension = self.extensions.get(name)
        return ctypes.addressof(extension) if extension is not None else None

    def on_log(self, ctx, level, text, n):
        self.logger.log(LOG_LEVELS.get(level, logging.INFO), "%s",
                        ctypes.string_at(text, n).decode(errors="replace"))

    def on_options(self, session_options, key, n, emit, sink):
        def ask():
            options = session_options(ctypes.string_at(key, n).decode())
            if options is not None:
                text = _json(options)
                emit(sink, text, len(text))
            return 0

        return _inside.run.guarded(1, ask)

    def on_gate(self, gate, flags, name, session, args, words, capacity):
        def ask():
            said = gate(name.contents.text(), session.contents.text(),
                        json.loads(args.contents.text() or "{}"), bool(flags & REQUEST_HOST))
            if said is None or said is True:
                return 0
            text = _cut(str(said) if said else "", capacity - 1)
            ctypes.memmove(words, text + b"\0", len(text) + 1)
            return 1

        return _inside.run.guarded(1, ask)

    @contextlib.contextmanager
    def in_use(self, call):
        """While a call is run and its result is read: destroy() would end that."""
        self.check()
        with self.changed:
            self.check()
            if not call or call in self.calls:
                raise StateError("a call runs once", reason="abi.state")
            self.calls.add(call)
        try:
            yield
        finally:
            with self.changed:
                self.calls.discard(call)
                self.changed.notify_all()

    def check(self):
        if self.pid != os.getpid():
            raise _error(ForkedError.status)
        if self.closed:
            raise DrainingError("the Caisson instance is closed", reason="instance.draining")

    def check_outside(self):
        run = getattr(_inside, "run", None)
        while run:
            if run.instance is self:
                raise StateError("a Caisson cannot be ended inside a callback of one of its calls",
                                 reason="abi.state")
            run = run.outer

    def describe(self):
        self.check()
        said = _Str()
        with self.changed:  # what it points to goes with the instance
            self.check()
            status = self.table.describe(self.id, byref(said))
            if status < 0:
                raise _error(status)
            return said.text()

    def drain(self, grace_ms):
        self.check()
        self.check_outside()
        with self.closing:
            return self.table.drain(self.id, grace_ms)

    def close(self, patience=None):
        """Cancels what runs, waits for it and ends the instance. False: a callback did not return."""
        if self.pid != os.getpid():
            return True
        self.check_outside()
        with self.changed:
            self.closed = True
            for call in self.calls:  # before `closing`, which a drain() holds that waits for them
                self.table.call_cancel(self.id, call)
            if not self.changed.wait_for(lambda: not self.calls, patience):
                return False
        with self.closing:
            if _living.pop(id(self), None):
                self.table.destroy(self.id)
            return True


def _cut(text, size):
    """UTF-8 of at most so many bytes, whole characters and no NUL."""
    return text.replace("\0", "").encode(errors="replace")[:size].decode(errors="ignore").encode()


def _text(value, what):
    """Lone surrogates too: what is no UTF-8 is the plugin's to refuse."""
    if value is None:
        return b""
    if not isinstance(value, str):
        raise TypeError("%s must be a string, not %s" % (what, type(value).__name__))
    return value.encode(errors="surrogatepass")


def _json(value):
    return _text(value if value is None or isinstance(value, str) else json.dumps(value), "JSON")


def _milliseconds(seconds, what):
    """As the ABI counts them. What lies outside its range would be another time there."""
    if not 0 <= seconds < UINT64_END / 1000:
        raise ValueError("%s must be seconds from 0, and finite, not %r" % (what, seconds))
    return int(seconds * 1000)


def _later(function, *args):
    """For the garbage collector, which may run anywhere, in a callback that must not come back into the
    plugin too: on a thread of its own, made without any lock of `threading`."""
    with contextlib.suppress(RuntimeError):  # the interpreter ends: _close_all() has been here
        start_new_thread(function, args)


_ending, _never = threading.Event(), threading.Event()


def _stay_at_the_end():
    """Once the interpreter ends only daemon threads are left beside the main one. One that came out of its
    call then, to complain on a stderr that is going away, would make CPython abort: so none comes out."""
    if _ending.is_set() and threading.current_thread() is not threading.main_thread():
        _never.wait()


@atexit.register
def _close_all():
    _ending.set()
    for instance in list(_living.values()):
        if not instance.close(EXIT_PATIENCE_S):
            instance.logger.warning("a callback of a call does not return: left as it is")


# ---- calls ---------------------------------------------------------------------------------------


class _Run:
    """One call_run: its hooks, and the first exception that one of them raised."""

    def __init__(self, instance, on_output, on_progress, cancelled):
        self.instance, self.outer = instance, getattr(_inside, "run", None)
        self.on_output, self.on_progress, self.cancelled = on_output, on_progress, cancelled
        self.error, self.busy = None, False
        self.poll = self.poller()
        next(self.poll)
        self.hooks = _new(_Hooks, cancelled=_CANCELLED(self.poll.send))
        if on_output:
            self.hooks.output = _OUTPUT(self.output)
        if on_progress:
            self.hooks.progress = _PROGRESS(self.progress)

    def fail(self, error):
        if self.error is None:
            self.error = error

    def end(self):
        """Lets go of the callbacks, which hold on to this; returns the exception."""
        self.poll.close()
        failed, self.error, self.hooks, self.poll = self.error, None, None, None
        return failed

    def failed(self):
        """Has this run an exception to raise, or one that it is inside of?"""
        return self.error is not None or bool(self.outer and self.outer.failed())

    def guarded(self, otherwise, function, *args):
        """Calls what the host gave us; its exception is kept for the end of the run."""
        try:
            self.busy = True
            answer = function(*args)
            self.busy = False
            return answer
        except BaseException as error:
            self.fail(error)
            self.busy = False
            return otherwise

    def poller(self):
        """`cancelled`. A generator, since an exception that a signal's handler raises comes with the first
        byte code that runs: here that is inside the `try`, in a function it would be before it, and
        lost."""
        answer = 0
        while True:
            try:
                yield answer
                answer = int(self.failed() or bool(self.cancelled and self.cancelled()))
            except GeneratorExit:
                return
            except BaseException as error:
                self.fail(error)
                answer = 1

    def output(self, ctx, stream, data, n):
        self.guarded(None, self.on_output, stream, ctypes.string_at(data, n))
        return int(self.failed())

    def progress(self, ctx, permille, note, n):
        self.guarded(None, self.on_progress, permille, ctypes.string_at(note, n).decode(errors="replace"))

    @contextlib.contextmanager
    def interruptible(self):
        """Ctrl-C: Python's own handler raises it wherever a callback happens to begin, and so loses it. Here
        it is raised in the host's callbacks only; else it is kept, and cancels."""
        if (threading.current_thread() is not threading.main_thread() or
                signal.getsignal(signal.SIGINT) is not signal.default_int_handler):
            yield
            return

        def on_interrupt(number, frame):
            if self.busy:
                raise KeyboardInterrupt
            self.fail(KeyboardInterrupt())

        signal.signal(signal.SIGINT, on_interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)


class _Input:
    """stdin as `input` wants it: of bytes, a file, or an iterable of bytes (None: nothing yet)."""

    def __init__(self, source):
        self.rest = b""
        self.run = None
        if isinstance(source, (bytes, bytearray, memoryview)):
            self.rest, self.source = memoryview(bytes(source)), iter(())
        elif hasattr(source, "read"):
            self.source = self.pieces(source)
        else:
            self.source = iter(source)

    @staticmethod
    def pieces(file):
        read = getattr(file, "read1", file.read)
        while True:
            piece = read(65536)
            if piece == b"":
                return
            yield piece

    def __call__(self, ctx, buffer, capacity):
        return self.run.guarded(INPUT_ERROR, self.read, buffer, capacity)

    def read(self, buffer, capacity):
        while not self.rest:
            piece = next(self.source, self)
            if piece is self:
                return INPUT_END
            if piece is None:
                return INPUT_AGAIN
            self.rest = memoryview(piece).cast("B")
        n = min(capacity, len(self.rest))
        ctypes.memmove(buffer, self.rest[:n].tobytes(), n)
        self.rest = self.rest[n:]
        return n


class Call:
    """A call that was opened and can be run once. It can be cancelled from any thread, at any time."""

    def __init__(self, owner, name, args, session, options, deadline, output_limit, stdin, operation):
        self._owner, self._instance, self._id = owner, owner._instance, _ID()
        instance = self._instance
        self._input = _Input(stdin) if stdin is not None else None
        if not 0 <= output_limit < UINT64_END:
            raise ValueError("output_limit must be a number of bytes, not %r" % output_limit)
        # One that is over already is the shortest that there is: 0 would be none at all.
        due = 0 if deadline is None else max(1, _milliseconds(max(0, deadline), "deadline"))
        kept = [_text(name, "the tool's name"), _json(args), _json(options), _text(session, "session")]
        strings = [_Str(ctypes.cast(c_char_p(text), c_void_p), len(text)) for text in kept]
        request = _new(_Request, flags=REQUEST_HOST if operation else 0, name=strings[0],
                       args_json=strings[1], options_json=strings[2], session=strings[3],
                       deadline_ms=due, output_limit=output_limit)
        if self._input:
            request.input = self._callback = _INPUT(self._input)
        error = _new(_Error)
        instance.check()
        status = instance.table.call_open(instance.id, byref(request), byref(self._id), byref(error))
        if status < 0:
            raise _error(status, error)

    def run(self, on_output=None, on_progress=None, cancelled=None, check=True):
        """Runs it to its end and closes it. Returns its Result; raises, with check, where it could not
        be started. on_output(stream, bytes), on_progress(permille, note); cancelled() -> bool."""
        instance = self._instance
        try:
            with instance.in_use(self._id.value):
                try:
                    return self._run(instance, _Run(instance, on_output, on_progress, cancelled), check)
                finally:
                    self.close()
        finally:
            _stay_at_the_end()

    def _run(self, instance, run, check):
        raw, error = _new(_Result), _new(_Error)
        _inside.run = run
        if self._input:
            self._input.run = run
        try:
            with run.interruptible():
                status = instance.table.call_run(instance.id, self._id, byref(run.hooks), byref(raw),
                                                 byref(error))
        finally:
            _inside.run = run.outer
            failed = run.end()
        try:
            if failed is not None:
                raise failed
        finally:
            del failed  # its traceback has this frame: they would hold each other
        result = Result(raw, status) if raw.json.data else None
        if status < 0:
            failed = _error(status, error, result)
            if check or result is None:
                raise failed
            result.error = failed
        return result

    async def run_async(self, **how):
        """The same for asyncio, on a thread of this call's own, where its callbacks run too. A task that
        is cancelled cancels the call, and ends when that has ended."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def settle(result, error):
            if error is None:
                done.set_result(result)
            else:
                done.set_exception(error)

        def work():
            result, failed = None, None
            try:
                result = self.run(**how)
            except BaseException as error:
                failed = error
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, result, failed)

        threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True).start()
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            self.cancel()
            while not done.done():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([done])
            done.exception()
            raise

    def cancel(self):
        """Returns at once. Before run() it will not start; after its end nothing happens."""
        instance = self._instance
        if instance.pid != os.getpid():
            raise _error(ForkedError.status)
        if self._id.value:
            instance.table.call_cancel(instance.id, self._id)

    def close(self):
        """Of a call that is never run. run() does it by itself."""
        instance, call = self._instance, self._id.value
        if call and instance.pid == os.getpid():
            if instance.table.call_close(instance.id, call) != StateError.status:
                self._id.value = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if self._id.value and self._instance.pid == os.getpid():
            _later(self._instance.table.call_close, self._instance.id, _ID(self._id.value))


class Caisson:
    """An instance of a plugin: a configuration, and sessions with their sandboxes.

    plugin            the absolute path of caisson.so
    config            a dict, JSON text, or the path of a JSON file; None: every default
    name, version     of your program, for the audit line
    logger            of `logging`; not given: "caisson". Its handlers must not call the plugin
    session_options   (key) -> dict or None: what a session is made of, where a call without options
                      has to make it
    gate              (tool, session, args, operation) -> True or None lets it run; words refuse it, for
                      the model to read, and so does False
    """

    def __init__(self, plugin, config=None, *, name="python", version="", logger=None,
                 session_options=None, gate=None):
        self._instance = _Instance(load(plugin), _configuration(config), name, version,
                                   logger or logging.getLogger("caisson"), session_options, gate)
        self._finalizer = weakref.finalize(self, _later, self._instance.close)
        self._finalizer.atexit = False

    @property
    def version(self):
        return self._instance.table.version.decode()

    def describe(self):
        """The document that says what this instance offers."""
        return json.loads(self._instance.describe())

    def tools(self):
        """What a model is offered: MCP tools, each with name, description and inputSchema."""
        return self.describe()["tools"]

    def operations(self):
        return self.describe()["operations"]

    def open(self, name, args=None, *, session="", options=None, deadline=None, output_limit=0, stdin=None,
             operation=False):
        """A Call, to be run later. args, options: a dict or JSON text; an empty session is a sandbox of
        the call's own; deadline in seconds; stdin: bytes, a binary file, or an iterable of bytes, in
        which None says that there are none yet. Never set `operation` for a name that a model chose."""
        try:
            return Call(self, name, args, session, options, deadline, output_limit, stdin, operation)
        finally:
            _stay_at_the_end()

    def call(self, tool, args=None, *, on_output=None, on_progress=None, cancelled=None, check=True, **how):
        """Runs a tool: open() and run() have the arguments. A command that fails is a Result; what could
        not be run at all raises, unless check is False: then it is a Result for the model, with `error`."""
        return self.open(tool, args, **how).run(on_output, on_progress, cancelled, check)

    async def call_async(self, tool, args=None, *, on_output=None, on_progress=None, cancelled=None,
                         check=True, **how):
        return await self.open(tool, args, **how).run_async(
            on_output=on_output, on_progress=on_progress, cancelled=cancelled, check=check)

    def operation(self, name, args=None, **how):
        """The same for an operation (session.list, engine.info, ...), which is the host's own."""
        return self.call(name, args, operation=True, **how)

    async def operation_async(self, name, args=None, **how):
        return await self.call_async(name, args, operation=True, **how)

    def upload(self, session, name, data, **args):
        """file.upload of bytes, a file or an iterable; returns {name, path, size, sha256, ...}."""
        return self.operation("file.upload", {"name": name, **args}, session=session,
                              stdin=data).check().structured

    def put(self, session, archive, **args):
        """archive.put: the archive's tree becomes files of the session."""
        return self.operation("archive.put", args, session=session, stdin=archive).check().structured

    def get(self, session, path, file, **args):
        """archive.get: writes an archive of a file or folder into a binary file."""
        return self.operation("archive.get", {"path": path, **args}, session=session,
                              on_output=lambda stream, data: file.write(data)).check().structured

    def drain(self, grace):
        """Refuses new calls and waits for those that run; after so many seconds it cancels them. Returns
        whether all ended by themselves."""
        status = self._instance.drain(_milliseconds(grace, "grace"))
        if status < 0 and status != DeadlineError.status:
            raise _error(status)
        return status == 0

    def close(self):
        """Cancels what runs and ends the instance. Sessions and their files stay, for the next one."""
        self._instance.close()
        self._finalizer.detach()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __reduce__(self):
        raise TypeError("a Caisson belongs to its process: make one in the other process instead")


def _configuration(config):
    if isinstance(config, str) and config.lstrip().startswith("{"):
        return config.encode()
    if config is None or isinstance(config, dict):
        return _json(config)
    try:
        with open(config, "rb") as file:
            return file.read()
    except OSError as error:
        raise ConfigError("configuration %s: %s" % (config, error.strerror), reason="config.invalid",
                          errno=error.errno) from None
