"""Reads AMQP frames, even if pika cannot decode their properties.

RabbitMQ accepts headers on which pika fails: a timestamp after the year 9999, tables nested thousands deep. pika's
error would end the connection at every delivery, so one foreign message would stop all workers. This module delivers
the message without properties; the worker then treats it as a foreign message.
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
    """Return the length of the first frame and the frame, or `(0, None)` when it is not complete yet.

    Raises:
        Exception: pika's error for a broken frame of another kind.
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
        # `x-death` must not be lost, see `x_death.py`: with an empty entry the worker does not reject the message.
        is_suspicious = DEATHS_HEADER.encode() in data[:frame_bytes]
        headers: dict[str, Any] = {DEATHS_HEADER: [None]} if is_suspicious else {}
        return frame_bytes, frame.Header(channel, body_bytes, BasicProperties(headers=headers))
