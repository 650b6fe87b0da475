"""The chart's alerts, rung by promtool over what Prometheus saw."""

import functools
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chart.helm import Object, objects, values
from tests.support.deployment import ROOT

PROMTOOL = shutil.which("promtool") or str(ROOT / "build/promtool/promtool")
#: The chart's defaults: seconds between two scrapes, and between two looks at the alerts.
SCRAPE_S = 15
LOOK_S = 30
#: What a scrape that fails leaves of a series, and nothing at all.
FAILED, NOTHING = "stale", "_"

Samples = Sequence[float | str]


@functools.cache
def alerts(*settings: str) -> list[Object]:
    """Return the rendered alerts."""
    (rule,) = [
        found
        for found in objects(*values("metrics.rules.enabled=true", "redis.metrics.enabled=true", *settings))
        if found["kind"] == "PrometheusRule"
    ]
    (group,) = rule["spec"]["groups"]
    assert group["interval"] == f"{LOOK_S}s", "the tests would look at the alerts more often than Prometheus does"
    return list(group["rules"])


def steady(minutes: float, value: float | str, *, scrape_s: int = SCRAPE_S) -> list[float | str]:
    """Return the scrapes of some minutes that all saw one value."""
    return [value] * round(minutes * 60 / scrape_s)


def growing(minutes: float, by: float, *, scrape_s: int = SCRAPE_S) -> list[float | str]:
    """Return the scrapes of a counter that grows from 0, from one scrape to the next."""
    return [by * number for number in range(round(minutes * 60 / scrape_s))]


def rings(
    alert: str,
    seen: Mapping[str, Samples],
    *settings: str,
    after_minute: float = 0,
    by_minute: float = 60,
    scrape_s: int = SCRAPE_S,
) -> bool:
    """Return whether the alert fires between these minutes, when Prometheus sees these series from minute 0 on."""
    (rule,) = [found for found in alerts(*settings) if found["alert"] == alert]
    firing = f'ALERTS{{alertname="{alert}",alertstate="firing"}}[{round((by_minute - after_minute) * 60)}s]'
    asked = {
        "expr": f"clamp_max(sum(count_over_time({firing})), 1) or vector(0)",
        "eval_time": f"{round(by_minute * 60)}s",
        "exp_samples": [{"labels": "{}", "value": 1}],
    }
    assert Path(PROMTOOL).exists(), f"{PROMTOOL} is not there: sh tests/support/servers.sh brings it"
    with TemporaryDirectory() as folder:
        Path(folder, "rules.yaml").write_text(json.dumps({"groups": [{"name": "asked", "rules": [rule]}]}))
        Path(folder, "test.yaml").write_text(json.dumps(_test(seen, asked, scrape_s)))
        done = subprocess.run(
            [PROMTOOL, "test", "rules", "test.yaml"], cwd=folder, capture_output=True, text=True, timeout=60
        )
    said = done.stdout + done.stderr
    assert done.returncode == 0 or "got: {} 0E+00" in said, said
    return done.returncode == 0


def _test(seen: Mapping[str, Samples], asked: Object, scrape_s: int) -> Object:
    series = [{"series": name, "values": " ".join(map(str, samples))} for name, samples in seen.items()]
    return {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": f"{LOOK_S}s",
        "tests": [{"interval": f"{scrape_s}s", "input_series": series, "promql_expr_test": [asked]}],
    }
