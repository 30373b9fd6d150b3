"""Python's httpx, over the package h2, against the echo server."""

import asyncio
import hashlib
import os

import httpx

ADDR = os.environ["INTEROP_ADDR"]
PLAIN = f"http://{ADDR}"
SECURE = f"https://localhost:{os.environ['INTEROP_TLS_ADDR'].rpartition(':')[2]}"
CHECKS = []


def check(name):
    def add(run):
        CHECKS.append((name, run))
        return run

    return add


def equal(got, wanted, what="the answer"):
    if got != wanted:
        raise AssertionError(f"{what} is {got!r:.80} instead of {wanted!r:.80}")


def client(base):
    # Without HTTP/1.1 in cleartext: that is how httpx knows beforehand.
    return httpx.AsyncClient(base_url=base, http1=base == SECURE, http2=True, verify=False, trust_env=False, timeout=30)


def both(name):
    def add(run):
        check(f"{name}, in cleartext")(lambda: run(PLAIN))
        check(f"{name}, over TLS")(lambda: run(SECURE))
        return run

    return add


@both("a request is seen as it was sent")
async def request(base):
    async with client(base) as http:
        answer = await http.post("/request?x=1", content=b"hello", headers={"x-name": "value"})
        equal(answer.http_version, "HTTP/2", "the version")
        seen = answer.json()
        equal((seen["method"], seen["target"], seen["body_len"]), ("POST", "/request?x=1", 5))
        equal(["x-name", "value"] in seen["headers"], True, "the field")
        equal(seen["alpn"], "h2" if base == SECURE else None, "ALPN")


@both("200 requests at once on one connection")
async def many(base):
    async with client(base) as http:
        answers = await asyncio.gather(*(http.get(f"/request?n={n}") for n in range(200)))
        equal([answer.json()["target"] for answer in answers], [f"/request?n={n}" for n in range(200)])
        equal(len({answer.json()["peer"] for answer in answers}), 1, "the number of connections")


@both("a body of 5 MB is echoed as it is streamed")
async def echo(base):
    blocks = [os.urandom(50_000) for _ in range(100)]

    async def body():
        for block in blocks:
            yield block

    async with client(base) as http, http.stream("POST", "/echo", content=body()) as answer:
        got = hashlib.sha256()
        async for piece in answer.aiter_bytes():
            got.update(piece)
    equal(got.hexdigest(), hashlib.sha256(b"".join(blocks)).hexdigest(), "the hash of the echo")


async def main():
    for name, run in CHECKS:
        try:
            async with asyncio.timeout(60):
                await run()
        except Exception as fact:
            print(f"FAILED {name}: {type(fact).__name__}: {' '.join(str(fact).split())}")
        else:
            print(f"ok {name}")
    print("end")


asyncio.run(main())
