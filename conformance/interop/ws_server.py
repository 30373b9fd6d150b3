#!/usr/bin/env -S python3 -u
"""Python's websockets as a server, for clients: what it does depends on the path."""

import argparse
import asyncio
import signal
import sys

options = argparse.ArgumentParser()
options.add_argument("--listen", required=True)
options.add_argument("--tools", required=True)
options = options.parse_args()
sys.dont_write_bytecode = True
sys.path.insert(0, options.tools + "/python")

from websockets.asyncio.server import serve  # noqa: E402


async def talk(socket):
    path = socket.request.path
    if path == "/close":
        await socket.close(4001, "bye")
    elif path == "/headers":
        await socket.send("\n".join(f"{name}: {value}" for name, value in socket.request.headers.raw_items()))
    elif path == "/fragments":
        pong = await socket.ping(b"there?")
        await socket.send(["one, ", "two, ", "three"])
        await pong
        await socket.send("pong")
    elif path == "/too-large":
        await socket.recv()
    else:
        async for message in socket:
            await socket.send(message)


def refuse(connection, request):
    if request.path == "/refused":
        return connection.respond(403, "not for you\n")


async def main():
    host, port = options.listen.split(":")
    chosen = {"select_subprotocol": lambda _, offered: "chat" if "chat" in offered else None}
    async with serve(talk, host, int(port), process_request=refuse, max_size=4 << 20, **chosen) as server:
        host, port = server.sockets[0].getsockname()[:2]
        print(f"listening on http://{host}:{port}")
        end = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
        await end.wait()


asyncio.run(main())
