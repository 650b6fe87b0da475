import asyncio
import inspect
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from inference_client import Client
from inference_client.__main__ import ARGUMENTS, FAILED, INTERRUPTED, PIPE_CLOSED, SUCCEEDED, TRY_AGAIN, USAGE, run
from tests.support.waiting import until
from tests.unit.client import scripted
from tests.unit.client.scripted import ID, Reply, Script, problem, waited


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "three.png"
    path.write_bytes(b"a picture")
    return path


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_submit_prints_the_id_of_each_file(script: Script, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script.will(Reply(202, scripted.PENDING))

    status = run(["--url", script.url, "submit", "--model", "voice", "--param", "threshold=0.6", str(file), str(file)])

    assert status == SUCCEEDED
    assert printed(capsys) == [{"file": str(file), "inference_id": ID}] * 2
    assert script.asked[0].query == {"threshold": ["0.6"]}


def test_submit_with_wait_prints_the_results(script: Script, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script.will(Reply(200, scripted.SUCCEEDED))

    assert run(["--url", script.url, "submit", "--wait", str(file)]) == SUCCEEDED
    assert printed(capsys) == [{"file": str(file), **scripted.SUCCEEDED}]


def test_a_failed_job_ends_the_command_with_1(script: Script, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script.will(Reply(200, scripted.FAILED))

    assert run(["--url", script.url, "submit", "--wait", str(file)]) == FAILED
    assert printed(capsys)[0]["code"] == "invalid_input"


def test_a_result_that_is_late_ends_the_command_with_75_and_the_id(
    script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    script.will(waited(scripted.PENDING))

    assert run(["--url", script.url, "result", ID, "--timeout", "0.05"]) == TRY_AGAIN
    assert printed(capsys)[0]["inference_id"] == ID


def test_a_full_service_ends_the_command_with_75_and_the_idempotency_key(
    script: Script, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script.will(problem(503, "queue_full"))

    assert run(["--url", script.url, "submit", "--timeout", "0.05", str(file)]) == TRY_AGAIN
    assert printed(capsys)[0]["idempotency_key"] == script.asked[0].headers["idempotency-key"]


def test_cancel_prints_the_final_state(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    script.will(Reply(200, scripted.CANCELED))

    assert run(["--url", script.url, "cancel", ID]) == SUCCEEDED
    assert printed(capsys) == [scripted.CANCELED]


def test_a_refused_call_ends_the_command_with_2(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    script.will(problem(404, "unknown_id"))

    assert run(["--url", script.url, "result", ID]) == USAGE
    assert "unknown_id" in printed(capsys)[0]["error"]


def test_a_file_that_is_missing_ends_the_command_with_2(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--url", script.url, "submit", "no/such.png"]) == USAGE
    assert "no/such.png" in printed(capsys)[0]["error"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["result", ID, "--param", "a=1"],
        ["submit", "a.png", "--param", "threshold"],
        ["submit", "a.png", "--param", "=3"],
        *(["submit", "a.png", "--param", f"{name}=3"] for name in ("model", "timeout_s", "cancels", "source")),
        ["result", ID, "--timeout", "nan"],
        ["result", ID, "--timeout", "-1"],
        ["result", ID, "--timeout", "soon"],
    ],
)
def test_an_argument_that_cannot_be_read_is_wrong_usage(script: Script, arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(["--url", script.url, *arguments])


def test_the_names_that_are_not_parameters_of_a_model_are_those_of_the_clients_arguments() -> None:
    methods = (Client.submit, Client.run, Client.map)
    assert {name for method in methods for name in inspect.signature(method).parameters} - {"params"} == ARGUMENTS


@pytest.mark.parametrize("wait", [[], ["--wait"]])
def test_a_file_that_is_missing_stops_no_other(
    script: Script, file: Path, capsys: pytest.CaptureFixture[str], wait: list[str]
) -> None:
    script.will(Reply(200, scripted.SUCCEEDED))

    assert run(["--url", script.url, "submit", *wait, str(file), "no/such.png", str(file)]) == USAGE

    first, second, third = printed(capsys)
    assert first["inference_id"] == third["inference_id"] == ID
    assert second["file"] == "no/such.png"


def test_a_service_that_stays_away_is_tried_once_for_each_of_the_other_files(
    script: Script, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script.will(problem(503, "queue_full", **{"Retry-After": "3600"}), problem(503, "queue_full"))

    assert run(["--url", script.url, "submit", str(file), str(file), str(file)]) == TRY_AGAIN
    assert len(printed(capsys)) == len(script.asked) == 3


def test_a_submission_is_repeated_with_its_idempotency_key(script: Script, file: Path) -> None:
    script.will(Reply(202, scripted.PENDING))

    assert run(["--url", script.url, "submit", "--idempotency-key", "a key", str(file)]) == SUCCEEDED
    assert script.asked[0].headers["idempotency-key"] == "a key"


@pytest.mark.parametrize("more", [["--wait"], ["another.png"]])
def test_an_idempotency_key_is_for_one_file_without_a_wait(
    script: Script, file: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    assert run(["--url", script.url, "submit", "--idempotency-key", "a key", str(file), *more]) == USAGE
    assert "--idempotency-key is for one file" in printed(capsys)[0]["error"]


@pytest.mark.parametrize("key", ["abc\n", "schlüssel"])
def test_a_key_that_a_header_cannot_carry_is_wrong_usage(
    script: Script, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    assert run(["--url", script.url, "--key", key, "result", ID]) == USAGE
    assert "the API key" in printed(capsys)[0]["error"]


def test_a_wait_may_have_no_end(script: Script, file: Path) -> None:
    script.will(Reply(200, scripted.SUCCEEDED))

    assert run(["--url", script.url, "submit", "--wait", "--timeout", "inf", str(file)]) == SUCCEEDED


def test_a_name_that_the_output_cannot_show_loses_no_id(script: Script, tmp_path: Path) -> None:
    script.will(Reply(202, scripted.PENDING))
    file = tmp_path / "süß.png"
    file.write_bytes(b"a picture")

    done = subprocess.run(
        command(script, "submit", str(file)), capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )

    assert json.loads(done.stdout) == {"file": str(file), "inference_id": ID}


@pytest.mark.skipif(sys.platform == "darwin", reason="names of files are UTF-8 there")
def test_a_name_of_other_bytes_than_utf_8_loses_no_id(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script.will(Reply(202, scripted.PENDING))
    file = tmp_path / os.fsdecode(b"\xff.png")
    file.write_bytes(b"a picture")

    assert run(["--url", script.url, "submit", str(file)]) == SUCCEEDED
    assert printed(capsys) == [{"file": str(file), "inference_id": ID}]


def test_an_interrupt_ends_the_command_at_once_and_without_a_traceback(script: Script, file: Path) -> None:
    script.will(Reply(200, scripted.SUCCEEDED, after=threading.Event()))
    running = subprocess.Popen(command(script, "submit", "--wait", str(file)), stderr=subprocess.PIPE)
    asyncio.run(until(lambda: script.asked))

    running.send_signal(signal.SIGINT)

    assert running.communicate(timeout=15)[1] == b""
    assert running.returncode == INTERRUPTED


def test_a_reader_that_leaves_ends_the_command_in_silence(script: Script, file: Path) -> None:
    script.will(Reply(202, scripted.PENDING))
    running = subprocess.Popen(
        command(script, "submit", str(file), str(file)), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    if running.stdout:
        running.stdout.close()

    assert running.wait(timeout=30) == PIPE_CLOSED
    assert running.stderr
    assert running.stderr.read() == b""
    running.stderr.close()


def command(script: Script, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "inference_client", "--url", script.url, *arguments]
