import asyncio

import pytest
from pydantic import SecretStr

from mnist_worker import service
from mnist_worker.settings import WorkerSettings
from tests.models import EchoModel

TIMEOUT_S = 20.0


class BrokenProbes:
    """Probes that end by themselves."""

    should_exit = False

    async def serve(self) -> None:
        raise RuntimeError("the probes are broken")


async def test_a_worker_whose_probes_end_by_themselves_ends_with_their_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "probe_server", lambda *_, **__: BrokenProbes())
    away = WorkerSettings(
        amqp_url=SecretStr("amqp://127.0.0.1:1"), redis_url=SecretStr("redis://127.0.0.1:1"), drain_timeout_s=1
    )

    with pytest.raises(RuntimeError, match="the probes are broken"):
        await asyncio.wait_for(service.serve(away, EchoModel()), TIMEOUT_S)
