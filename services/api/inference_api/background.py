"""Essential background tasks: if a task ends by itself, the process can notice and end too."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)


class Background:
    """Runs tasks until they are stopped.

    Attributes:
        has_failed: whether a task has ended before `stop`.
    """

    def __init__(self) -> None:
        self.has_failed = False
        self._tasks: list[asyncio.Task[None]] = []
        self._is_stopping = False

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Start a task; the log shows its name."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._note_end)
        self._tasks.append(task)

    async def stop(self) -> None:
        """End every task."""
        self._is_stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if self._is_stopping:
            return
        self.has_failed = True
        error = None if task.cancelled() else task.exception()
        logger.critical("background task ended, so does the process", extra={"task": task.get_name()}, exc_info=error)
