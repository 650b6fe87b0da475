"""`python -m inference_worker` runs the worker, `python -m inference_worker dead` looks after the dead letters."""

import argparse
import os
import signal
import sys

from inference_worker.dead import add_dead_commands, run_dead_command


def main() -> None:
    """Do what the command line says; without a command, work."""
    parser = argparse.ArgumentParser(
        prog="python -m inference_worker", description="Without a command: take jobs until SIGTERM."
    )
    add_dead_commands(parser.add_subparsers(dest="command"))
    arguments = parser.parse_args()
    if arguments.command == "dead":
        sys.exit(run_dead_command(arguments))
    # Until the worker takes over, for seconds. At once: an exception in the middle of an import may become any other.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    # Here, not above: it imports torch, which takes seconds and which an operator's machine may not have.
    from inference_worker.service import run_worker

    run_worker()


if __name__ == "__main__":
    main()
