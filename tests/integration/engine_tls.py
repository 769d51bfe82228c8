#!/usr/bin/env python3
# An engine over TCP with TLS and client certificates: real ones, on engines of this test's own. What
# works over a local socket works here, and each thing that can be wrong with a certificate is named.
import hashlib
import json
import os
import signal
import socket
import subprocess

from private_engine import PATIENCE, PrivateEngine, need_root, seconds_until, with_marker

need_root()

from host_support import configuration, environment, finish, host, path, read_until, start
from tap import diag, done_testing, is_, ok

MARK = "97%d.5" % os.getpid()
OUTPUT = 6 << 20


# ---- certificates -------------------------------------------------------------------------------


def openssl(*words):
    done = subprocess.run(["openssl", *words], cwd=path("pki"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def pem(name):
    return path("pki/%s.pem" % name)


def authority(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
            "30", "-subj", "/CN=" + name, "-keyout", name + "-key.pem", "-out", name + ".pem")


RULES = """[ca]
default_ca = all
[all]
new_certs_dir = .
database = index.txt
serial = serial
default_md = sha256
unique_subject = no
policy = any
[any]
commonName = supplied
"""


def certificate(name, use, signer="ca", when=("-days", "30")):
    """Signed for 127.0.0.1."""
    with open(path("pki/extensions"), "w") as f:
        f.write("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=%s\n" % use)
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            "/CN=" + name, "-keyout", name + "-key.pem", "-out", name + ".csr")
    openssl("ca", "-batch", "-notext", "-config", "rules", "-create_serial", "-cert", signer + ".pem",
            "-keyfile", signer + "-key.pem", *when, "-extfile", "extensions", "-in", name + ".csr",
            "-out", name + ".pem")


def make_certificates():
    ended = ("-startdate", "20200101000000Z", "-enddate", "20210101000000Z")
    os.mkdir(path("pki"))
    for name, text in (("rules", RULES), ("index.txt", "")):
        with open(path("pki/" + name), "w") as f:
            f.write(text)
    authority("ca")
    authority("stranger")
    certificate("server", "serverAuth")
    certificate("server-ended", "serverAuth", when=ended)
    certificate("client", "clientAuth")
    certificate("client-soon", "clientAuth", when=("-days", "5"))
    certificate("client-ended", "clientAuth", when=ended)
    certificate("client-stranger", "clientAuth", signer="stranger")
    openssl("ec", "-in", "client-key.pem", "-aes128", "-passout", "pass:secret", "-out",
            "client-locked-key.pem")


# ---- engines ------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def secured(server):
    """An engine that lets in whom the CA has signed; with the port that it listens on."""
    port = free_port()
    engine = PrivateEngine(arguments=[
        "--host", "tcp://127.0.0.1:%d" % port, "--tlsverify", "--tlscacert", pem("ca"),
        "--tlscert", pem(server), "--tlskey", pem(server + "-key")])
    return engine, port


def files(ca="ca", client="client", key=None):
    tls = {"ca": pem(ca)} if ca else {}
    if client:
        tls.update(cert=pem(client), key=pem(key or client + "-key"))
    return tls


def at(port, tls, address="127.0.0.1"):
    """The environment of a host that uses the engine there."""
    engine = {"endpoint": "tcp://%s:%d" % (address, port)}
    if tls is not None:
        engine["tls"] = tls
    return environment(CAISSON_CONFIG=configuration("tls.json", engine=engine))


# ---- what works ---------------------------------------------------------------------------------


def test_calls(port):
    env = at(port, files())
    done = host("op", "--json", "engine.info", env=env)
    info = done.json().get("structuredContent", {})
    is_(info.get("endpoint"), "tcp://127.0.0.1:%d" % port, "an engine over TLS") or diag(done.err)
    is_(info.get("source"), "configuration", "chosen by the configuration")
    ok(not any("unencrypted" in w or "not checked" in w for w in info.get("warnings", [])),
       "of which nothing is said against TLS") or diag(info.get("warnings"))
    ok(not any("client certificate" in w for w in info.get("warnings", [])), "nor against its certificate")
    soon = at(port, files(client="client-soon"))
    found = host("op", "--json", "engine.info", env=soon).json().get("structuredContent", {})
    ok(any("client certificate ends within 14 days" in w for w in found.get("warnings", [])),
       "of a certificate that ends soon it is said") or diag(found)
    env = at(port, files())
    script = "head -c %d /dev/zero | tr '\\0' x; echo to stderr >&2" % OUTPUT
    done = host("--session", "tls", "call", "shell", script, env=env)
    is_(len(done.raw), OUTPUT, "a command's output comes through whole") or diag(done.err)
    is_(hashlib.sha256(done.raw).hexdigest(), hashlib.sha256(b"x" * OUTPUT).hexdigest(), "unchanged")
    ok("to stderr" in done.err, "and its stderr")
    given = os.urandom(OUTPUT)
    done = host("--session", "tls", "op", "--json", "--input", "-", "file.upload",
                '{"name": "given", "path": "."}', stdin=given, env=env)
    is_(done.code, 0, "an upload") or diag(done.err + done.out)
    done = host("--session", "tls", "call", "shell", "sha256sum < given; seq 5", env=env)
    is_(done.out.split()[0], hashlib.sha256(given).hexdigest(), "arrives unchanged")
    is_(done.out.split()[2:], ["1", "2", "3", "4", "5"], "and short calls go on as ever")


def test_cancel(port):
    process = start("--session", "tls", "call", "--json", "shell",
                    "trap '' TERM; echo begun; yes & sleep " + MARK, env=at(port, files()))
    begun = seconds_until(lambda: with_marker(MARK), PATIENCE)
    ok(begun is not None, "a command that floods its output")
    process.send_signal(signal.SIGINT)
    done = finish(process)
    found = done.json()["structuredContent"]
    is_((found.get("outcome"), found.get("survivors")), ("cancelled", 0), "is cancelled") or \
        diag(done.err)
    ok(not with_marker(MARK), "and dead")
    done = host("--session", "tls", "call", "shell", "ls", env=at(port, files()))
    is_(done.out, "given\n", "and the session lives on")


def test_named_otherwise(port):
    """The same by the environment, and by a context that the docker client made."""
    os.mkdir(path("certs"))
    for name, file in (("ca", "ca"), ("cert", "client"), ("key", "client-key")):
        os.symlink(pem(file), path("certs/%s.pem" % name))
    none = configuration("none.json", engine={})
    env = environment(CAISSON_CONFIG=none, DOCKER_HOST="tcp://127.0.0.1:%d" % port,
                      DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH=path("certs"))
    info = host("op", "--json", "engine.info", env=env).json()["structuredContent"]
    is_(info.get("source"), "DOCKER_HOST", "by DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH")
    env = environment(CAISSON_CONFIG=none, DOCKER_CONFIG=path("docker"), DOCKER_HOST=None)
    subprocess.run(["docker", "context", "create", "over-tls", "--docker",
                    "host=tcp://127.0.0.1:%d,ca=%s,cert=%s,key=%s" %
                    (port, pem("ca"), pem("client"), pem("client-key"))],
                   env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    done = host("op", "--json", "engine.info", env=dict(env, DOCKER_CONTEXT="over-tls"))
    info = done.json().get("structuredContent", {})
    is_((info.get("source"), info.get("endpoint")), ("context", "tcp://127.0.0.1:%d" % port),
        "by DOCKER_CONTEXT, as the docker client made it") or diag(done.err)
    subprocess.run(["docker", "context", "use", "over-tls"], env=env, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    info = host("op", "--json", "engine.info", env=env).json().get("structuredContent", {})
    is_(info.get("source"), "context", "by the current context")
    ok("over-tls" in info.get("why", ""), "by its name")
    wanted = configuration("context.json", engine={"context": "over-tls"})
    info = host("op", "--json", "engine.info", env=dict(env, CAISSON_CONFIG=wanted)).json()
    is_(info["structuredContent"]["source"], "configuration", "by engine.context")


# ---- what is refused ----------------------------------------------------------------------------


def is_refused(env, words, what, reason="engine.tls"):
    """Both by a plain request (engine.info) and where an instance is made."""
    done = host("op", "--json", "engine.info", env=env)
    ok(done.code != 0 and all(w in done.err for w in words), what) or \
        diag("code %d\n%s%s" % (done.code, done.out, done.err))
    lazy = json.load(open(env["CAISSON_CONFIG"]))
    lazy["engine"]["lazy"] = True
    with open(path("lazy.json"), "w") as f:
        json.dump(lazy, f)
    done = host("op", "--json", "engine.info", env=dict(env, CAISSON_CONFIG=path("lazy.json")))
    error = json.loads(done.out or "{}").get("structuredContent", {}).get("error", {})
    is_(error.get("reason"), reason, "by its reason") or diag(done.out + done.err)


def test_refusals(port):
    is_refused(at(port, files(ca="stranger")), ["not signed by the CA", pem("stranger"), "engine.tls"],
               "a CA that did not sign the engine's certificate")
    is_refused(at(port, files(ca=None)), ["not signed by the CA", "machine's own store"],
               "no CA, where this machine's own do not vouch for it")
    is_refused(at(port, files(client=None)), ["wants a client certificate", "engine.tls"],
               "a missing client certificate")
    is_refused(at(port, files(client="client-ended")), [pem("client-ended"), "has expired, on 2021-01-01"],
               "an expired client certificate")
    is_refused(at(port, files(client="client-stranger")),
               [pem("client-stranger"), "the CA that the engine trusts"],
               "a client certificate by another CA")
    is_refused(at(port, files(), "localhost"), ["not for this host name", "subjectAltName"],
               "a host name that the certificate is not for")
    is_refused(at(port, files(key="server-key")), ["cannot be used", "server-key.pem"],
               "a key of another certificate")
    is_refused(at(port, files(key="client-locked-key")), ["cannot be used", "client-locked-key.pem"],
               "a key with a passphrase, which nobody is asked for")


def test_expired_engine():
    engine, port = secured("server-ended")
    is_refused(at(port, files()), ["certificate of the container engine", "has expired", "renew it"],
               "an engine's certificate that has expired")
    unsafe = files(ca=None)
    unsafe["verify"] = False
    done = host("op", "--json", "engine.info", env=at(port, unsafe))
    warnings = done.json().get("structuredContent", {}).get("warnings", [])
    ok(any("not checked" in w for w in warnings),
       "it is let pass only where the operator says so, and that is warned of") or diag(done.err)
    engine.stop()


def test_mistakes(port):
    """Refused where an instance is made, before anything is asked."""
    def is_wrong(engine, words, what):
        wrong = configuration("wrong.json", engine=engine)
        done = host("op", "engine.info", env=environment(CAISSON_CONFIG=wrong))
        ok(done.code != 0 and all(w in done.err for w in words), what) or diag(done.err)

    tcp = "tcp://127.0.0.1:%d" % port
    is_wrong({"endpoint": tcp, "tls": {"ca": "/nowhere/ca.pem"}}, ["engine.tls", "/nowhere/ca.pem"],
             "a CA that is not there")
    is_wrong({"endpoint": tcp, "tls": {"ca": "/etc/passwd"}}, ["/etc/passwd", "PEM"],
             "a file that holds no certificate")
    is_wrong({"endpoint": tcp, "tls": {"cert": pem("client")}}, ["needs its key"], "half of a pair")
    is_wrong({"endpoint": tcp, "tls": {"ca": pem("ca"), "verify": False}}, ["verify is false"],
             "a CA that would not be used")
    is_wrong({"endpoint": "unix:///x", "tls": {}}, ["engine.tls", "unix:///x"], "TLS on a socket")
    is_wrong({"endpoint": "http://127.0.0.1:1", "tls": {}}, ["engine.tls"], "TLS over http://")
    is_wrong({"tls": {"ca": pem("ca")}}, ["engine.tls", "engine.endpoint"], "TLS with nothing")
    is_wrong({"endpoint": tcp, "context": "x"}, ["engine.context"], "an endpoint and a context")
    done = host("op", "engine.info", env=at(port, None))
    ok(done.code != 0 and "HTTPS server" in done.err, "no TLS with an engine that wants it") or \
        diag(done.err)


def main():
    make_certificates()
    engine, port = secured("server")
    engine.import_image()
    test_calls(port)
    test_cancel(port)
    test_named_otherwise(port)
    test_refusals(port)
    test_mistakes(port)
    is_(host("shutdown", "--all", env=at(port, files())).code, 0, "the sessions are shut down")
    engine.stop()
    test_expired_engine()
    done_testing()


main()
