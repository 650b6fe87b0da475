"""Runs a module with a clock that is off: `CHAOS_SKEW_S` seconds ahead, `CHAOS_MODULE` names the module."""

import os
import runpy
import time


def main() -> None:
    """Move the clock, then run the module as if it had been called."""
    skew_ns = int(os.environ["CHAOS_SKEW_S"]) * 10**9
    true_time_ns = time.time_ns
    time.time_ns = lambda: true_time_ns() + skew_ns
    time.time = lambda: time.time_ns() / 1e9
    runpy.run_module(os.environ["CHAOS_MODULE"], run_name="__main__")


if __name__ == "__main__":
    main()
