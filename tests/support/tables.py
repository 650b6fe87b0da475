"""Tables of AMQP headers in bytes, as pika would never encode them."""

import struct


def field(name: str, kind: bytes, value: bytes) -> bytes:
    """Return an entry of a table: its name, the letter of its type, and its value."""
    return bytes([len(name)]) + name.encode() + kind + value


def nested(depth: int) -> bytes:
    """Return a table in a table, and so on."""
    table = b""
    for _ in range(depth):
        table = field("a", b"F", struct.pack(">I", len(table)) + table)
    return table


#: A moment after the year 9999, which Python's dates do not reach.
TOO_LATE = field("a", b"T", struct.pack(">Q", 2**63))
