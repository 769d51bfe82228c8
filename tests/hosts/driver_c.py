#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The C host behind the protocol of cases.json: a process of caisson-host for each request. It shows
# either the streams (and of the rest the exit code) or, with --json, the result; never the status.
import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading

HOST = os.environ["CAISSON_HOST"]
FAILED = 125
printing = threading.Lock()


def command(request, stdin):
    line = [HOST, "--session", request["session"]] if request["session"] else [HOST, "--ephemeral"]
    line += ["call" if request["kind"] == "call" else "op"]
    line += [] if request.get("live") else ["--json"]
    if "options" in request:
        line += ["--options", json.dumps(request["options"])]
    if "deadline_ms" in request:
        line += ["--timeout", "%dms" % request["deadline_ms"]]
    if stdin is not None:
        stdin.write(base64.b64decode(request["stdin_base64"]))
        stdin.flush()
        line += ["--input", stdin.name]
    return line + [request["name"]] + ([json.dumps(request["args"])] if "args" in request else [])


def run(request):
    """Exit code, stdout, stderr."""
    wanted = request.get("cancel_after_output", "").encode()
    with tempfile.NamedTemporaryFile() as stdin:
        process = subprocess.Popen(
            command(request, stdin if "stdin_base64" in request else None), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out = b""
        while wanted and wanted not in out:
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                break
            out += piece
        if wanted:
            process.send_signal(signal.SIGINT)
        rest, err = process.communicate()
    return process.returncode, out + rest, err


def shown(document, code):
    found = document["structuredContent"]
    outcome = {"out_of_memory": "oom"}.get(found.get("outcome"), found.get("outcome"))
    if outcome is None and not document["isError"]:
        outcome = "exited"
    return {"outcome": outcome, "exit_code": found.get("exit_code") if code == FAILED else code,
            "is_error": document["isError"], "structured": found,
            "text": "\n".join(b["text"] for b in document["content"] if b["type"] == "text"),
            "content_types": [b["type"] for b in document["content"]],
            "reason": found.get("error", {}).get("reason", "")}


def answer(request):
    code, out, err = run(request)
    if request.get("live"):
        found = {"exit_code": code, "streamed_stdout_base64": base64.b64encode(out).decode(),
                 "streamed_stderr_base64": base64.b64encode(err).decode()}
    else:
        found = shown(json.loads(out), code)
    with printing:
        print(json.dumps(dict(found, id=request["id"])), flush=True)


def failed(what):
    sys.__excepthook__(what.exc_type, what.exc_value, what.exc_traceback)
    os._exit(1)


threading.excepthook = failed
running = []
for line in sys.stdin:
    running.append(threading.Thread(target=answer, args=(json.loads(line),)))
    running[-1].start()
for thread in running:
    thread.join()
