import json
import logging
import sys

import pytest

from inference_bridge.logs import JsonFormatter, configure_logging, set_log_level


@pytest.fixture
def record() -> logging.LogRecord:
    return logging.LogRecord("inference_worker", logging.INFO, __file__, 1, "batch predicted", None, None)


def test_an_event_is_one_line_of_json_with_its_fields(record: logging.LogRecord) -> None:
    record.batch_size = 32

    line = JsonFormatter("worker").format(record)
    event = json.loads(line)

    assert "\n" not in line
    assert event["message"] == "batch predicted"
    assert (event["level"], event["service"], event["batch_size"]) == ("info", "worker", 32)


def test_the_time_is_that_of_the_event(record: logging.LogRecord) -> None:
    record.created = 0.25

    assert json.loads(JsonFormatter("worker").format(record))["time"] == "1970-01-01T00:00:00.250+00:00"


def test_an_exception_stays_on_the_line(record: logging.LogRecord) -> None:
    try:
        raise ValueError("why")
    except ValueError:
        record.exc_info = sys.exc_info()

    line = JsonFormatter("worker").format(record)

    assert "\n" not in line
    assert "ValueError: why" in json.loads(line)["exception"]


def test_what_json_does_not_know_is_written_as_text(record: logging.LogRecord) -> None:
    record.reason = ValueError("why")

    assert json.loads(JsonFormatter("worker").format(record))["reason"] == "why"


def test_events_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        configure_logging(service="api")
        set_log_level("warning")
        logging.getLogger("test").info("quiet")
        logging.getLogger("test").warning("loud")
    finally:
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)

    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["message"] == "loud"
