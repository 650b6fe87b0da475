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


def counts_jobs(url: str) -> None:
    """The autoscaler's user sees how many jobs there are; without it KEDA would read 0 for ever."""
    name = f"{os.environ['AUTOSCALER_USERNAME']}:{os.environ['AUTOSCALER_PASSWORD']}"
    basic = {"Authorization": f"Basic {base64.b64encode(name.encode()).decode()}"}
    for queue in ("mnist.jobs", "mnist.retry"):
        pattern = quote(f"^{queue.replace('.', '[.]')}$", safe="")
        query = f"page=1&page_size=100&use_regex=true&pagination=false&name={pattern}"  # as KEDA asks
        status, body = call(f"{url}api/queues/{os.environ['VHOST']}?{query}", headers=basic)
        if status != 200 or not _has_count(body, queue):
            sys.exit(f"{queue}: {status} {body[:300]!r}; the autoscaler cannot count jobs")
    status, _ = call(f"{url}api/overview")
    if status != 401:
        sys.exit(f"RabbitMQ's management API answers {status} to somebody without a password; 401 is right")
    print("the autoscaler counts jobs, and RabbitMQ asks for a password")


def _has_count(body: bytes, queue: str) -> bool:
    answer = json.loads(body)
    found = answer["items"] if isinstance(answer, dict) else answer
    return any(one["name"] == queue and "messages" in one for one in found)


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
    if management := os.environ.get("MANAGEMENT_URL"):
        counts_jobs(management)
    if redis := os.environ.get("REDIS_ADDRESS"):
        redis_asks_for_a_password(redis)
    classifies_a_picture(time.monotonic() + float(os.environ["TIMEOUT_S"]))
