"""Jobs on the wire, byte by byte: a change in how pika marshals must fail here, not at the broker."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from pika import BasicProperties, spec
from pika.exceptions import ChannelWrongStateError
from pika.frame import Method

from inference_bridge.jobs import Job, to_properties
from inference_bridge.kinds import File, Probabilities
from inference_bridge.rabbitmq.connection import Channel, Connection
from inference_bridge.rabbitmq.job_sender import JobSender
from inference_bridge.rabbitmq.parameters import connection_parameters
from inference_bridge.rabbitmq.topology import topology_for
from inference_bridge.spec import ModelSpec

SPEC = ModelSpec("model", version=1, takes=File(("audio/wav", "audio/ogg")), answers=Probabilities(3))
TOPOLOGY = topology_for(SPEC, queue_max_length=10_000)
FRAME_MAX = 4_096
MAX_BODY_BYTES = FRAME_MAX - 8
#: What a server says to a client that opens a connection and a channel.
OPENING = [
    Method(0, spec.Connection.Start(server_properties={}, mechanisms="PLAIN", locales="en_US")).marshal(),
    Method(0, spec.Connection.Tune(channel_max=1, frame_max=FRAME_MAX, heartbeat=0)).marshal(),
    Method(0, spec.Connection.OpenOk()).marshal(),
    Method(1, spec.Channel.OpenOk()).marshal(),
]
CLOSE = Method(1, spec.Channel.Close(0, "Normal shutdown", 0, 0)).marshal()

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
JOB = Job("aB3_" * 6, b"\0" * 784, submitted_s=1_700_000_000, deadline_ms=1_700_000_900_000)
JOBS = [
    pytest.param(JOB, id="an ordinary job"),
    pytest.param(replace(JOB, inference_id="-" * 24, submitted_s=0, deadline_ms=2**48), id="other values"),
    pytest.param(replace(JOB, content_type="audio/ogg"), id="another media type"),
    pytest.param(replace(JOB, traceparent=TRACE), id="a traced job"),
    pytest.param(replace(JOB, traceparent=TRACE.replace("00-", "01-", 1) + "-more"), id="a trace of a later version"),
    pytest.param(replace(JOB, traceparent="%b"), id="a trace that is not valid"),
    pytest.param(replace(JOB, params='{"percent": "%b"}'), id="a job with parameters"),
    pytest.param(replace(JOB, priority=9), id="a job with a priority"),
    pytest.param(replace(JOB, has_timeline=True), id="a job with a timeline"),
    pytest.param(replace(JOB, webhook="done"), id="a job with a webhook"),
    pytest.param(replace(JOB, inference_id="short"), id="an id of another length"),
    pytest.param(replace(JOB, body=b""), id="an empty body"),
    pytest.param(replace(JOB, body=b"%b" * (MAX_BODY_BYTES // 2)), id="a body that fills its frame"),
    pytest.param(replace(JOB, body=b"a" * (MAX_BODY_BYTES + 1)), id="a body of two frames"),
    pytest.param(replace(JOB, body=b"a" * (3 * MAX_BODY_BYTES)), id="a body that fills three frames"),
]


def send_by_pika(channel: Channel, job: Job) -> None:
    properties = to_properties(job, SPEC)
    channel.raw.basic_publish(TOPOLOGY.exchange, TOPOLOGY.routing_key, job.body, properties, mandatory=True)


async def wire(send: Callable[[Channel], None]) -> bytes:
    """Return the bytes that leave a process between the opening and the closing of a channel."""
    received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in OPENING:
            await reader.read(1_000)
            writer.write(answer)
        received.set_result(await reader.readuntil(CLOSE))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with asyncio.timeout(5), Connection(connection_parameters(f"amqp://127.0.0.1:{port}", name="test")) as opened:
        channel = await opened.channel()
        send(channel)
        await channel.close()
    server.close()
    return await received


@pytest.mark.parametrize("job", JOBS)
async def test_a_job_is_the_same_bytes_as_pika_makes(job: Job) -> None:
    sent = await wire(lambda channel: JobSender(channel, SPEC, TOPOLOGY).send(job))

    assert sent == await wire(lambda channel: send_by_pika(channel, job))


async def test_no_job_leaves_a_trace_in_the_next() -> None:
    jobs = [JOB, replace(JOB, traceparent=TRACE), replace(JOB, content_type="audio/ogg", body=b"b"), JOB]

    def send_all(channel: Channel) -> None:
        sender = JobSender(channel, SPEC, TOPOLOGY)
        for job in jobs:
            sender.send(job)

    def send_all_by_pika(channel: Channel) -> None:
        for job in jobs:
            send_by_pika(channel, job)

    assert await wire(send_all) == await wire(send_all_by_pika)


@pytest.mark.parametrize("body_bytes", [784, 2 * MAX_BODY_BYTES])
async def test_pika_marshals_only_the_first_of_many_jobs(monkeypatch: pytest.MonkeyPatch, body_bytes: int) -> None:
    marshaled: list[BasicProperties] = []
    encode = BasicProperties.encode

    def encode_and_note(properties: BasicProperties) -> object:
        marshaled.append(properties)
        return encode(properties)

    monkeypatch.setattr(BasicProperties, "encode", encode_and_note)

    def send_many(channel: Channel) -> None:
        sender = JobSender(channel, SPEC, TOPOLOGY)
        for _ in range(5):
            sender.send(replace(JOB, body=bytes(body_bytes)))

    await wire(send_many)

    assert len(marshaled) == 1


async def test_a_closed_channel_takes_no_job() -> None:
    def send_too_late(channel: Channel) -> None:
        sender = JobSender(channel, SPEC, TOPOLOGY)
        channel.raw.close()
        with pytest.raises(ChannelWrongStateError):
            sender.send(JOB)

    await wire(send_too_late)
