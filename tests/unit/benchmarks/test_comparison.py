"""The page of the comparison, its pictures, and the count of a profile's samples."""

from pathlib import Path

import pytest

from benchmarks.comparison import read, render, render_servers, write
from benchmarks.sampling import count_packages
from tests.unit.benchmarks.figures import make_evidence, make_medians

PICTURES = ("throughput", "latency", "cpu", "steps", "profile")


def test_a_server_without_a_load_has_an_empty_cell() -> None:
    table = render_servers(make_medians())

    assert "| jobs/s, 128 clients | 100 | 100 | 100 | 100 |" in table
    assert "| p50 ms, one photograph alone | 4.0 |  |  |  |" in table


def test_the_page_says_how_it_was_written() -> None:
    page = render(make_evidence())

    assert "Written by `make bench ARGS='peers --rounds 3 --docs'`: medians of 3 interleaved rounds." in page


def test_the_page_says_what_was_tried_and_dropped() -> None:
    assert "## Tried and dropped" in render(make_evidence())


def test_jobs_that_were_not_left_waiting_have_no_figures() -> None:
    page = render(make_evidence() | {"deep": None})

    assert "Not measured." in page
    assert "jobs deep" not in page


def test_every_picture_of_the_page_is_written(tmp_path: Path) -> None:
    write(tmp_path, make_evidence())

    page = (tmp_path / "performance.md").read_text()
    assert [name for name in PICTURES if f"({name}.svg)" in page and (tmp_path / f"{name}.svg").exists()] == [*PICTURES]


def test_the_same_figures_give_the_same_pictures(tmp_path: Path) -> None:
    drawn = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        write(folder, make_evidence())
        drawn.append((folder / "latency.svg").read_text())

    assert drawn[0] == drawn[1]


def test_figures_that_were_written_are_read_again(tmp_path: Path) -> None:
    write(tmp_path, {"deep": {"stages": []}})

    assert read(tmp_path) == {"deep": {"stages": []}}
    assert read(tmp_path / "elsewhere") == {}


def test_a_sample_counts_for_the_innermost_known_package() -> None:
    shares = count_packages(
        [
            "run (asyncio/runners.py:118);send (pika/channel.py:1);dumps (json/__init__.py:2) 3",
            "run (asyncio/runners.py:118) 1",
        ]
    )

    assert shares == {"pika": pytest.approx(0.75), "event loop, system calls": pytest.approx(0.25)}
