"""Python's decoders and encoders of content codings, against the echo server."""

import gzip
import os
import urllib.request
import zlib

import brotli
import zstandard

URL = f"http://{os.environ['INTEROP_ADDR']}"
DECODE = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": brotli.decompress,
    # Not `decompress`: it wants the length in the frame, and padding is a frame of its own.
    "zstd": lambda content: zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True).read(),
}
ENCODE = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


def fetch(path, fields, content=None):
    request = urllib.request.Request(URL + path, data=content, headers=fields)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.headers, answer.read()


def check(name, run):
    try:
        run()
        print(f"ok {name}")
    except Exception as fact:
        print(f"FAILED {name}: {fact!r:.300}")


def response(coding):
    plain = fetch("/text?size=200000", {})[1]
    assert len(plain) == 200000, len(plain)
    fields, content = fetch("/text?size=200000", {"Accept-Encoding": coding})
    assert fields["Content-Encoding"] == coding, fields["Content-Encoding"]
    assert len(content) < 100000, len(content)
    assert DECODE[coding](content) == plain, "decoded it differs"


def echo(coding):
    content = os.urandom(100000) + bytes(100000)
    fields, answer = fetch("/echo", {"Content-Encoding": coding}, ENCODE[coding](content))
    assert answer == content, f"{len(answer)} bytes"


for coding in DECODE:
    check(f"{coding}: a response decodes", lambda: response(coding))
    check(f"{coding}: a request is decoded", lambda: echo(coding))
print("end")
