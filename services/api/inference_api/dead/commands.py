"""`python -m inference_api dead`: list, show, replay and purge dead letters.

The exit status is 0 when done, 1 for the id of no job among the dead letters, 69 when RabbitMQ or Redis is away, 78
when the configuration is wrong. `replay --all` leaves foreign messages in place, and is done when it has replayed every
job.
"""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence

from pika.exceptions import AMQPError, ProbableAccessDeniedError, ProbableAuthenticationError

from inference_api.dead.report import NO_ID, Report, format_table, label_of
from inference_api.settings import ApiSettings
from inference_bridge.contract import Store
from inference_bridge.ending import EXIT_CONFIGURATION, EXIT_FAILED, EXIT_UNAVAILABLE
from inference_bridge.errors import ConfigurationError, Unavailable
from inference_bridge.rabbitmq.dead_letters import DeadLetter, DeadLetters
from inference_bridge.rabbitmq.replay import Replayer, renew_deadline
from inference_bridge.settings import GRACE_S, load_settings
from inference_bridge.spec import ModelSpec
from inference_bridge.spec_files import load_specs
from inference_bridge.wiring import build_store, open_dead_letters


def add_dead_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `dead list`, `dead show`, `dead replay` and `dead purge` to the command line."""
    parser = commands.add_parser("dead", help="manage the dead letters")
    _add_model(parser, default=None)
    dead = parser.add_subparsers(dest="verb", required=True)
    listing = dead.add_parser("list", help="one line for each dead letter")
    show = dead.add_parser("show", help="everything about a dead letter, as JSON; a grey picture is drawn")
    show.add_argument("id", help=f"inference id from the list; `{NO_ID}` for letters without an id")
    replay = dead.add_parser("replay", help="run jobs again under their old ids")
    which = replay.add_mutually_exclusive_group(required=True)
    which.add_argument("id", nargs="?", help="inference id from the list")
    which.add_argument("--all", action="store_true", help="every job among the dead letters")
    purge = dead.add_parser("purge", help="delete all dead letters")
    for verb in (listing, show, replay, purge):
        _add_model(verb, default=argparse.SUPPRESS)  # or it would overwrite the one before the verb


def _add_model(parser: argparse.ArgumentParser, *, default: str | None) -> None:
    text = "name of the model, such as NAME or NAME.v1; needed if several are served"
    parser.add_argument("--model", default=default, help=text)


def run_dead_command(arguments: argparse.Namespace) -> int:
    """Run the command; return its exit status."""
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(_run(load_settings(ApiSettings), arguments))
    except ConfigurationError as error:
        return _complain(str(error), EXIT_CONFIGURATION)
    except (ProbableAuthenticationError, ProbableAccessDeniedError) as error:
        return _complain(f"RabbitMQ refused the user ({error}); correct INFERENCE_AMQP_URL", EXIT_CONFIGURATION)
    except AMQPError as error:
        return _complain(*_broker_problem(error))
    except (Unavailable, OSError, TimeoutError) as error:
        return _complain(str(error) or type(error).__name__, EXIT_UNAVAILABLE)


async def _run(settings: ApiSettings, arguments: argparse.Namespace) -> int:
    spec = find_spec(load_specs(settings.models or ""), arguments.model)
    store = build_store(settings, spec)
    try:
        async with open_dead_letters(settings, spec) as letters:
            return await Commands(spec, letters, store, job_ttl_s=settings.job_ttl_s).run(arguments)
    finally:
        await store.close()


def find_spec(specs: Sequence[ModelSpec], model: str | None) -> ModelSpec:
    """Return the spec that `--model` names: of a name without a version, the highest version.

    Raises:
        ConfigurationError: there is none, or there are several models and none is named.
    """
    names = list(dict.fromkeys(spec.name for spec in specs))
    wanted = names[0] if model is None and len(names) == 1 else model
    for spec in specs:
        if wanted in (spec.message_type, spec.name):
            return spec
    known = ", ".join(spec.message_type for spec in specs)
    if model is None:
        raise ConfigurationError(f"INFERENCE_MODELS has several models: {known}; name one of them with --model")
    raise ConfigurationError(f"--model is {model!r}, but INFERENCE_MODELS has {known}; name one of them")


class Commands:
    """The commands for the dead letters of one model; each returns its exit status.

    Args:
        spec: the model.
        letters: its dead letters.
        store: its results.
        job_ttl_s: seconds after which a replayed job no longer runs.
    """

    def __init__(self, spec: ModelSpec, letters: DeadLetters, store: Store, *, job_ttl_s: int) -> None:
        self._spec = spec
        self._letters = letters
        self._store = store
        self._job_ttl_s = job_ttl_s

    async def run(self, arguments: argparse.Namespace) -> int:
        """Run the command that the arguments name."""
        match arguments.verb:
            case "list":
                return await self.list()
            case "show":
                return await self.show(arguments.id)
            case "replay":
                return await self.replay(None if arguments.all else arguments.id)
            case _:
                return await self.purge()

    async def list(self) -> int:
        """Print a line for each letter."""
        async with self._letters.browse() as browser:
            reports = [Report.of(letter, self._spec) async for letter in browser.letters()]
        ids = [report.inference_id or "" for report in reports]
        results = await self._store.get(ids) if ids else []
        for line in format_table(reports, results, await self._store.attempts(ids)):
            _say(line)
        _say(_count(len(reports)) if reports else "no dead letters")
        return 0

    async def show(self, wanted: str) -> int:
        """Print everything about the letters with this id; `-` stands for letters without an id."""
        seen = shown = 0
        async with self._letters.browse() as browser:
            async for letter in browser.letters():
                seen += 1
                if label_of(letter) == wanted:
                    shown += 1
                    _say(await self._describe(letter))
        return 0 if shown else _not_there(wanted, seen)

    async def replay(self, wanted: str | None) -> int:
        """Replay the job with this id, or with None every job, and remove its letters."""
        replayer = await self._letters.replayer()
        seen = found = removed = 0
        replayed: set[str] = set()
        async with self._letters.browse() as browser:
            async for letter in browser.letters():
                seen += 1
                if wanted is None or letter.inference_id == wanted:
                    found += 1
                    if await self._replay_one(replayer, letter, replayed):
                        browser.remove(letter)
                        removed += 1
            await browser.wait_for_removals()
        if wanted is not None and not found:
            return _not_there(wanted, seen)
        _say(f"removed {removed} of {_count(found)}")
        return EXIT_FAILED if wanted is not None and not removed else 0

    async def purge(self) -> int:
        """Delete all letters."""
        _say(f"deleted {_count(await self._letters.purge())}")
        return 0

    async def _describe(self, letter: DeadLetter) -> str:
        ids = [letter.inference_id or ""]
        [result], [attempts] = await self._store.get(ids), await self._store.attempts(ids)
        return Report.of(letter, self._spec).in_full(letter, self._spec, result, attempts)

    async def _replay_one(self, replayer: Replayer, letter: DeadLetter, replayed: set[str]) -> bool:
        """Replay the job of one letter; return whether to remove the letter.

        A crash is harmless: the letter stays until the broker has confirmed the job, and replaying it again does the
        same.
        """
        job = letter.job(self._spec)
        if job is None:
            _say(f"{label_of(letter)}: not a valid job of {self._spec.message_type}, left in place; see `dead show`")
            return False
        inference_id = job.inference_id
        if inference_id in replayed:
            return True
        if await self._store.reset(inference_id, ttl_s=self._job_ttl_s + GRACE_S):
            await replayer.publish(renew_deadline(job, job_ttl_s=self._job_ttl_s))
            _say(f"{inference_id}: replayed")
        else:
            _say(f"{inference_id}: has succeeded since; only its dead letter is removed")
        replayed.add(inference_id)
        return True


def _count(count: int) -> str:
    return f"{count} dead letter{'' if count == 1 else 's'}"


def _not_there(wanted: str, seen: int) -> int:
    return _complain(
        f"{wanted} is not among the {_count(seen)}; `dead list` shows their ids, without the letters that another "
        "`dead` command is reading now",
        EXIT_FAILED,
    )


def _broker_problem(error: AMQPError) -> tuple[str, int]:
    match getattr(error, "reply_code", None):
        case 403:
            rights = "read on the dead queue and, to replay, write on the exchange"
            return f"RabbitMQ refused ({error}); give the user of INFERENCE_AMQP_URL {rights}", EXIT_CONFIGURATION
        case 404:
            return f"{error}; start the API or a worker once, it creates the queues", EXIT_CONFIGURATION
        case _:
            return f"RabbitMQ does not answer ({str(error) or type(error).__name__}); try again", EXIT_UNAVAILABLE


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _complain(problem: str, exit_status: int) -> int:
    sys.stderr.write(problem + "\n")
    return exit_status
