"""Logs as JSON lines on standard output: a constant message and fields."""

import json
import logging
import sys
from datetime import UTC, datetime

_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "taskName", "color_message"}


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object: time (of the event, UTC), level, service, logger, message, extra fields."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        event.update({key: value for key, value in vars(record).items() if key not in _STANDARD_FIELDS})
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return json.dumps(event, default=str)


def configure_logging(*, service: str) -> None:
    """Send every logger's records to standard output as JSON lines; call once, at start.

    The level is `info` until the settings are read; then see `set_log_level`.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    # pika logs each step of each connection attempt; `supervise` logs one line instead.
    logging.getLogger("pika").setLevel(logging.CRITICAL)


def set_log_level(level: str) -> None:
    """Set the minimum level of log records, such as `warning`."""
    logging.getLogger().setLevel(level.upper())
