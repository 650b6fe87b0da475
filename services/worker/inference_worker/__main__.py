"""`python -m inference_worker` takes jobs until SIGTERM."""

import os
import signal


def main() -> None:
    """Work; SIGTERM ends the process at once until the worker has a handler of its own."""
    # At once: an exception in the middle of an import may become any other.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    # Here, not above: it imports torch, which takes seconds.
    from inference_worker.process import run_worker

    run_worker()


if __name__ == "__main__":
    main()
