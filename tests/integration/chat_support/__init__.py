"""A scripted endpoint of OpenAI's chat completions: each answer is a list of what is done on the
connection, in odd pieces where that is wanted; each request is kept."""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk-not-to-be-seen-4711"


def data(chunk, end="\n\n"):
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + end.encode()


def delta(finish=None, **members):
    return {"choices": [{"index": 0, "delta": members, "finish_reason": finish}]}


DONE = b"data: [DONE]\n\n"


def usage(tokens_in, tokens_out):
    return data({"choices": [], "usage": {"prompt_tokens": tokens_in,
                                          "completion_tokens": tokens_out}})


def says(text, *more):
    """A whole answer of text, word by word."""
    words = text.split(" ")
    pieces = [w + (" " if i + 1 < len(words) else "") for i, w in enumerate(words)]
    return b"".join(data(delta(content=p)) for p in pieces) + data(delta("stop")) + \
        b"".join(more) + DONE


def calls(*wanted, text=""):
    """A whole answer of calls (name, arguments), whose arguments come in pieces, all in turn."""
    stream = data(delta(role="assistant", content=text or None))
    for i, (name, _) in enumerate(wanted):
        stream += data(delta(tool_calls=[{"index": i, "id": "id-%d" % i, "type": "function",
                                          "function": {"name": name, "arguments": ""}}]))
    texts = [a if isinstance(a, str) else json.dumps(a) for _, a in wanted]
    for at in range(0, max(len(t) for t in texts), 5):
        for i, text in enumerate(texts):
            if text[at:at + 5]:
                stream += data(delta(tool_calls=[{"index": i,
                                                  "function": {"arguments": text[at:at + 5]}}]))
    return stream + data(delta("tool_calls")) + DONE


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        endpoint = self.server.endpoint
        with endpoint.lock:
            endpoint.requests.append(json.loads(body))
            endpoint.heads.append(dict(self.headers, path=self.path))
            answer = endpoint.script.pop(0) if len(endpoint.script) > 1 else endpoint.script[0]
        try:
            answer(self)
        except OSError:
            pass  # it hung up, as it may

    def begin(self, status=200, kind="text/event-stream", **more):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in more.items():
            self.send_header(name, value)

    def chunk(self, piece):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.flush()


def stream(content, size=None, then=None):
    """Sends this, in HTTP chunks of so many bytes (None: all at once); then() instead of an end."""
    def answer(handler):
        handler.begin(**{"Transfer-Encoding": "chunked"})
        handler.end_headers()
        for at in range(0, len(content), size or len(content)):
            handler.chunk(content[at:at + (size or len(content))])
        if then:
            then(handler)
        else:
            handler.chunk(b"")
    return answer


def stall(handler):
    """Says nothing until the other side has hung up."""
    handler.connection.settimeout(60)
    handler.connection.recv(1)
    handler.close_connection = True


def cut(handler):
    handler.close_connection = True


def fails(status, body=b"", kind="application/json", **headers):
    def answer(handler):
        handler.begin(status, kind, **{name.replace("_", "-"): v for name, v in headers.items()})
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
    return answer


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a client that hangs up in the middle of an answer


class Endpoint:
    """The last answer of the script is given again and again."""

    def __init__(self, *script):
        self.script, self.requests, self.heads = list(script), [], []
        self.lock = threading.Lock()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.endpoint = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return "http://127.0.0.1:%d/v1" % self.server.server_port

    def close(self):
        self.server.shutdown()
        self.server.server_close()
