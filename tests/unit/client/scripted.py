"""A server over real HTTP that answers from a script, and keeps what it was asked."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ID = "AaIZsi0_nKAyP0ONQjgLnN-D"
PENDING = {"inference_id": ID, "status": "pending"}
SUCCEEDED = {"inference_id": ID, "status": "succeeded", "predicted_class": 3}
FAILED = {"inference_id": ID, "status": "failed", "error": {"code": "invalid_input", "message": "not a picture"}}
CANCELED = {"inference_id": ID, "status": "canceled"}


@dataclass(frozen=True)
class Reply:
    """One answer of the script; `is_cut` closes the connection instead, `after` is an event to wait for."""

    status: int = 200
    document: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    is_cut: bool = False
    after: threading.Event | None = None


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass
class Script:
    """The replies that are left, the last of which repeats, and the requests that came."""

    url: str
    replies: deque[Reply] = field(default_factory=deque)
    asked: list[Asked] = field(default_factory=list)

    def will(self, *replies: Reply) -> None:
        """Answer with these from now on."""
        self.replies = deque(replies)

    def next(self) -> Reply:
        """Return the next reply."""
        return self.replies.popleft() if len(self.replies) > 1 else self.replies[0]


def problem(status: int, code: str, **headers: str) -> Reply:
    """Return a problem as the service answers it."""
    return Reply(status, {"code": code, "detail": f"{code} in a sentence"}, headers)


def waited(document: dict[str, Any], seconds: str = "25") -> Reply:
    """Return the answer to a call that was granted a wait."""
    return Reply(200, document, {"Preference-Applied": f"wait={seconds}"})


class Quiet(ThreadingHTTPServer):
    """A server that prints nothing when a client leaves before its answer."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@contextmanager
def run_script() -> Iterator[Script]:
    """Serve a script on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        do_POST = do_GET  # noqa: N815

        def _answer(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = script.next()
            script.asked.append(Asked(self.command, url.path, parse_qs(url.query), headers, body))
            if reply.after is not None:
                reply.after.wait(20)
            if reply.is_cut:
                self.close_connection = True
                return
            content = reply.document if isinstance(reply.document, bytes) else json.dumps(reply.document).encode()
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = Quiet(("127.0.0.1", 0), Handler)
    script = Script(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
