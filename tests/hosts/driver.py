#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The Python host behind the protocol of cases.json.
import base64
import json
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../host_demo/python"))

import caisson

printing = threading.Lock()


def answer(box, request):
    streams = {caisson.STDOUT: bytearray(), caisson.STDERR: bytearray()}
    stdin = request.get("stdin_base64")
    wanted = request.get("cancel_after_output")

    def on_output(stream, data):
        streams[stream] += data
        if wanted and wanted.encode() in streams[caisson.STDOUT]:
            call.cancel()

    try:
        call = box.open(request["name"], request.get("args"), session=request["session"],
                        options=request.get("options"), operation=request["kind"] == "operation",
                        deadline=request["deadline_ms"] / 1000 if "deadline_ms" in request else None,
                        stdin=None if stdin is None else base64.b64decode(stdin))
        found = shown(call.run(on_output if request.get("live") else None, check=False))
    except caisson.CaissonError as error:
        found = {"status": error.status, "outcome": "none", "exit_code": -1, "flags": [], "is_error": True,
                 "text": "", "content_types": [], "structured": {}, "reason": error.reason}
    found["id"] = request["id"]
    for name, stream in (("stdout", caisson.STDOUT), ("stderr", caisson.STDERR)):
        found["streamed_%s_base64" % name] = base64.b64encode(streams[stream]).decode()
    with printing:
        print(json.dumps(found), flush=True)


def shown(result):
    return {"status": result.status, "outcome": result.outcome, "exit_code": result.exit_code,
            "flags": sorted(result.flags), "is_error": result.is_error, "text": result.text,
            "content_types": [block["type"] for block in result.content],
            "structured": result.structured, "reason": result.reason}


def failed(what):
    sys.__excepthook__(what.exc_type, what.exc_value, what.exc_traceback)
    os._exit(1)


threading.excepthook = failed
with caisson.Caisson(os.environ["CAISSON_PLUGIN"], os.environ["CAISSON_CONFIG"]) as box:
    running = []
    for line in sys.stdin:
        running.append(threading.Thread(target=answer, args=(box, json.loads(line))))
        running[-1].start()
    for thread in running:
        thread.join()
