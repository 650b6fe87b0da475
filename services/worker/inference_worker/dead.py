"""`python -m inference_worker dead`: what a person does with dead letters. Imports no torch.

Exit status: 0 done, 1 the id is not there or is no job, 69 RabbitMQ or Redis is away, 78 configuration.
"""

import argparse
import asyncio
import logging
import sys
from dataclasses import dataclass

from pika.exceptions import AMQPError, ProbableAccessDeniedError, ProbableAuthenticationError

from inference_bridge.contract import Store
from inference_bridge.errors import ConfigurationError, Unavailable
from inference_bridge.rabbitmq.connection import Connection, connection_parameters
from inference_bridge.rabbitmq.dead_letters import DeadLetter, DeadLetters, Replayer, second_life
from inference_bridge.rabbitmq.topology import topology_for
from inference_bridge.redis_store import RedisStore, connect_redis
from inference_bridge.settings import GRACE_S, BridgeSettings, load_settings
from inference_bridge.spec import ModelSpec, load_spec
from inference_worker.obituary import NO_ID, Obituary, label_of, listing

EXIT_NOT_THERE = 1
EXIT_UNAVAILABLE = 69  # EX_UNAVAILABLE, sysexits.h
EXIT_CONFIGURATION = 78  # EX_CONFIG


@dataclass(frozen=True, slots=True)
class Desk:
    """What the commands work with."""

    spec: ModelSpec
    letters: DeadLetters
    store: Store
    job_ttl_s: int


def add_dead_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `dead list`, `dead show`, `dead replay` and `dead purge` to the command line."""
    dead = commands.add_parser("dead", help="look after the dead letters").add_subparsers(dest="verb", required=True)
    dead.add_parser("list", help="one line for each dead letter")
    show = dead.add_parser("show", help="everything about one, as JSON, and its picture")
    show.add_argument("id", help=f"inference id from the list; `{NO_ID}` for those that have none")
    replay = dead.add_parser("replay", help="run jobs again under their old ids")
    which = replay.add_mutually_exclusive_group(required=True)
    which.add_argument("id", nargs="?", help="inference id from the list")
    which.add_argument("--all", action="store_true", help="every job among the dead letters")
    dead.add_parser("purge", help="delete all dead letters")


def run_dead_command(arguments: argparse.Namespace) -> int:
    """Do what the arguments say; return the exit status."""
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(_run(load_settings(BridgeSettings), arguments))
    except ConfigurationError as error:
        return _complain(str(error), EXIT_CONFIGURATION)
    except (ProbableAuthenticationError, ProbableAccessDeniedError) as error:
        return _complain(f"RabbitMQ refused the user ({error}); correct INFERENCE_AMQP_URL", EXIT_CONFIGURATION)
    except AMQPError as error:
        return _complain(*_broker_problem(error))
    except (Unavailable, OSError, TimeoutError) as error:
        return _complain(str(error) or type(error).__name__, EXIT_UNAVAILABLE)


async def _run(settings: BridgeSettings, arguments: argparse.Namespace) -> int:
    spec = load_spec(settings.model)
    topology = topology_for(spec, queue_max_length=settings.queue_max_length)
    redis = connect_redis(settings.redis_url.get_secret_value(), ca_file=settings.ca_file)
    store = RedisStore(redis, spec=spec, result_ttl_s=settings.result_ttl_s)
    try:
        async with Connection(connection_parameters(settings.broker_url, name="dead letters")) as connection:
            letters = DeadLetters(connection, spec=spec, topology=topology)
            return await _do(Desk(spec, letters, store, settings.job_ttl_s), arguments)
    finally:
        await store.close()


async def _do(desk: Desk, arguments: argparse.Namespace) -> int:
    match arguments.verb:
        case "list":
            return await _list(desk)
        case "show":
            return await _show(desk, arguments.id)
        case "replay":
            return await _replay(desk, None if arguments.all else arguments.id)
        case _:
            _say(f"deleted {_count(await desk.letters.purge())}")
            return 0


async def _list(desk: Desk) -> int:
    async with desk.letters.reading() as reading:
        obituaries = [Obituary.of(letter, desk.spec) async for letter in reading.letters()]
    ids = [obituary.inference_id or "" for obituary in obituaries]
    results = await desk.store.get(ids) if ids else []
    attempts = await desk.store.attempts(ids)
    for line in listing(obituaries, results, attempts):
        _say(line)
    _say(_count(len(obituaries)) if obituaries else "no dead letters")
    return 0


async def _show(desk: Desk, wanted: str) -> int:
    seen = shown = 0
    async with desk.letters.reading() as reading:
        async for letter in reading.letters():
            seen += 1
            if label_of(letter) == wanted:
                shown += 1
                _say(await _described(desk, letter))
    return 0 if shown else _not_there(wanted, seen)


async def _described(desk: Desk, letter: DeadLetter) -> str:
    ids = [letter.inference_id or ""]
    [result], [attempts] = await desk.store.get(ids), await desk.store.attempts(ids)
    return Obituary.of(letter, desk.spec).in_full(letter, desk.spec, result, attempts)


async def _replay(desk: Desk, wanted: str | None) -> int:
    replayer = await desk.letters.replayer()
    seen = found = removed = 0
    replayed: set[str] = set()
    async with desk.letters.reading() as reading:
        async for letter in reading.letters():
            seen += 1
            if wanted is None or letter.inference_id == wanted:
                found += 1
                if await _replay_one(desk, replayer, letter, replayed):
                    reading.remove(letter)
                    removed += 1
        await reading.settled()
    if wanted is not None and not found:
        return _not_there(wanted, seen)
    _say(f"removed {removed} of {_count(found)}")
    return EXIT_NOT_THERE if wanted is not None and not removed else 0


async def _replay_one(desk: Desk, replayer: Replayer, letter: DeadLetter, replayed: set[str]) -> bool:
    """Give one letter a second life; return whether the letter may go.

    The order makes a crash harmless: until the broker has confirmed the job the letter is here, and a second replay
    does the same again.
    """
    request = letter.request(desk.spec)
    if request is None:
        _say(f"{label_of(letter)}: no job of {desk.spec.message_type}, left where it is; see `dead show`")
        return False
    inference_id = request.inference_id
    if inference_id in replayed:
        return True
    if await desk.store.revive(inference_id, ttl_s=desk.job_ttl_s + GRACE_S):
        await replayer.publish(second_life(request, job_ttl_s=desk.job_ttl_s))
        _say(f"{inference_id}: replayed")
    else:
        _say(f"{inference_id}: has succeeded since; only its dead letter is removed")
    replayed.add(inference_id)
    return True


def _count(count: int) -> str:
    return f"{count} dead letter{'' if count == 1 else 's'}"


def _not_there(wanted: str, seen: int) -> int:
    return _complain(
        f"{wanted} is not among the {_count(seen)}; `dead list` shows their ids, and what another `dead` command "
        "is reading at this moment is missing from it",
        EXIT_NOT_THERE,
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
