"""Delivers webhooks: claims what is due, posts it, notes the outcome.

A sender that dies loses nothing: its claimed webhooks are due again after the lease. So an endpoint may get a webhook
twice, always under one id.
"""

import asyncio
import logging
import ssl
import time
from collections import Counter
from collections.abc import Mapping

from inference_api.hooks.endpoints import Endpoint, Endpoints
from inference_api.hooks.metrics import HookMetrics
from inference_api.hooks.post import DEADLINE_S, NoAnswer, post
from inference_api.hooks.schedule import after_answer, after_failure
from inference_api.hooks.signature import signed_headers
from inference_bridge.contract import Hooks
from inference_bridge.errors import StoreUnavailable
from inference_bridge.hooks import LEASE_S, Hook, Try

logger = logging.getLogger(__name__)

#: Most tries at once for an endpoint: a silent one takes the places of no other.
MAX_IN_FLIGHT = 32
POLL_S = 0.5
STORE_PAUSE_S = 1.0


class Sender:
    """Delivers the webhooks of some models.

    Args:
        endpoints: where the webhooks go.
        hooks: the webhooks of each model by its name.
        metrics: count the tries.
    """

    def __init__(self, endpoints: Endpoints, hooks: Mapping[str, Hooks], metrics: HookMetrics) -> None:
        self._endpoints = endpoints
        self._hooks = hooks
        self._metrics = metrics
        self._tls = ssl.create_default_context()
        self._in_flight: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set, then finish the tries in flight."""
        while not stop.is_set():
            self._wake.clear()
            try:
                await self._start_due()
            except StoreUnavailable as error:
                logger.warning("store unavailable, webhooks wait", extra={"reason": str(error)})
                await asyncio.sleep(STORE_PAUSE_S)
            await self._pause(stop)
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _pause(self, stop: asyncio.Event) -> None:
        waiting = [asyncio.create_task(event.wait()) for event in (self._wake, stop)]
        await asyncio.wait(waiting, timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

    async def _start_due(self) -> None:
        for endpoint in self._endpoints.current().values():
            for model, hooks in self._hooks.items():
                free = MAX_IN_FLIGHT - self._in_flight[endpoint.name]
                for hook in await hooks.claim(endpoint.name, free) if free else ():
                    self._start(endpoint, model, hook)

    def _start(self, endpoint: Endpoint, model: str, hook: Hook) -> None:
        self._in_flight[endpoint.name] += 1
        task = asyncio.create_task(self._deliver(endpoint, model, hook))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, endpoint: Endpoint, model: str, hook: Hook) -> None:
        try:
            tried = await self._try(endpoint, hook)
            await self._settle(model, hook, tried)
            self._metrics.count(model, endpoint.name, tried)
        except Exception:  # the lease ends, and the webhook is due again
            logger.exception("webhook not settled", extra={"webhook_id": hook.message_id})
        finally:
            self._in_flight[endpoint.name] -= 1
            self._wake.set()

    async def _try(self, endpoint: Endpoint, hook: Hook) -> Try:
        headers = signed_headers(hook.message_id, int(time.time()), hook.body, endpoint.secrets)
        try:
            tried = after_answer(await post(endpoint, headers, hook.body, self._tls), hook.attempts)
        except NoAnswer as error:
            tried = after_failure(str(error), hook.attempts)
        if tried.error:
            about = {"endpoint": endpoint.name, "webhook_id": hook.message_id, "retry_s": tried.retry_s}
            logger.warning("webhook not delivered", extra={**about, "reason": tried.error})
        return tried

    async def _settle(self, model: str, hook: Hook, tried: Try) -> None:
        async with asyncio.timeout(LEASE_S - 2 * DEADLINE_S):
            while True:
                try:
                    return await self._hooks[model].settle(hook, tried)
                except StoreUnavailable:
                    await asyncio.sleep(STORE_PAUSE_S)
