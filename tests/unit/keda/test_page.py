"""docs/scaling.md shows both sources side by side."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import page
from tests.support.deployment import ROOT


@pytest.fixture(scope="module")
def queue() -> Any:
    """Return the kept recording, which has counted no pods."""
    kept = json.loads((ROOT / "docs/scaling.json").read_text())
    return kept.get("queue", kept)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, queue: Any) -> Path:
    """Return where a page stands that was written from a made-up recording too: two pods, a second sooner."""
    wait = json.loads(json.dumps(queue))
    wait["values"]["autoscaling"] |= {"source": "wait", "pollingInterval": 1}
    wait["samples"] = [sample | {"s": max(0, sample["s"] - 1), "pods": 2} for sample in wait["samples"]]
    wait["marks"] |= {"first result": 8.25, "last result": 30.25}
    folder = tmp_path_factory.mktemp("docs")
    (folder / "pictures").mkdir()
    steps = {"kubernetes": "v1.2.3", "cpus": 2, "s": {"test_it_works": 3.2}}
    page.write(folder, {"queue": queue, "wait": wait}, steps, "\n## More\n")
    return folder


def test_the_page_has_a_column_for_what_was_recorded_and_simulated_of_each_source(folder: Path, queue: Any) -> None:
    written = (folder / "scaling.md").read_text()

    (names,) = [line for line in written.splitlines() if line.startswith("  ")]
    first, last = [
        line for line in written.splitlines() if line.startswith(("first result after", "last result after"))
    ]
    assert names.split() == ["queue", "recorded", "queue", "simulated", "wait", "recorded", "wait", "simulated"]
    assert "8.25 s" in first
    assert "30.2 s" in last
    assert f"Measured on {queue['measured']}, Kubernetes v1.2.3." in written
    assert "| it works | 3 |" in written


def test_the_page_keeps_both_recordings_and_draws_them_in_one_picture(folder: Path, queue: Any) -> None:
    kept, picture = json.loads((folder / "scaling.json").read_text()), (folder / "pictures/scaling.svg").read_text()

    assert kept["queue"] == queue
    assert all(f"{name}, recorded</text>" in picture for name in kept)
