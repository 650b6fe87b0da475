"""The command `inference`: submit files, wait for results, cancel; JSON on standard output, one object a line.

Exit status: 0 each job succeeded or was accepted, 1 a job failed, 2 wrong usage or a refused call, 75 try again.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference_client.client import Client, Job
from inference_client.errors import ClientError, ExpiredJob, JobCanceled, JobFailed, Unavailable, WaitTimeout

SUCCEEDED, FAILED, USAGE, TRY_AGAIN = 0, 1, 2, 75


def main() -> None:
    """Run the command that the arguments of the process name."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command; return its exit status."""
    options = make_parser().parse_args(arguments)
    try:
        with Client(options.url, key=options.key) as client:
            return int(options.run(client, options))
    except (ClientError, OSError, ValueError) as error:
        return _complain(error)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser("inference", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--url", default=os.environ.get("INFERENCE_URL", "http://127.0.0.1:8000"))
    parser.add_argument(
        "--key", default=os.environ.get("INFERENCE_KEY"), help="the API key; INFERENCE_KEY names it too"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    submit = _add(commands, "submit", submit_files, "submit files")
    submit.add_argument("files", nargs="+", type=Path)
    submit.add_argument(
        "--param",
        type=read_param,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the model, or ttl, priority or webhook",
    )
    submit.add_argument("--wait", action="store_true", help="print results instead of ids")
    submit.add_argument("--in-flight", type=int, default=64, help="with --wait: most jobs at once")
    result = _add(commands, "result", print_result, "print the result of a job")
    result.add_argument("id")
    cancel = _add(commands, "cancel", cancel_job, "cancel a job, print its final state")
    cancel.add_argument("id")
    for command in (submit, result):
        command.add_argument("--timeout", type=float, default=600.0, help="longest wait for a result, seconds")
    return parser


def _add(commands: Any, name: str, function: Any, text: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    command.add_argument("--model", help="its name; the default model without it")
    command.set_defaults(run=function)
    return command


def read_param(text: str) -> tuple[str, str]:
    """Return name and value of a parameter such as `threshold=0.6`; raise ArgumentTypeError without a `=`."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} has no '=', expected NAME=VALUE")
    return name, value


def submit_files(client: Client, options: argparse.Namespace) -> int:
    """Submit the files; print an id for each, or with `--wait` a result for each."""
    params = dict(options.param)
    if not options.wait:
        for file in options.files:
            job = client.submit(file, model=options.model, timeout_s=options.timeout, **params)
            _print({"file": str(file), "inference_id": job.inference_id})
        return SUCCEEDED
    status = SUCCEEDED
    given = {"model": options.model, "in_flight": options.in_flight, "timeout_s": options.timeout}
    for outcome in client.map(options.files, **given, **params):
        if outcome.error is None:
            _print({"file": str(outcome.source), **(outcome.answer or {})})
        else:
            status = max(status, _complain(outcome.error, file=str(outcome.source)))
    return status


def print_result(client: Client, options: argparse.Namespace) -> int:
    """Wait for the result of a job, print it."""
    _print(_job(client, options).wait(options.timeout))
    return SUCCEEDED


def cancel_job(client: Client, options: argparse.Namespace) -> int:
    """Cancel a job; print its final state."""
    _print(_job(client, options).cancel())
    return SUCCEEDED


def _job(client: Client, options: argparse.Namespace) -> Job:
    return client.job(options.id, model=options.model)


def _complain(error: Exception, **fields: str) -> int:
    """Print an error; return the exit status that it means."""
    _print({**fields, "error": str(error), **_known(error)})
    if isinstance(error, WaitTimeout | Unavailable):
        return TRY_AGAIN
    return FAILED if isinstance(error, JobFailed | JobCanceled | ExpiredJob) else USAGE


def _known(error: Exception) -> dict[str, Any]:
    """Return what lets a caller go on: the id of a job that is not ready, the key of an uncertain submission."""
    if isinstance(error, WaitTimeout):
        return {"inference_id": error.inference_id}
    if isinstance(error, Unavailable) and error.idempotency_key:
        return {"idempotency_key": error.idempotency_key}
    return {"code": error.code} if isinstance(error, JobFailed) else {}


def _print(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
