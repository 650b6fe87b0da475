"""The program of `helm test`: checks an answer and that the servers ask for passwords. Standard library only."""

import base64
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlsplit

EXPECTED = 7


def call(url: str, *, data: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """Return the status and the body of a call."""
    request = urllib.request.Request(url, data=data, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=35) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def call_patiently(deadline: float, url: str, **how: object) -> dict:
    """Repeat a call until it succeeds or the deadline is over; return the JSON of the answer."""
    while True:
        try:
            status, body = call(url, **how)
        except OSError as error:
            status, body = 0, str(error).encode()
        if status in (200, 202):
            return json.loads(body)
        if time.monotonic() > deadline:
            sys.exit(f"{url} answers {status} {body[:300]!r}")
        time.sleep(1)


def check_picture(deadline: float) -> None:
    """Send a seven; check that the answer is a seven."""
    api, key = os.environ["API_URL"], os.environ.get("API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    picture = {**headers, "Content-Type": "image/x-portable-graymap"}
    started = time.monotonic()
    accepted = call_patiently(deadline, f"{api}/classify", data=Path("/smoke/seven.pgm").read_bytes(), headers=picture)
    while True:
        result = call_patiently(deadline, f"{api}/result/{accepted['inference_id']}?wait=5", headers=headers)
        if result["status"] != "pending":
            break
        if time.monotonic() > deadline:
            sys.exit(f"still pending: {result}; look for a worker, or for the reason why none is ready")
    if result.get("predicted_class") != EXPECTED:
        sys.exit(f"expected the class {EXPECTED}, got {result}")
    print(f"a picture was answered after {time.monotonic() - started:.1f} s: {result['predicted_class']}")


def check_job_counts(urls: list[str], patience_s: float = 30) -> None:
    """Check that every node gives the autoscaler's user the same count: KEDA may ask any node."""
    for queue in ("mnist.jobs", "mnist.retry"):
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
    status, body = _ask(f"{url}api/queues/{os.environ['VHOST']}?{query}", headers=basic)
    found = json.loads(body)["items"] if status == 200 else []
    said = [(one["messages"], one["leader"]) for one in found if one["name"] == queue and "messages" in one]
    if not said:
        sys.exit(f"{queue}: {url} answers {status} {body[:300]!r}; the autoscaler cannot count jobs")
    return said[0]


def check_rabbitmq_password(urls: list[str]) -> None:
    """Check that RabbitMQ's management API refuses an unknown caller, on every node."""
    for url in urls:
        status, _ = _ask(f"{url}api/overview")
        if status != 401:
            sys.exit(f"{url} answers {status} to a caller without a password, expected 401")
    print("RabbitMQ asks for a password")


def _ask(url: str, **how: object) -> tuple[int, bytes]:
    try:
        return call(url, **how)
    except OSError as error:
        sys.exit(f"{url}: {error}; every RabbitMQ pod must run, be in DNS and let this pod in")


def check_redis_password(address: str) -> None:
    """Check that Redis refuses an unknown caller."""
    parts = urlsplit(f"//{address}")
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(b"PING\r\n")
        answer = connection.recv(100)
    if not answer.startswith(b"-NOAUTH"):
        sys.exit(f"Redis answers {answer!r} to a caller without a password, expected -NOAUTH")
    print("Redis asks for a password")


if __name__ == "__main__":
    if management := os.environ.get("MANAGEMENT_URLS", "").split():
        check_job_counts(management)
        check_rabbitmq_password(management)
    if redis := os.environ.get("REDIS_ADDRESS"):
        check_redis_password(redis)
    check_picture(time.monotonic() + float(os.environ["TIMEOUT_S"]))
