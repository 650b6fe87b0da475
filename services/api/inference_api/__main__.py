"""`python -m inference_api` serves; `python -m inference_api dead` manages the dead letters."""

import argparse
import sys

from inference_api.dead.commands import add_dead_commands, run_dead_command
from inference_api.process import run_api


def main() -> None:
    """Run the command on the command line; without a command, serve."""
    parser = argparse.ArgumentParser(
        prog="python -m inference_api", description="Without a command: serve until SIGTERM."
    )
    add_dead_commands(parser.add_subparsers(dest="command"))
    arguments = parser.parse_args()
    if arguments.command == "dead":
        sys.exit(run_dead_command(arguments))
    run_api()


if __name__ == "__main__":
    main()
