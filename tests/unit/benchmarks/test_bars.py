"""The bars of the comparison: ratios of medians, and whether they were met."""

import pytest

from benchmarks.bars import Bar, compute_bars, compute_deep_bars, render_bars
from benchmarks.rounds import OURS, take_medians
from tests.unit.benchmarks.figures import make_load, make_medians


def measured(name: str) -> float:
    """Return a bar's figure where this system has twice the throughput and half the latency of the others."""
    medians = make_medians()
    medians[OURS] = {load: make_load(jobs_per_s=200.0, p50_ms=2.0, p99_ms=2.0) for load in medians[OURS]}
    (found,) = (bar.measured for bar in compute_bars(medians) if bar.name == name)
    return found


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("jobs/s, 128 clients, against mosec", 2.0),
        ("p50, 1 client, against LitServe", 0.5),
        ("p99, 50 jobs/s, against mosec", 0.25),
        ("API CPU per job, raw, ms", 0.25),
        ("photographs/s, 32 clients, against before", 200 / 24.3),
    ],
)
def test_a_bar_compares_this_system_with_a_peer(name: str, figure: float) -> None:
    assert measured(name) == pytest.approx(figure)


def test_the_worker_is_charged_without_the_forward_pass() -> None:
    assert measured("worker CPU per job outside the forward pass, ms") == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("figure", "is_most", "verdict"),
    [
        (1.4, False, "met, stretch too"),
        (1.3, False, "met"),
        (1.1, False, "**not met**"),
        (1.1, True, "met, stretch too"),
        (1.3, True, "**not met**"),
    ],
)
def test_a_bar_is_met_on_its_good_side(figure: float, is_most: bool, verdict: str) -> None:
    assert Bar("jobs/s", figure, 1.2, 1.2 if is_most else 1.35, is_most).verdict == verdict


def test_the_last_quarter_of_the_waiting_jobs_is_compared_with_the_first() -> None:
    rates = [2000.0, 2100.0, 100.0, *[50.0] * 6, 9000.0, 1500.0, 1400.0]
    stages = [
        {"jobs": number, "jobs_per_s": rate, "api_mb": 80.0 if number < 4 else 84.0}
        for number, rate in enumerate(rates)
    ]

    rate, memory = compute_deep_bars({"stages": stages})

    assert (rate.measured, rate.verdict) == (0.75, "**not met**")
    assert (memory.measured, memory.verdict) == (1.05, "met")


def test_a_row_shows_figure_bar_stretch_and_verdict() -> None:
    table = render_bars([Bar("submits/s", 2750.0, 2600, 3200), Bar("p50, ms", 12.345, 20, None, is_most=True)])

    assert "| submits/s | 2,750 | ≥ 2,600 | ≥ 3,200 | met |" in table
    assert "| p50, ms | 12.35 | ≤ 20 |  | met |" in table


def test_each_figure_is_the_median_of_its_own_rounds() -> None:
    rounds = [{"load": "a", "cpu": {"API": api}, "p50_ms": p50} for api, p50 in ((1.0, 9.0), (3.0, 7.0), (2.0, 8.0))]

    assert take_medians(rounds) == {"load": "a", "cpu": {"API": 2.0}, "p50_ms": 8.0}
