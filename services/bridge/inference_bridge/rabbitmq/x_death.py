"""The `x-death` header: how a message was dead-lettered, as RabbitMQ writes it or a stranger forges it."""

from typing import Any

from pika import BasicProperties

DEATHS_HEADER = "x-death"


def breaks_dead_lettering(properties: BasicProperties) -> bool:
    """Tell whether rejecting a message with these properties would end the dead-lettering of its queue.

    RabbitMQ 3.10 adds to the header that it finds, and its worker that hands on at least once dies of one with an
    entry that is no table, or a count that is no number. It starts again with the same message: no suspect and no
    failed job leaves the queue from then on, and soon no queue can be declared.
    """
    deaths = (properties.headers or {}).get(DEATHS_HEADER)
    return isinstance(deaths, list) and not all(map(_is_sound, deaths))


def _is_sound(death: Any) -> bool:
    if not isinstance(death, dict):
        return False
    count = death.get("count")
    return count is None or (isinstance(count, int) and not isinstance(count, bool))
