"""A stand-in for Kubernetes' API: takes patches over HTTPS and keeps them."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from inference_worker.own_pod import OwnPod
from tests.support.certificates import Certificate

ANNOTATION = "controller.kubernetes.io/pod-deletion-cost"
PATH = "/api/v1/namespaces/digits/pods/worker-1"


class Patch(NamedTuple):
    """One call."""

    path: str
    headers: dict[str, str]
    body: Any


class Kubernetes:
    """The calls so far, and the answers to the next ones.

    Attributes:
        patches: every call that came, refused ones too.
        status: of the next answers.
        is_silent: no answer comes.
    """

    def __init__(self, directory: Path, ca_file: Path) -> None:
        self.patches: list[Patch] = []
        self.status = 200
        self.is_silent = False
        self.url = ""
        self.token_file = directory / "token"
        self.token_file.write_text("first\n")
        self._ca_file = ca_file
        self._is_over = threading.Event()

    @property
    def costs(self) -> list[str]:
        """The values of the annotation, call by call."""
        return [patch.body["metadata"]["annotations"][ANNOTATION] for patch in self.patches]

    def pod(self) -> OwnPod:
        """Return the pod as a worker knows it."""
        return OwnPod("worker-1", "digits", url=self.url, token_file=self.token_file, ca_file=self._ca_file)

    @contextmanager
    def serving(self, certificate: Certificate) -> Iterator[None]:
        """Answer on a port of 127.0.0.1."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.file, certificate.key_file)
        with ThreadingHTTPServer(("127.0.0.1", 0), self._handler()) as server:
            server.socket = context.wrap_socket(server.socket, server_side=True)
            self.url = f"https://localhost:{server.server_port}"
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield
            finally:
                self._is_over.set()
                server.shutdown()
                thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        kubernetes, is_over = self, self._is_over

        class Handler(BaseHTTPRequestHandler):
            def do_PATCH(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                kubernetes.patches.append(Patch(self.path, dict(self.headers), body))
                if kubernetes.is_silent:
                    is_over.wait()
                    return
                self.send_response(kubernetes.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler
