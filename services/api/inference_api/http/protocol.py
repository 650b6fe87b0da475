"""HTTP/1.1 on one connection: uvicorn's protocol, with bounds on the size and the time of a request's head.

uvicorn with httptools accepts a head of any size, for any time. These bounds apply before a route runs or after it
has answered, so no route could apply them.
"""

import asyncio
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from inference_api.http.problems import MEDIA_TYPE, problem

#: Most bytes of a request's line and headers, and of everything else outside the body.
MAX_HEAD_BYTES = 32_768
#: Most headers of a request, trailers included.
MAX_HEADERS = 128
#: Most unanswered requests on a connection.
MAX_PIPELINED = 32
#: Time limit for the request head, and for the rest of a body that was answered before its end.
HEAD_TIMEOUT_S = 10.0
#: Seconds in which a refused client can send the rest of its body and then read the answer.
LINGER_S = 10.0
#: Most bytes of that rest.
MAX_DROPPED_BYTES = 67_108_864
#: The scope's key for a client that has closed its side of a connection which it had meant to keep; it may have left.
LEAVING = "inference.leaving"
#: The scope's key for a request whose body has arrived to its end.
WHOLE = "inference.whole"

#: Bytes around a header's name and value: a colon, a space, the end of the line.
_HEADER_OVERHEAD_BYTES = 4


class RefusedRequest(Exception):
    """Raised inside the parser to stop it; the client gets the answer in `_refusal`."""


class BoundedProtocol(HttpToolsProtocol):
    """Answers 431 to a head that is too large and 408 to a slow head, and closes idle connections."""

    #: Bytes of the request's line and headers so far, and bytes that the parser has taken but not returned yet.
    _head_bytes = 0
    _pending_bytes = 0
    #: Whether a request has begun, and whether its head is complete; both are False between two requests.
    _has_begun = False
    _is_body = False
    #: Whether the request offers to go on in another protocol.
    _is_offer = False
    _deadline: asyncio.TimerHandle | None = None
    #: Whether the last answer is sent; all further bytes are dropped, and counted.
    _is_ending = False
    _dropped_bytes = 0
    #: Status, code and detail of the answer when the parser fails.
    _refusal = (HTTPStatus.BAD_REQUEST, "invalid_request", "the request is not valid HTTP/1.1 (RFC 9112); correct it")

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the idle timer; uvicorn starts it only after the first request."""
        super().connection_made(transport)
        self._answering: Any = SimpleNamespace(
            write=transport.write, is_closing=transport.is_closing, close=self._close_after_answer
        )
        self._close_when_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers, also after an error."""
        self._unset_deadline()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse bytes; refuse a head that is too long, and start the deadline at the first bytes of a head."""
        if self._is_ending:
            self._dropped_bytes += len(data)
            if self._dropped_bytes > MAX_DROPPED_BYTES:
                self.transport.close()
            return
        if self.transport.is_closing():
            return
        self._pending_bytes += len(data)
        self._unset_keepalive_if_required()
        self._parse(data)
        if self._is_ending or self.transport.is_closing():
            return
        if self._head_bytes + self._pending_bytes > MAX_HEAD_BYTES:
            self._refuse_size(f"more than {MAX_HEAD_BYTES} bytes")
            self.send_400_response("")
        elif not self._is_body and (self._has_begun or self._pending_bytes):
            self._set_deadline()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer a request that has arrived whole: its client may have closed only its own side."""
        if self._is_ending or self._is_body or self.cycle is None or self.cycle.response_complete:
            return False
        if self.cycle.keep_alive:
            self.cycle.scope[LEAVING] = True  # type: ignore[literal-required]
        self.cycle.keep_alive = False
        return True

    def on_message_begin(self) -> None:
        """Start to count the bytes of a head."""
        super().on_message_begin()
        self._has_begun = True
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Count a piece of the path."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header or a trailer."""
        self._count(len(name) + len(value) + _HEADER_OVERHEAD_BYTES)
        super().on_header(name, value)
        if len(self.headers) > MAX_HEADERS:
            raise self._refuse_size(f"more than {MAX_HEADERS} headers")

    def on_headers_complete(self) -> None:
        """Start the request, unless it offers an upgrade: then its head is parsed once more without the offer."""
        self._is_offer = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._is_offer:
            return
        self._unset_deadline()
        self._is_body = True
        super().on_headers_complete()
        self.cycle.transport = self._answering
        if self.parser.should_upgrade():  # CONNECT
            self.cycle.keep_alive = False
        if len(self.pipeline) > MAX_PIPELINED:
            detail = f"the connection has more than {MAX_PIPELINED} requests waiting, the limit; wait for their answers"
            self._refusal = (HTTPStatus.BAD_REQUEST, "invalid_request", detail)
            raise RefusedRequest(detail)

    def on_body(self, body: bytes) -> None:
        """Pass on a piece of a POST's body; other bodies are dropped. `uploads` bounds size and time."""
        self._pending_bytes = 0
        if self.cycle.scope["method"] == "POST":
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for the next request; uvicorn does not if the answer came before the end of the body."""
        if self._is_offer:
            return
        super().on_message_complete()
        self.cycle.scope[WHOLE] = True  # type: ignore[literal-required]
        self._has_begun = self._is_body = False
        self._head_bytes = self._pending_bytes = 0
        self._unset_deadline()
        if self.cycle.response_complete:
            self._close_when_idle()

    def on_response_complete(self) -> None:
        """Start a deadline for the rest of an unread body."""
        super().on_response_complete()
        if self._is_body and not self.transport.is_closing():
            self._set_deadline()

    def send_400_response(self, msg: str) -> None:
        """Answer with a problem body and close; uvicorn calls this when its parser fails."""
        status, code, detail = self._refusal
        body = bytes(problem(status, code, detail).body)
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\ncache-control: no-store\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self._end()

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as offer:
                if not self._is_offer:
                    return
                # The parser takes all that follows for another protocol, also the body.
                data = self._head_without_upgrade() + data[offer.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            except httptools.HttpParserError:
                self.send_400_response("")
                return

    def _head_without_upgrade(self) -> bytes:
        line = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        kept = [b"%b: %b" % (name, value) for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join([line, *kept, b"", b""])

    def _close_after_answer(self) -> None:
        if self._is_body:
            self._end()
        else:
            self.transport.close()

    def _end(self) -> None:
        # Closing a socket with unread bytes resets the connection, and the answer may be lost.
        self._is_ending = True
        if self.pipeline:
            self.transport.close()
            return
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._unset_deadline()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._deadline = self.loop.call_later(LINGER_S, self.transport.close)

    def _count(self, byte_count: int) -> None:
        self._pending_bytes = max(0, self._pending_bytes - byte_count)
        self._head_bytes += byte_count
        if self._head_bytes > MAX_HEAD_BYTES:
            raise self._refuse_size(f"more than {MAX_HEAD_BYTES} bytes")

    def _refuse_size(self, excess: str) -> RefusedRequest:
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        detail = f"the request's line and headers have {excess}, the limit; send fewer"
        self._refusal = (status, "head_too_large", detail)
        return RefusedRequest(detail)

    def _close_when_idle(self) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _set_deadline(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_TIMEOUT_S, self._on_deadline)

    def _unset_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _on_deadline(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False  # the earlier request is answered first
        elif self._is_body:
            self.transport.close()
        else:
            detail = f"the request's line and headers did not arrive within {HEAD_TIMEOUT_S:g} s; send them faster"
            self._refusal = (HTTPStatus.REQUEST_TIMEOUT, "request_timeout", detail)
            self.send_400_response("")
