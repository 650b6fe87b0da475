"""Reads AMQP frames, also those whose properties pika cannot decode.

RabbitMQ takes headers that pika fails on: a timestamp beyond the year 9999, tables nested thousands deep. pika's error
would end the connection, and the next one, as often as the message is delivered again: one stranger's message would
keep all workers from all work. Here such a message arrives without properties, and is treated as no job of ours.
"""

import logging
import struct
from typing import Any

from pika import BasicProperties, frame, spec
from pika.exceptions import InvalidFrameError

from inference_bridge.rabbitmq.x_death import DEATHS_HEADER

logger = logging.getLogger(__name__)

_PREFIX = struct.Struct(">BHL")  # type, channel, size of the payload
_CONTENT = struct.Struct(">HHQ")  # class, weight, size of the body


def read_frame(data: bytes) -> tuple[int, object]:
    """Return how many bytes the first frame takes and the frame, or `(0, None)` when it is not complete yet.

    Raises:
        Exception: what pika raises for a frame that carries no content properties and is broken.
    """
    try:
        return frame.decode_frame(data)
    # pika checks nothing: OverflowError, ValueError, RecursionError and struct.error have been seen.
    except Exception as error:
        frame_type, channel, payload_bytes = _PREFIX.unpack_from(data)
        if frame_type != spec.FRAME_HEADER or isinstance(error, InvalidFrameError):
            raise
        logger.warning("message properties cannot be decoded", extra={"reason": type(error).__name__})
        _, _, body_bytes = _CONTENT.unpack_from(data, spec.FRAME_HEADER_SIZE)
        frame_bytes = spec.FRAME_HEADER_SIZE + payload_bytes + spec.FRAME_END_SIZE
        # The one header that must not be overlooked: see `x_death.py`. An empty entry is one that nobody may reject.
        is_suspicious = DEATHS_HEADER.encode() in data[:frame_bytes]
        headers: dict[str, Any] = {DEATHS_HEADER: [None]} if is_suspicious else {}
        return frame_bytes, frame.Header(channel, body_bytes, BasicProperties(headers=headers))
