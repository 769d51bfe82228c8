"""A registry that the engine pulls from: the Docker Registry HTTP API, version 2, as far as a pull needs
it, on a port of 127.0.0.1 of its own, which engines take without TLS. What it serves is made on the
spot; it can ask for a login, be slow, limit rates, and lack what is asked for.

As a program (python3 -m registry_server) it serves one image as t/box:1, prints its port, and says at
/requests which paths were asked for, until it is killed."""
import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import platform
import select
import socket
import tarfile
import threading

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
PATIENCE = 60


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer(files):
    """A tar of {name: bytes}; "name": ("link", target) is a link. As bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode = 0o755
            if isinstance(content, tuple):
                entry.type, entry.linkname = tarfile.SYMTYPE, content[1]
                content = b""
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def shell_layer():
    """What a sandbox needs at the least, and something that no other image has: so it is no layer that
    the engine knows already."""
    with open("/bin/busybox", "rb") as f:
        busybox = f.read()
    files = {"bin/busybox": busybox, "etc/passwd": b"root:x:0:0:root:/:/bin/sh\n",
             "unique": os.urandom(16)}
    for name in "sh cat echo ls sleep".split():
        files["bin/" + name] = ("link", "busybox")
    return layer(files)


class Registry:
    def __init__(self):
        self.blobs, self.manifests = {}, {}   # digest -> bytes; (repository, reference) -> (type, bytes)
        self.requests = []                    # (path, authorization)
        self.login = None                     # (user, password): who may pull
        self.by_token = False                 # ask for a token first, as Docker Hub does
        self.refusal = None                   # (status, code, message) for every manifest
        self.gates = {}                       # digest -> Gate
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.registry = self
        self.port = self.server.server_address[1]
        self.host = "127.0.0.1:%d" % self.port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def blob(self, data):
        self.blobs[digest_of(data)] = data
        return {"size": len(data), "digest": digest_of(data)}

    def image(self, repository, tag, layers, architecture=ARCH, index=False):
        """Makes the image and moves the tag to it; returns the digest of its manifest."""
        config = {"architecture": architecture, "os": "linux", "config": {"Cmd": ["/bin/sh"]},
                  "rootfs": {"type": "layers", "diff_ids": [digest_of(data) for data in layers]},
                  "history": [{"created_by": "test"} for _ in layers]}
        descriptions = []
        for data in layers:
            packed = self.blob(gzip.compress(data, 1, mtime=0))
            descriptions.append({"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                                 **packed})
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": descriptions,
                    "config": {"mediaType": "application/vnd.docker.container.image.v1+json",
                               **self.blob(json.dumps(config).encode())}}
        data = json.dumps(manifest).encode()
        self.manifests[repository, digest_of(data)] = (MANIFEST, data)
        if index:
            entry = {"mediaType": MANIFEST, "size": len(data), "digest": digest_of(data),
                     "platform": {"architecture": architecture, "os": "linux"}}
            data = json.dumps({"schemaVersion": 2, "mediaType": INDEX,
                               "manifests": [entry]}).encode()
            self.manifests[repository, digest_of(data)] = (INDEX, data)
        self.manifests[repository, tag] = self.manifests[repository, digest_of(data)]
        return digest_of(data)

    def name(self, repository, tag="1"):
        return "%s/%s:%s" % (self.host, repository, tag)

    def gate(self, data):
        """Lets a quarter of that layer through at once, and little more until the gate is opened."""
        gate = self.gates[digest_of(gzip.compress(data, 1, mtime=0))] = Gate()
        return gate

    def count(self, part):
        return sum(part in path for path, _ in self.requests)

    def asked_as(self):
        """The users that ever said who they are."""
        users = set()
        for _, authorization in self.requests:
            if authorization and authorization.startswith("Basic "):
                users.add(base64.b64decode(authorization[6:]).decode().split(":")[0])
        return users

    def stop(self):
        for gate in self.gates.values():
            gate.opened.set()
        self.server.shutdown()
        self.server.server_close()


class Gate:
    def __init__(self):
        self.reached, self.opened, self.left = (threading.Event() for _ in range(3))

    def send(self, connection, data):
        """A trickle until it is opened, since an engine sees that it shall stop only when something
        comes; or until whoever reads has gone away."""
        self.reached.set()
        at = 0
        try:
            while at < len(data) and not self.opened.wait(0.05):
                connection.sendall(data[at:at + 512])
                at += 512
                ready, _, _ = select.select([connection], [], [], 0)
                if ready and not connection.recv(1, socket.MSG_PEEK):
                    raise ConnectionResetError
            connection.sendall(data[at:])
        except OSError:
            self.left.set()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, data=b"", kind="application/json", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def refuse(self, status, code, message, **headers):
        errors = {"errors": [{"code": code, "message": message}]}
        self.answer(status, json.dumps(errors).encode(), **headers)

    def is_basic(self):
        wanted = base64.b64encode(("%s:%s" % self.server.registry.login).encode()).decode()
        return self.headers.get("Authorization") == "Basic " + wanted

    def is_allowed(self):
        registry = self.server.registry
        if not registry.login:
            return True
        if registry.by_token:
            return self.headers.get("Authorization") == "Bearer good"
        return self.is_basic()

    def challenge(self):
        registry = self.server.registry
        how = 'Basic realm="test"'
        if registry.by_token:
            how = 'Bearer realm="http://%s/token",service="test"' % registry.host
        self.refuse(401, "UNAUTHORIZED", "authentication required", WWW_Authenticate=how)

    def token(self):
        """Whoever is nobody gets a token too: one that opens nothing."""
        good = self.is_basic()
        if not good and self.headers.get("Authorization"):
            return self.refuse(401, "UNAUTHORIZED", "incorrect username or password")
        self.answer(200, json.dumps({"token": "good" if good else "none"}).encode())

    def manifest(self, repository, reference):
        registry = self.server.registry
        if registry.refusal:
            return self.refuse(*registry.refusal)
        found = registry.manifests.get((repository, reference))
        if not found:
            return self.refuse(404, "MANIFEST_UNKNOWN", "manifest unknown")
        kind, data = found
        self.answer(200, data, kind, Docker_Content_Digest=digest_of(data))

    def blob(self, digest):
        registry = self.server.registry
        data, gate = registry.blobs.get(digest), registry.gates.get(digest)
        if data is None:
            return self.refuse(404, "BLOB_UNKNOWN", "blob unknown to registry")
        if not gate or self.command == "HEAD":
            return self.answer(200, data, "application/octet-stream")
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:len(data) // 4])
        self.wfile.flush()
        gate.send(self.connection, data[len(data) // 4:])
        self.close_connection = True

    def do_GET(self):
        registry, path = self.server.registry, self.path.split("?")[0]
        parts = path.strip("/").split("/")
        if path == "/requests":
            return self.answer(200, json.dumps([p for p, _ in registry.requests]).encode())
        registry.requests.append((path, self.headers.get("Authorization")))
        if path == "/token":
            return self.token()
        if not self.is_allowed():
            return self.challenge()
        if parts == ["v2"]:
            return self.answer(200, b"{}")
        if len(parts) > 3 and parts[0] == "v2" and parts[-2] == "manifests":
            return self.manifest("/".join(parts[1:-2]), parts[-1])
        if len(parts) > 3 and parts[0] == "v2" and parts[-2] == "blobs":
            return self.blob(parts[-1])
        self.refuse(404, "NAME_UNKNOWN", "repository name not known to registry")

    do_HEAD = do_GET
