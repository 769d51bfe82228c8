"""The test library for Python: call ok and is_, end with done_testing()."""
import sys
import threading

_lock = threading.Lock()
_run = 0
_failed = 0


def ok(passed, name):
    """Prints one result; returns whether it passed."""
    global _run, _failed
    with _lock:
        _run += 1
        if not passed:
            _failed += 1
        print("%sok %d - %s" % ("" if passed else "not ", _run, name), flush=True)
    if not passed:
        diag("failed: " + name)
    return bool(passed)


def is_(got, want, name):
    if ok(got == want, name):
        return True
    diag("     got: %r\nexpected: %r" % (got, want))
    return False


def diag(text):
    """A comment, to stderr, where a harness does not swallow it."""
    for line in str(text).split("\n"):
        print("# " + line, file=sys.stderr, flush=True)


def done_testing():
    """Prints the plan and ends the program; one without a test fails."""
    print("1..%d" % _run, flush=True)
    sys.exit(1 if _failed or not _run else 0)
