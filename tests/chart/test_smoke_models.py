"""The program of `helm test` sends each model its example, and the picture to the model that it knows."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import ModuleType
from typing import Any

import pytest

from tests.chart.helm import NEEDS_HELM, environment_of, one, values
from tests.chart.spec_files import add_model

EXAMPLES = {"mnist": ("image/x-portable-graymap", b"P5 1 1 255\n0"), "voice": ("audio/wav", b"RIFF")}
Serve = Callable[..., list[tuple[str, str, bytes]]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start an API that answers each job with the next of these results; return the list of what it was sent."""
    with ExitStack() as stack:

        def start(*results: dict[str, Any]) -> list[tuple[str, str, bytes]]:
            received: list[tuple[str, str, bytes]] = []
            monkeypatch.setenv("API_URL", stack.enter_context(api(list(results), received)))
            return received

        yield start


@contextmanager
def api(results: list[dict[str, Any]], received: list[tuple[str, str, bytes]]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.endswith("/example"):
                return self.answer(*EXAMPLES[self.path.split("/")[2]])
            return self.answer("application/json", json.dumps(results.pop(0)).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, self.headers["Content-Type"], body))
            self.answer("application/json", b'{"inference_id": "A", "status": "pending"}')

        def answer(self, content_type: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_every_model_gets_its_own_example(smoke: ModuleType, serve: Serve) -> None:
    received = serve({"status": "pending"}, {"status": "succeeded"}, {"status": "succeeded"})

    smoke.check_models(time.monotonic() + 10, ["mnist", "voice"])

    assert received == [(f"/models/{model}", *EXAMPLES[model]) for model in ("mnist", "voice")]


def test_a_model_that_fails_on_its_example_fails_the_test(smoke: ModuleType, serve: Serve) -> None:
    serve({"status": "succeeded"}, {"status": "failed", "error": {"code": "bad_answer"}})

    with pytest.raises(SystemExit, match=r"/models/voice/result/A: expected a result.*bad_answer"):
        smoke.check_models(time.monotonic() + 10, ["mnist", "voice"])


def test_a_model_without_a_worker_fails_the_test_at_the_deadline(smoke: ModuleType, serve: Serve) -> None:
    serve({"status": "pending"})

    with pytest.raises(SystemExit, match="/models/mnist/result/A: still pending"):
        smoke.check_models(time.monotonic(), ["mnist"])


def asked(*arguments: str) -> dict[str, Any]:
    return environment_of(one("Pod", "test", *arguments))


@NEEDS_HELM
def test_the_test_asks_every_model_and_counts_every_queue_once() -> None:
    arguments = add_model("voice") + add_model("old", name="voice", version=2)

    environment = asked(*arguments)

    assert environment["MODELS"] == "mnist voice"
    assert environment["QUEUES"].split() == [
        f"{prefix}.{lane}" for prefix in ("mnist", "voice", "voice.v2") for lane in ("jobs", "retry")
    ]


@NEEDS_HELM
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param((), "7", id="mnist"),
        pytest.param(values("defaultModel=null"), None, id="no default"),
        pytest.param(add_model("mnist", name="mnist"), None, id="another spec"),
        pytest.param((*add_model("voice"), *values("defaultModel=voice")), None, id="another default"),
    ],
)
def test_the_picture_is_sent_only_to_the_model_that_comes_with_the_chart(
    arguments: tuple[str, ...], expected: str | None
) -> None:
    assert asked(*arguments).get("CLASS_OF_PICTURE") == expected
