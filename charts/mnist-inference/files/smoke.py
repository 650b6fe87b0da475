"""The program of `helm test`: checks answers and that the servers ask for passwords. Standard library only."""

import base64
import json
import os
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlsplit


def call(url: str, *, data: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, str, bytes]:
    """Return the status, the content type and the body of a call."""
    request = urllib.request.Request(url, data=data, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=35, context=trusted()) as answer:
            return answer.status, answer.headers.get("Content-Type", ""), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, "", error.read()


def trusted() -> ssl.SSLContext | None:
    """Return the trust in the servers' CA; None where they have no TLS."""
    ca_file = os.environ.get("CA_FILE")
    return ssl.create_default_context(cafile=ca_file) if ca_file else None


def call_api(deadline: float, path: str, *, data: bytes | None = None, content_type: str = "") -> tuple[str, bytes]:
    """Repeat a call of the API until it succeeds or the deadline is over; return content type and body."""
    key, url = os.environ.get("API_KEY"), os.environ["API_URL"] + path
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if data is not None:
        headers["Content-Type"] = content_type
    while True:
        try:
            status, answered, body = call(url, data=data, headers=headers)
        except OSError as error:
            status, answered, body = 0, "", str(error).encode()
        if status in (200, 202):
            return answered, body
        if time.monotonic() > deadline:
            sys.exit(f"{url} answers {status} {body[:300]!r}")
        time.sleep(1)


def check_models(deadline: float, models: list[str]) -> None:
    """Send each model its example, to all before the first answer; check that each succeeds."""
    started, ids = time.monotonic(), {}
    for model in models:
        content_type, example = call_api(deadline, f"/models/{model}/example")
        ids[model] = _submit(deadline, f"/models/{model}", example, content_type)
    for model, inference_id in ids.items():
        _wait(deadline, f"/models/{model}/result/{inference_id}")
        print(f"{model} answered its example after {time.monotonic() - started:.1f} s")


def check_picture(deadline: float, expected: int) -> None:
    """Send the picture; check its class."""
    picture = Path("/smoke/seven.pgm").read_bytes()
    inference_id = _submit(deadline, "/classify", picture, "image/x-portable-graymap")
    result = _wait(deadline, f"/result/{inference_id}")
    if result.get("predicted_class") != expected:
        sys.exit(f"expected the class {expected}, got {result}")
    print(f"a picture was answered: {result['predicted_class']}")


def _submit(deadline: float, path: str, body: bytes, content_type: str) -> str:
    _, accepted = call_api(deadline, path, data=body, content_type=content_type)
    return str(json.loads(accepted)["inference_id"])


def _wait(deadline: float, path: str) -> dict:
    while True:
        result = json.loads(call_api(deadline, f"{path}?wait=5")[1])
        if result["status"] == "succeeded":
            return result
        if result["status"] != "pending":
            sys.exit(f"{path}: expected a result, got {result}")
        if time.monotonic() > deadline:
            sys.exit(f"{path}: still pending: {result}; look for a worker, or for the reason why none is ready")


def check_job_counts(urls: list[str], patience_s: float = 30) -> None:
    """Check that every node gives the autoscaler's user the same count: KEDA may ask any node."""
    for queue in os.environ["QUEUES"].split():
        deadline = time.monotonic() + patience_s
        while True:
            said = {url: _read_count(url, queue) for url in urls}
            if len(set(said.values())) == 1:
                break
            # Jobs may arrive and finish between two requests.
            if time.monotonic() > deadline:
                sys.exit(f"{queue}: the nodes of RabbitMQ differ, and KEDA may ask any: jobs and leader are {said}")
            time.sleep(1)
    print(f"the autoscaler counts jobs, alike at {len(urls)} addresses")


def _read_count(url: str, queue: str) -> tuple[int, str]:
    """Ask a node with KEDA's query; return its count of a queue's jobs and the queue's leader."""
    name = f"{os.environ['AUTOSCALER_USERNAME']}:{os.environ['AUTOSCALER_PASSWORD']}"
    basic = {"Authorization": f"Basic {base64.b64encode(name.encode()).decode()}"}
    pattern = quote(f"^{queue.replace('.', '[.]')}$", safe="")
    query = f"page=1&page_size=100&use_regex=true&pagination=false&name={pattern}"
    status, _, body = _ask(f"{url}api/queues/{os.environ['VHOST']}?{query}", headers=basic)
    found = json.loads(body)["items"] if status == 200 else []
    said = [(one["messages"], one["leader"]) for one in found if one["name"] == queue and "messages" in one]
    if not said:
        sys.exit(f"{queue}: {url} answers {status} {body[:300]!r}; the autoscaler cannot count jobs")
    return said[0]


def check_rabbitmq_password(urls: list[str]) -> None:
    """Check that RabbitMQ's management API refuses an unknown caller, on every node."""
    for url in urls:
        status, _, _ = _ask(f"{url}api/overview")
        if status != 401:
            sys.exit(f"{url} answers {status} to a caller without a password, expected 401")
    print("RabbitMQ asks for a password")


def _ask(url: str, **how: object) -> tuple[int, str, bytes]:
    try:
        return call(url, **how)
    except OSError as error:
        sys.exit(f"{url}: {error}; every RabbitMQ pod must run, be in DNS and let this pod in")


def check_redis_password(address: str) -> None:
    """Check that Redis refuses an unknown caller."""
    with _connect(address) as connection:
        connection.sendall(b"PING\r\n")
        answer = connection.recv(100)
    if not answer.startswith(b"-NOAUTH"):
        sys.exit(f"Redis answers {answer!r} to a caller without a password, expected -NOAUTH")
    print("Redis asks for a password")


def _connect(address: str) -> socket.socket:
    parts, context = urlsplit(f"//{address}"), trusted()
    plain = socket.create_connection((parts.hostname, parts.port), timeout=5)
    return context.wrap_socket(plain, server_hostname=parts.hostname) if context else plain


if __name__ == "__main__":
    if management := os.environ.get("MANAGEMENT_URLS", "").split():
        check_job_counts(management)
        check_rabbitmq_password(management)
    if redis := os.environ.get("REDIS_ADDRESS"):
        check_redis_password(redis)
    end = time.monotonic() + float(os.environ["TIMEOUT_S"])
    check_models(end, os.environ["MODELS"].split())
    if "CLASS_OF_PICTURE" in os.environ:
        check_picture(end, int(os.environ["CLASS_OF_PICTURE"]))
