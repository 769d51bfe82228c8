#!/usr/bin/env python3
# Who a sandbox runs as: by number, by a name that the image knows, as the image says; never root. The
# image's /etc/passwd is read without running anything of the image.
import os

from host_support import INSTANCE
from host_support.sandboxes import Box, carriers, containers, import_image, message
from tap import diag, done_testing, is_, ok

PASSWD = (b"root:x:0:0:root:/:/bin/sh\n"
          b"garbage\n::::\nlong:x:99999999999:1::/:\nneg:x:-1:5::/:\n"
          b"app:x:1500:1600:an app:/home/app:/bin/sh\n"
          b"app:x:1:1:a second one:/:\n"
          b"toor:x:0:700::/:\nstaff:x:1700:0::/:\n\0\xff\xfe")
# busybox' own id complains of what it cannot read in /etc/passwd.
IDS = "busybox sed -n 's/^[UG]id:.\\([0-9]*\\).*/\\1/p' /proc/self/status"
TAG = "caisson-test-users-%d" % os.getpid()


def test_names():
    image = TAG + ":plain"
    import_image(image, {"etc/passwd": PASSWD})
    box = Box(image=image, user="app")
    is_(box.shell("app", IDS), "1500\n1600\n",
        "a name is looked up in the image")
    is_(box.inspect("app")["Config"]["User"], "1500:1600", "and the engine is given numbers")
    is_(carriers(), [], "no container that was made to read it is left")
    for name, words in (("root", "may be 0"), ("toor", "no sandbox runs as root"),
                        ("staff", "no sandbox runs as root"), ("nobody", "knows no user"),
                        ("long", "knows no user"), ("neg", "knows no user"), ("garbage", "knows no user")):
        found = Box(image=image, user=name).ensure("refused")
        ok(words in message(found), "the user %s is refused: %s" % (name, words)) or diag(found)
    is_(box.shell("app", "busybox stat -c %u:%g /workspace"), "1500:1600\n", "whose the workspace is")
    box.remove("app")


def test_odd_images():
    for title, files, words in (
            ("without one", {}, "knows no user"),
            ("where it is a link", {"etc/passwd": "/proc/self/environ"}, "no regular file"),
            ("where it is huge", {"etc/passwd": b"x:x:1:1\n" * 300000}, "longer than it may be")):
        image = TAG + ":odd"
        import_image(image, files)
        found = Box(image=image, user="app").ensure("odd")
        ok(words in message(found), "an image %s: %s" % (title, words)) or diag(found)
    is_(carriers(), [], "nothing is left of it")


def test_images_own():
    for user, said in (("app", "1500\n1600\n"), ("1500", "1500\n1600\n"), ("2000:2001", "2000\n2001\n")):
        image = TAG + ":own"
        import_image(image, {"etc/passwd": PASSWD}, ["USER " + user])
        box = Box(image=image, user="image")
        is_(box.shell("own", IDS), said, "an image that runs as %s" % user)
        box.remove("own")
    for user, words in (("", "no sandbox runs as root"), ("0:0", "no sandbox runs as root"),
                        ("app:users", "cannot be looked up"), ("1999", "knows no user")):
        image = TAG + ":own"
        import_image(image, {"etc/passwd": PASSWD}, ["USER " + user] if user else [])
        found = Box(image=image, user="image").ensure("own")
        ok(words in message(found), "an image that runs as %r: %s" % (user, words)) or diag(found)


def test_numbers():
    is_(Box(user="4000:4001").shell("n", "id -u; id -g"), "4000\n4001\n", "a user in numbers")
    Box(user="4000:4001").remove("n")
    for user in ("0:0", "0:5", "5:0", "root"):
        found = Box(user=user).ensure("n")
        ok("sandbox.user" in message(found), "%s is refused" % user) or diag(found)
    is_(containers(), [], "and no container was made")


test_names()
test_odd_images()
test_images_own()
test_numbers()
done_testing()
