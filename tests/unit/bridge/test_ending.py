"""The end of a process, as the process sees it: each test starts one."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

TIMEOUT_S = 30.0

HEAD = """
import asyncio, logging, time
from inference_bridge.ending import exit_now, run, stop_event

logging.basicConfig(format="%(message)s", level="INFO")
"""
HANGING_THREAD = """
async def main():
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)
    logging.info("done")

run(main(), loop_factory=asyncio.new_event_loop)
exit_now(3)
"""
HANGING_LOOP = """
async def main():
    stop = stop_event(within_s=0.5)
    logging.info("ready")
    await stop.wait()
    logging.info("asked to stop")
    time.sleep(600)

run(main(), loop_factory=asyncio.new_event_loop)
"""
HELD_LOOP = """
async def main():
    stop = stop_event(within_s=0.5)
    logging.info("ready")
    time.sleep(600)

run(main(), loop_factory=asyncio.new_event_loop)
"""
NO_PORT = """
async def main():
    raise SystemExit(1)

run(main(), loop_factory=asyncio.new_event_loop)
"""


@contextmanager
def process(program: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen([sys.executable, "-c", HEAD + program], stderr=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def test_a_thread_that_hangs_does_not_hold_up_the_end_and_the_log_is_complete() -> None:
    """Python itself would wait for the thread."""
    with process(HANGING_THREAD) as ending:
        log, exit_status = ending.communicate(timeout=TIMEOUT_S)[1], ending.returncode

    assert (log, exit_status) == ("done\n", 3)


def test_a_loop_that_turns_no_more_after_a_signal_is_ended_by_the_kernel() -> None:
    with process(HANGING_LOOP) as ending:
        assert ending.stderr is not None
        assert ending.stderr.readline() == "ready\n"
        ending.send_signal(signal.SIGTERM)
        assert ending.stderr.readline() == "asked to stop\n"

        assert ending.wait(TIMEOUT_S) == -signal.SIGALRM


def test_a_loop_that_turns_no_more_when_the_signal_comes_is_ended_too() -> None:
    with process(HELD_LOOP) as ending:
        assert ending.stderr is not None
        assert ending.stderr.readline() == "ready\n"
        ending.send_signal(signal.SIGTERM)

        assert ending.wait(TIMEOUT_S) == -signal.SIGALRM


def test_an_exit_that_the_work_asks_for_is_the_exit() -> None:
    with process(NO_PORT) as ending:
        assert ending.wait(TIMEOUT_S) == 1
