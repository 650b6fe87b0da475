"""`python -m inference_worker` runs jobs until SIGTERM."""

import os
import signal


def main() -> None:
    """Run the worker; until it has its own handler, SIGTERM ends the process at once."""
    # `os._exit`, because an exception during an import may be replaced by another one.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    # Imported here, after the handler is set: torch takes seconds to import.
    from inference_worker.process import run_worker

    run_worker()


if __name__ == "__main__":
    main()
