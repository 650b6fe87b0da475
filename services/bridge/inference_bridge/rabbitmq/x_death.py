"""The `x-death` header: the history of dead-lettering, written by RabbitMQ or forged in a foreign message."""

from typing import Any

from pika import BasicProperties

DEATHS_HEADER = "x-death"


def breaks_dead_lettering(properties: BasicProperties) -> bool:
    """Tell whether rejecting a message with these properties would stop the dead-lettering of its queue.

    The dead-letter process of RabbitMQ 3.10 crashes on an `x-death` entry that is not a table or has a count that is
    not a number. It restarts with the same message for ever: rejected messages stay in the queue from then on, and
    soon RabbitMQ cannot declare any queue.
    """
    deaths = (properties.headers or {}).get(DEATHS_HEADER)
    return isinstance(deaths, list) and not all(map(_is_sound, deaths))


def _is_sound(death: Any) -> bool:
    if not isinstance(death, dict):
        return False
    count = death.get("count")
    return count is None or (isinstance(count, int) and not isinstance(count, bool))
