"""`python -m inference_worker` runs jobs until SIGTERM; with a command, it serves the author of a model: `--help`."""

import os
import signal
import sys


def main() -> None:
    """Run the command on the command line; without a command, run the worker."""
    if len(sys.argv) > 1:
        from inference_worker.sdk.commands import run_command

        sys.exit(run_command(sys.argv[1:]))
    # Until the worker has its own handler, SIGTERM ends the process at once. `os._exit`, because an exception during an
    # import may be replaced by another one.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    # Imported here, after the handler is set: torch takes seconds to import.
    from inference_worker.process import run_worker

    run_worker()


if __name__ == "__main__":
    main()
