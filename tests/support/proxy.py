"""A TCP proxy that cuts, delays, silences or garbles what passes through it."""

import asyncio
import random
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from tests.support.servers import free_port

HOST = "127.0.0.1"
CHUNK_BYTES = 65_536
_UNKNOWN_COMMAND = b"*1\r\n$6\r\nBROKEN\r\n"


class Link:
    """One connection through the proxy: two directions."""

    def __init__(self, proxy: "Proxy", client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._ends = (client, server)
        self._garbler = Garbler(proxy.random, proxy.garbled_share)
        self.is_mute = False
        self.loses_answers = False

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_upstream: bool) -> None:
        """Pass on what is read until either end is closed."""
        loop = asyncio.get_running_loop()
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        passing_on = asyncio.create_task(_pass_on(late, writer))
        try:
            while data := await reader.read(CHUNK_BYTES):
                if not (self.is_mute or (self.loses_answers and not is_upstream)):
                    late.put_nowait((loop.time() + self._proxy.delay_s, self._garbler.garble(data, is_upstream)))
        finally:
            passing_on.cancel()

    def abort(self) -> None:
        """Reset both ends."""
        for writer in self._ends:
            writer.transport.abort()


class Garbler:
    """Replaces a share of the Redis commands by a command that Redis does not know; each answers an error in turn."""

    def __init__(self, generator: random.Random, share: float) -> None:
        self._random = generator
        self._share = share
        self._received = bytearray()

    def garble(self, data: bytes, is_upstream: bool) -> bytes:
        """Return what to send on instead; a command that is not complete yet is kept back, an answer is left alone."""
        if not (self._share and is_upstream):
            return data
        self._received += data
        commands = bytearray()
        while length := _command_length(self._received):
            command = bytes(self._received[:length])
            del self._received[:length]
            commands += _UNKNOWN_COMMAND if self._random.random() < self._share else command
        return bytes(commands)


class Proxy:
    """Listens on a port of its own, in a thread of its own, while it is entered.

    Args:
        target_port: where connections are passed on to, on 127.0.0.1.
        garbled_share: of the Redis commands that are made to fail, 0 to 1.
        seed: of the choice.

    Attributes:
        delay_s: how late each piece of data is passed on, in both directions.
        target_port: where new connections are passed on to; those there are stay where they are.
    """

    def __init__(self, target_port: int, *, garbled_share: float = 0, seed: int = 0) -> None:
        self.port = free_port()
        self.delay_s = 0.0
        self.garbled_share = garbled_share
        self.random = random.Random(seed)
        self.target_port = target_port
        self._links: set[Link] = set()

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> None:
        """Reset every connection."""

        def abort_all() -> None:
            for link in list(self._links):
                link.abort()

        self._do(abort_all)

    def mute(self) -> None:
        """From now on nothing passes through the connections there are; new ones work."""

        def silence() -> None:
            for link in self._links:
                link.is_mute = True

        self._do(silence)

    def lose_answers(self) -> None:
        """From now on the connections there are pass on what is asked, and no answer; new ones work."""

        def lose() -> None:
            for link in self._links:
                link.loses_answers = True

        self._do(lose)

    def _do(self, call: Callable[[], object]) -> None:
        done: Future[None] = Future()

        def run() -> None:
            call()
            done.set_result(None)

        self._loop.call_soon_threadsafe(run)
        done.result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self.port)

    async def _close(self) -> None:
        self._server.close()
        for link in self._links:
            link.abort()
        while self._links:  # each ends by itself
            await asyncio.sleep(0.01)

    async def _accept(self, client_reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        try:
            server_reader, server = await asyncio.open_connection(HOST, self.target_port)
        except OSError:
            client.transport.abort()
            return
        link = Link(self, client, server)
        self._links.add(link)
        up = asyncio.create_task(link.relay(client_reader, server, True))
        down = asyncio.create_task(link.relay(server_reader, client, False))
        done, left = await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        await asyncio.gather(*done, *left, return_exceptions=True)
        self._links.discard(link)
        client.close()
        server.close()


async def _pass_on(late: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    """Write each piece when it is due, in order, also when the delay has become shorter: TCP keeps the order too."""
    loop = asyncio.get_running_loop()
    while True:
        due_s, data = await late.get()
        await asyncio.sleep(due_s - loop.time())
        writer.write(data)


def _command_length(received: bytearray) -> int:
    """Return the length of the first complete command, an array of bulk strings (RESP), or 0."""
    end = received.find(b"\r\n")
    if end < 0:
        return 0
    position = end + 2
    for _ in range(int(received[1:end])):
        end = received.find(b"\r\n", position)
        if end < 0:
            return 0
        position = end + 2 + int(received[position + 1 : end]) + 2
        if position > len(received):
            return 0
    return position
