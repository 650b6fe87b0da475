"""The command line for the author of a model: `new`, `check`, `describe`.

The exit status: 0 done, 1 the check found a problem or the device failed, 78 a name or a class is wrong.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

from inference_bridge.ending import EXIT_CONFIGURATION, EXIT_FAILED
from inference_bridge.errors import ConfigurationError, InferenceError
from inference_bridge.spec import to_json
from inference_worker.sdk.new import KINDS, make_folder

_CLASS = "`package.module:Class`, or a module with one model class; found from the current folder"


def run_command(words: Sequence[str]) -> int:
    """Run the command that the words name; return its exit status."""
    arguments = _parser().parse_args(words)
    # Python leaves the current folder out where PYTHONSAFEPATH is set, as in the image.
    sys.path.insert(0, str(Path.cwd()))
    try:
        return int(arguments.run(arguments) or 0)
    except InferenceError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return EXIT_CONFIGURATION if isinstance(error, ConfigurationError) else EXIT_FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m inference_worker", description="Without a command, it runs jobs.")
    commands = parser.add_subparsers(required=True)
    new = commands.add_parser("new", help="make the folder of a new model, which runs at once")
    new.add_argument("name", help="of a-z, 0-9 and hyphens")
    new.add_argument("--kind", choices=KINDS, default="picture", help="the input of the model (default: picture)")
    new.add_argument("--into", type=Path, default=Path("models"), help="the folder around it (default: models)")
    new.set_defaults(run=lambda given: print(make_folder(given.name, given.kind, given.into)))  # noqa: T201
    check = commands.add_parser("check", help="run a model on its example, in batches and on bad inputs; time it")
    check.add_argument("model", metavar="CLASS", help=_CLASS)
    check.add_argument("--weights", type=Path, help="the weights file that `load` gets (default: none)")
    check.add_argument("--device", default="cpu", help="`cpu`, `cuda`, `cuda:N` or `auto` (default: cpu)")
    check.add_argument("--max-batch-size", type=int, default=64, help="the largest batch (default: 64)")
    check.set_defaults(run=_check)
    describe = commands.add_parser("describe", help="write the spec file, which the API and the chart read")
    describe.add_argument("model", metavar="CLASS", help=_CLASS)
    describe.add_argument("--output", type=Path, help="the file (default: standard output)")
    describe.set_defaults(run=_describe)
    return parser


# These two import torch, which takes seconds.
def _check(arguments: argparse.Namespace) -> int:
    from inference_worker.sdk.check import check_model

    return check_model(arguments.model, arguments.weights, arguments.device, arguments.max_batch_size)


def _describe(arguments: argparse.Namespace) -> None:
    from inference_worker.model import import_model

    # A module that prints while it is imported must not write into the spec.
    with redirect_stdout(sys.stderr):
        text = to_json(import_model(arguments.model).spec)
    arguments.output.write_text(text) if arguments.output else sys.stdout.write(text)
