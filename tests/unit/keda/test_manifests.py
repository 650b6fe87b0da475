"""Manifests that are generated from the chart, or laid over it, still fits it."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.chart.helm import HELMS, NEEDS_HELM, template
from tests.unit.keda.scripts import KEDA, PROFILES

pytestmark = NEEDS_HELM


@pytest.mark.parametrize("program", HELMS)
def test_the_manifests_are_those_of_the_chart(tmp_path: Path, program: str) -> None:
    subprocess.run(
        ["sh", str(KEDA / "manifests.sh"), str(tmp_path)],
        check=True,
        env={"HELM": program, "PATH": os.environ["PATH"]},
        timeout=60,
    )

    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text() for path in (KEDA / "manifests").iterdir()}
    assert written == kept, "keda/manifests is not what the chart makes; run make manifests"


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
def test_a_profile_fits_the_chart(profile: Path) -> None:
    assert "kind: ScaledObject" in template("--values", str(profile))


def test_scale_to_zero_is_what_the_chart_does_anyway() -> None:
    profile = KEDA / "profiles/scale-to-zero.yaml"

    shown = [
        template("--show-only", "templates/worker/scaledobject.yaml", *more) for more in ((), ("-f", str(profile)))
    ]
    assert yaml.safe_load(shown[0]) == yaml.safe_load(shown[1])
