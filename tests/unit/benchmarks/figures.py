"""Figures of a run in which this system and its peers are equal."""

from typing import Any

from benchmarks.rounds import BARE, CELERY, CLIENTS, FRACTIONS, OURS, Loads

PARTS = {"API": 0.25, "worker": 0.5, "RabbitMQ": 0.1, "Redis": 0.05, "load generator": 0.1}


def make_load(**changes: Any) -> dict[str, Any]:
    """Return the figures of a load."""
    figures = {"jobs_per_s": 100.0, "p50_ms": 4.0, "p99_ms": 8.0, "cpu_ms_per_job": PARTS, "forward_ms": 0.45}
    return figures | changes


def make_medians() -> dict[str, Loads]:
    """Return the figures of every server."""
    closed = [f"{clients} clients" for clients in CLIENTS]
    loads = [*closed, "50 jobs/s", *(f"load {rate:g}" for rate in FRACTIONS), "nothing", "photographs, 32"]
    only_ours = ["form", "submits", "photographs, 1", "beside photographs"]
    loop = {
        "jobs_per_s": 2000.0,
        "prepare_ms": 0.2,
        "forward_ms": 0.3,
        "steps_ms": {"decode": 1.5, "keep_digit": 0.5},
        "right": {"digits": 1.0, "plain": 0.98},
    }
    peers = {name: {load: make_load() for load in loads} for name in ("mosec", "LitServe", CELERY)}
    return {BARE: {"loop": loop}, OURS: {load: make_load() for load in loads + only_ours}, **peers}


def make_evidence() -> dict[str, Any]:
    """Return what a run of three rounds leaves."""
    stages = [{"jobs": jobs, "jobs_per_s": 2000.0, "api_mb": 80.0} for jobs in range(50_000, 1_000_001, 50_000)]
    return {
        "rounds": 3,
        "where": {"cpu": "2 cores"},
        "medians": make_medians(),
        "profile": {"uvicorn": 0.6, "pika": 0.4},
        "deep": {"stages": stages},
    }
