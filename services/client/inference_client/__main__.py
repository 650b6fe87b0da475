"""The command `inference`: submit files, wait for results, cancel; JSON on standard output, one object a line.

Exit status: 0 each job succeeded or was accepted, 1 a job failed, 2 wrong usage or a refused call, 75 try again,
130 interrupted, 141 the reader of the output has left.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Any

from inference_client.client import Client, Job
from inference_client.errors import ClientError, ExpiredJob, JobCanceled, JobFailed, Unavailable, WaitTimeout

SUCCEEDED, FAILED, USAGE, TRY_AGAIN = 0, 1, 2, 75
#: Of a process that SIGINT or SIGPIPE ends, as shells write it.
INTERRUPTED, PIPE_CLOSED = 130, 141
#: Arguments of the client's methods, which cannot name a parameter of the model.
ARGUMENTS = frozenset({"self", "source", "sources", "model", "in_flight", "timeout_s", "cancels", "idempotency_key"})


def main() -> None:
    """Run the command that the arguments of the process name."""
    try:
        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of the output has left; the last flush must not fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(PIPE_CLOSED)


def run(arguments: Sequence[str]) -> int:
    """Run a command; return its exit status."""
    options = make_parser().parse_args(arguments)
    try:
        with Client(options.url, key=options.key) as client:
            return int(options.run(client, options))
    except BrokenPipeError:
        raise
    except (ClientError, OSError, ValueError) as error:
        return _complain(error)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser("inference", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--url", default=os.environ.get("INFERENCE_URL", "http://127.0.0.1:8000"))
    parser.add_argument(
        "--key", default=os.environ.get("INFERENCE_KEY") or None, help="the API key; INFERENCE_KEY names it too"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    submit = _add_submit(commands)
    result = _add(commands, "result", print_result, "print the result of a job")
    result.add_argument("id")
    cancel = _add(commands, "cancel", cancel_job, "cancel a job, print its final state")
    cancel.add_argument("id")
    for command in (submit, result):
        command.add_argument("--timeout", type=read_timeout_s, default=600.0, help="longest wait for a result, seconds")
    return parser


def _add_submit(commands: Any) -> argparse.ArgumentParser:
    submit = _add(commands, "submit", submit_files, "submit files")
    submit.add_argument("files", nargs="+", type=Path)
    submit.add_argument(
        "--param",
        type=read_param,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the model, or ttl, priority, timeline or webhook",
    )
    submit.add_argument("--wait", action="store_true", help="print results instead of ids")
    submit.add_argument("--in-flight", type=int, default=64, help="with --wait: most jobs at once")
    submit.add_argument(
        "--idempotency-key", help="of a submission that is repeated: the same id; for one file, without --wait"
    )
    return submit


def _add(commands: Any, name: str, function: Any, text: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    command.add_argument("--model", help="its name; the default model without it")
    command.set_defaults(run=function)
    return command


def read_param(text: str) -> tuple[str, str]:
    """Return name and value of a parameter such as `threshold=0.6`; raise ArgumentTypeError if it has none."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} has no name or no '=', expected NAME=VALUE")
    if name in ARGUMENTS:
        raise argparse.ArgumentTypeError(f"{name!r} is not a parameter of a model; --help lists the options")
    return name, value


def read_timeout_s(text: str) -> float:
    """Return seconds, `inf` among them; raise ArgumentTypeError for a text that is not 0 or more."""
    try:
        timeout_s = float(text)
    except ValueError:
        timeout_s = -1.0
    if isnan(timeout_s) or timeout_s < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, expected 0 or more, such as 600")
    return timeout_s


def submit_files(client: Client, options: argparse.Namespace) -> int:
    """Submit the files; print an id for each, or with `--wait` a result for each."""
    if options.idempotency_key is not None and (options.wait or len(options.files) > 1):
        raise ValueError("--idempotency-key is for one file without --wait; leave the other files or --wait out")
    return print_results(client, options) if options.wait else print_ids(client, options)


def print_ids(client: Client, options: argparse.Namespace) -> int:
    """Submit the files one after the other; print the id or the error of each."""
    status, timeout_s = SUCCEEDED, options.timeout
    given = {"model": options.model, "idempotency_key": options.idempotency_key, **dict(options.param)}
    for file in options.files:
        try:
            job = client.submit(file, timeout_s=timeout_s, **given)
        except (ClientError, OSError) as error:
            status = max(status, _complain(error, file=str(file)))
            if isinstance(error, Unavailable):
                timeout_s = 0.0  # one try for each of the others, or the command would take hours
        else:
            _print({"file": str(file), "inference_id": job.inference_id})
    return status


def print_results(client: Client, options: argparse.Namespace) -> int:
    """Submit the files, many at once; print the result or the error of each."""
    status = SUCCEEDED
    given = {"model": options.model, "in_flight": options.in_flight, "timeout_s": options.timeout}
    for outcome in client.map(options.files, **given, **dict(options.param)):
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
    try:
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    except UnicodeEncodeError:  # the name of a file may have bytes that the output cannot show
        sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
