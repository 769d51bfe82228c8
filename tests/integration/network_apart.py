#!/usr/bin/env python3
# A network keeps sandboxes from each other, or there is none: an engine that cannot is found out before
# anything runs.
import json

from host_support import engine
from host_support.sandboxes import Box, containers, message, reason
from tap import diag, done_testing, is_, ok

NAME = "caisson-test-apart"
# What a sandbox finds out of the other's port: nothing may answer, not even by a refusal.
KNOCK = ("python3 -c 'import socket; s = socket.socket(); s.settimeout(2)\n"
         "try: s.connect((\"%s\", 8080)); print(\"reached\")\n"
         "except ConnectionRefusedError: print(\"reached\")\n"
         "except OSError: print(\"apart\")'")


def address(box, session):
    networks = box.inspect(session)["NetworkSettings"]["Networks"]
    return [n["IPAddress"] for n in networks.values()][0]


box = Box(network={"name": NAME, "deny": []})
found = box.ensure("one")
if message(found):
    is_(reason(found), "network.refused", "an engine that cannot keep sandboxes apart is refused")
    ok("keep sandboxes apart" in message(found) and NAME in message(found), "with words") or diag(found)
    is_(containers(), [], "and no container was made")
else:
    ok(not message(box.ensure("two")), "two sandboxes on one network")
    is_(box.shell("two", KNOCK % address(box, "one")), "apart\n", "do not reach each other")
    is_(box.shell("one", KNOCK % address(box, "two")), "apart\n", "either way")
box.op("session.shutdown", args={"scope": "instance"})
ok(NAME not in json.dumps(json.loads(engine("GET", "/networks"))), "the network goes with its sandboxes")
done_testing()
