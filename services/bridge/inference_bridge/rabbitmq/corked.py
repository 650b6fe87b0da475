"""pika's connection with three of its private hooks replaced."""

import asyncio
from collections.abc import Sequence
from typing import Any

from pika.adapters.asyncio_connection import AsyncioConnection

from inference_bridge.rabbitmq.frames import read_frame

#: Most bytes of one read. pika reads 4 KiB and then copies the whole unfinished frame: with bodies of 150 KB, that took
#: two thirds of the CPU time of receiving them.
READ_BYTES = 65_536


class CorkedConnection(AsyncioConnection):
    """Sends all buffers of one turn of the event loop together, reads large parts, and uses `frames.read_frame`.

    pika emits method, header and body of a message as three buffers, each with its own system call. This class
    overrides three private hooks; `tests/unit/bridge/test_connection.py` and
    `test_frames.py` fail when pika stops calling them.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._corked: list[bytes] = []
        super().__init__(*args, **kwargs)

    def write(self, marshaled: Sequence[bytes]) -> None:
        """Send marshaled frames, which may be in pieces."""
        self._output_marshaled_frames(marshaled)

    def _proto_connection_made(self, transport: Any) -> None:
        transport._MAX_RECV_BYTES = READ_BYTES
        super()._proto_connection_made(transport)  # type: ignore[misc]  # private, not in the stubs

    def _output_marshaled_frames(self, marshaled_frames: Sequence[bytes]) -> None:
        if not self._corked:
            asyncio.get_running_loop().call_soon(self._uncork)
        self._corked.extend(marshaled_frames)

    def _read_frame(self) -> tuple[int, object]:
        return read_frame(self._frame_buffer)  # type: ignore[attr-defined]  # private, not in the stubs

    def _uncork(self) -> None:
        joined = b"".join(self._corked)
        self._corked.clear()
        if not self.is_closed:
            super()._output_marshaled_frames([joined])  # type: ignore[misc]  # private, not in the stubs
