"""The Python client in front of the whole service, as `docs/client.md` shows it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference_client import AsyncClient, Client, Outcome, Refused, UnknownJob
from tests.support.deployment import ROOT
from tests.support.embedded import running_embedded
from tests.support.pictures import encoded, moved, sample


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_embedded(tmp_path_factory.mktemp("service")) as (_, url):
        yield url


@pytest.fixture
def three(tmp_path: Path) -> Path:
    path = tmp_path / "three.png"
    path.write_bytes(encoded(sample("three")))
    return path


def test_the_lines_of_the_page_print_the_answer(
    url: str, three: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [lines] = (ROOT / "docs/client.md").read_text().split("```python\n")[1:]
    code = lines.partition("```")[0].replace("http://127.0.0.1:8000", url)
    monkeypatch.chdir(three.parent)

    exec(compile(code, "docs/client.md", "exec"), {})  # noqa: S102

    assert capsys.readouterr().out.splitlines()[1] == "3"


def test_one_call_brings_the_answer_of_a_named_model(url: str, three: Path) -> None:
    with Client(url) as client:
        assert client.run(three, model="mnist")["predicted_class"] == 3


def test_two_hundred_inputs_are_answered_in_their_order_and_the_broken_ones_alone_fail(url: str) -> None:
    names = ["three", "seven"] * 50
    sources = [encoded(moved(sample(name), number % 3, 0)) for number, name in enumerate(names)]
    mixed = [source for picture in sources for source in (picture, b"not a picture")]

    async def collect() -> list[Outcome]:
        async with AsyncClient(url) as client:
            return [outcome async for outcome in client.map(mixed, in_flight=16)]

    outcomes = asyncio.run(collect())

    answers = [outcome.answer["predicted_class"] for outcome in outcomes[::2] if outcome.answer]
    assert answers == [3, 7] * 50
    assert all(isinstance(outcome.error, Refused) for outcome in outcomes[1::2])


def test_a_job_is_found_again_in_another_process(url: str, three: Path) -> None:
    with Client(url) as client:
        inference_id = client.submit(three).inference_id

    command = [sys.executable, "-m", "inference_client", "--url", url, "result", inference_id]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ)

    assert printed.returncode == 0
    assert '"predicted_class": 3' in printed.stdout


def test_an_id_of_nobody_is_an_unknown_job(url: str) -> None:
    with Client(url) as client, pytest.raises(UnknownJob):
        client.job("A" * 24).wait()


def test_a_job_that_ended_keeps_its_result_when_it_is_canceled(url: str, three: Path) -> None:
    with Client(url) as client:
        job = client.submit(three)
        answer = job.wait()

        assert job.cancel() == answer
