"""`make run`: the whole system in one process."""

import signal
import sys
from pathlib import Path

import httpx

from tests.support.pictures import encoded, sample
from tests.support.servers import Process, free_port


def test_one_process_answers_a_picture_and_stops_when_it_is_asked_to(
    tmp_path: Path,
) -> None:
    port = free_port()
    command = [sys.executable, "-m", "inference_embedded"]
    process = Process(command, tmp_path / "log", {"INFERENCE_PORT": str(port)}).start()
    try:
        process.wait_for_port(port)
        response = httpx.post(
            f"http://127.0.0.1:{port}/classify",
            content=encoded(sample("seven")),
            headers={"Prefer": "wait=10"},
            timeout=30,
        )
        exit_status = process.stop(signal.SIGTERM)
    finally:
        process.stop(signal.SIGKILL)

    assert (response.status_code, response.json()["predicted_class"]) == (200, 7)
    assert exit_status == 0
    assert "curl --form file=@" in process.log.read_text()
