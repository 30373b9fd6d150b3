"""Python's websockets against the echo server."""

import asyncio
import os
import random
import time

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

URL = f"ws://{os.environ['INTEROP_ADDR']}/ws"
DEFLATE = bool(os.environ.get("INTEROP_DEFLATE"))
MAX = int(os.environ["INTEROP_WS_MAX"])
CHECKS = []


def check(name):
    def add(run):
        CHECKS.append((name, run))
        return run

    return add


def ws(**options):
    return connect(URL, compression="deflate" if DEFLATE else None, proxy=None, max_size=None, ping_interval=None, **options)


def equal(got, wanted, what="the echo"):
    if got != wanted:
        raise AssertionError(f"{what} is {got!r:.80} instead of {wanted!r:.80}")


async def closed(socket):
    """The close code and reason that the server sent."""
    try:
        while True:
            await socket.recv()
    except ConnectionClosed as end:
        if end.rcvd is None:
            raise AssertionError("the connection ended without a Close") from end
        return end.rcvd.code, end.rcvd.reason


@check("compression is what was asked for")
async def compression():
    async with ws() as socket:
        equal(len(socket.protocol.extensions), 1 if DEFLATE else 0, "the number of extensions")


@check("text comes back as text")
async def text():
    async with ws() as socket:
        for message in ["", "hello", "gr\u00fc\u00df dich \U0001f980", "x" * 200_000]:
            await socket.send(message)
            equal(await socket.recv(), message)


@check("1 MiB of binary comes back as binary")
async def binary():
    message = random.Random(1).randbytes(1 << 20)
    async with ws() as socket:
        await socket.send(message)
        equal(await socket.recv(), message)


@check("a fragmented message comes back whole")
async def fragmented():
    async with ws() as socket:
        await socket.send(["frag", "men", "", "ted \U0001f980"])
        equal(await socket.recv(), "fragmented \U0001f980")
        await socket.send([bytes([i]) * 10_000 for i in range(50)])
        equal(await socket.recv(), b"".join(bytes([i]) * 10_000 for i in range(50)))


@check("a ping between fragments is answered at once")
async def ping_between_fragments():
    async with ws() as socket:

        async def pieces():
            yield "be"
            # A pong that waited for the end of the message would never come.
            async with asyncio.timeout(5):
                await pong
            yield "tween"

        pong = await socket.ping("inside")
        await socket.send(pieces())
        equal(await socket.recv(), "between")


@check("a ping is answered by its pong")
async def ping():
    async with ws() as socket:
        for payload in [b"", b"ping", bytes(125)]:
            latency = await (await socket.ping(payload))
            if not 0 < latency < 1:
                raise AssertionError(f"the pong took {latency} s")


@check("close 1000 and 4000 come back with their code")
async def close():
    for code, reason in [(1000, ""), (1000, "done"), (4000, "my own reason")]:
        async with ws() as socket:
            await socket.close(code, reason)
            equal(socket.protocol.close_rcvd.code, code, "the code")
            if socket.protocol.close_rcvd.reason not in (reason, ""):
                raise AssertionError(f"a reason of its own: {socket.protocol.close_rcvd.reason!r}")
            equal(socket.protocol.close_rcvd_then_sent, False, "the order of the Closes")


@check("the subprotocol echo is selected")
async def subprotocol():
    async with ws(subprotocols=["chat", "echo"]) as socket:
        equal(socket.subprotocol, "echo", "the subprotocol")
        await socket.send("x")
        equal(await socket.recv(), "x")
    async with ws(subprotocols=["chat"]) as socket:
        equal(socket.subprotocol, None, "the subprotocol")


@check("100 connections at once, 20 messages each")
async def many():
    async def one(i):
        async with ws() as socket:
            for j in range(20):
                await socket.send(f"{i} {j}")
            for j in range(20):
                equal(await socket.recv(), f"{i} {j}")

    await asyncio.gather(*(one(i) for i in range(100)))


@check("200 messages in flight come back in order")
async def in_flight():
    async with ws() as socket:

        async def send():
            for i in range(200):
                await socket.send(bytes([i]) * 20_000)

        sending = asyncio.create_task(send())
        for i in range(200):
            equal(await socket.recv(), bytes([i]) * 20_000)
        await sending


@check("a message of the largest size comes back, one byte more gets 1009")
async def oversize():
    async with ws() as socket:
        await socket.send(bytes(MAX))
        equal(len(await socket.recv()), MAX, "the length")
        try:
            await socket.send(bytes(MAX + 1))
        except ConnectionClosed:
            pass
        equal((await closed(socket))[0], 1009, "the code")


@check("text that is not UTF-8 gets 1007")
async def not_utf8():
    async with ws() as socket:
        socket.protocol.send_text(b"ab\xff")
        socket.send_data()
        equal((await closed(socket))[0], 1007, "the code")


async def main():
    for name, run in CHECKS:
        start = time.monotonic()
        try:
            async with asyncio.timeout(30):
                await run()
        except Exception as fact:
            seconds = time.monotonic() - start
            print(f"FAILED {name}: {type(fact).__name__} after {seconds:.1f} s: {' '.join(str(fact).split())}")
        else:
            print(f"ok {name}")
    print("end")


asyncio.run(main())
