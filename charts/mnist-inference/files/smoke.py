"""What `helm test` runs: a picture is read right, and nobody gets in without a password. Standard library only."""

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


def patiently(deadline: float, url: str, **how: object) -> dict:
    """Return the JSON of the first answer that is a success; anything else is tried again until the deadline."""
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


def classifies_a_picture(deadline: float) -> None:
    """A seven is sent and read as a seven."""
    api, key = os.environ["API_URL"], os.environ.get("API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    picture = {**headers, "Content-Type": "image/x-portable-graymap"}
    started = time.monotonic()
    accepted = patiently(deadline, f"{api}/classify", data=Path("/smoke/seven.pgm").read_bytes(), headers=picture)
    while True:
        result = patiently(deadline, f"{api}/result/{accepted['inference_id']}?wait=5", headers=headers)
        if result["status"] != "pending":
            break
        if time.monotonic() > deadline:
            sys.exit(f"still pending: {result}; is there a worker, or a reason why there is none?")
    if result.get("predicted_class") != EXPECTED:
        sys.exit(f"expected the class {EXPECTED}, got {result}")
    print(f"a picture was answered after {time.monotonic() - started:.1f} s: {result['predicted_class']}")


def counts_jobs(urls: list[str], patience_s: float = 30) -> None:
    """Every node tells the autoscaler's user the same: KEDA may ask any, and would take a 0 for true."""
    for queue in ("mnist.jobs", "mnist.retry"):
        deadline = time.monotonic() + patience_s
        while True:
            said = {url: _said(url, queue) for url in urls}
            if len(set(said.values())) == 1:
                break
            # Jobs may come and go between two looks.
            if time.monotonic() > deadline:
                sys.exit(f"{queue}: the nodes of RabbitMQ differ, and KEDA may ask any: jobs and leader are {said}")
            time.sleep(1)
    print(f"the autoscaler counts jobs, alike at {len(urls)} addresses")


def _said(url: str, queue: str) -> tuple[int, str]:
    """Return a queue's jobs and leader as a node tells them when it is asked as KEDA asks."""
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


def management_asks_for_a_password(urls: list[str]) -> None:
    """An unknown caller gets nothing from RabbitMQ's management API, on any node."""
    for url in urls:
        status, _ = _ask(f"{url}api/overview")
        if status != 401:
            sys.exit(f"{url} answers {status} to somebody without a password; 401 is right")
    print("RabbitMQ asks for a password")


def _ask(url: str, **how: object) -> tuple[int, bytes]:
    try:
        return call(url, **how)
    except OSError as error:
        sys.exit(f"{url}: {error}; every RabbitMQ pod must run, be in DNS and let this pod in")


def redis_asks_for_a_password(address: str) -> None:
    """An unknown caller gets nothing from Redis."""
    parts = urlsplit(f"//{address}")
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(b"PING\r\n")
        answer = connection.recv(100)
    if not answer.startswith(b"-NOAUTH"):
        sys.exit(f"Redis answers {answer!r} to somebody without a password; -NOAUTH is right")
    print("Redis asks for a password")


if __name__ == "__main__":
    if management := os.environ.get("MANAGEMENT_URLS", "").split():
        counts_jobs(management)
        management_asks_for_a_password(management)
    if redis := os.environ.get("REDIS_ADDRESS"):
        redis_asks_for_a_password(redis)
    classifies_a_picture(time.monotonic() + float(os.environ["TIMEOUT_S"]))
