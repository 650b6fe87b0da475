import json
from pathlib import Path
from typing import Any

import pytest

from inference_client.__main__ import FAILED, SUCCEEDED, TRY_AGAIN, USAGE, run
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


@pytest.mark.parametrize("arguments", [["result", ID, "--param", "a=1"], ["submit", "a.png", "--param", "threshold"]])
def test_a_parameter_that_cannot_be_read_is_wrong_usage(script: Script, arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(["--url", script.url, *arguments])
