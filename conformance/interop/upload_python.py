"""Python's requests and httpx: forms to the echo server."""

import hashlib
import io
import os

import httpx
import requests

URL = f"http://{os.environ['INTEROP_ADDR']}/upload"
LARGE = os.urandom(1 << 20) * 20
FILES = [
    ("file", ("grün \U0001f980.txt", b"text", "text/plain")),
    ("file", ('a "quoted" name', b"\r\n--\r\n", "image/x")),
    ("empty", ("empty", b"", "application/octet-stream")),
    ("large", ("large.bin", LARGE, "application/octet-stream")),
]
DATA = {"title": "Sunset", "na\u00efve \"name\"": "\u20ac"}


def described(name, filename, content_type, body):
    sha256 = hashlib.sha256(body).hexdigest()
    return {"name": name, "filename": filename, "content_type": content_type, "size": len(body), "sha256": sha256}


EXPECTED = [described(name, None, "text/plain", text.encode()) for name, text in DATA.items()] + [
    described(name, filename, content_type, body) for name, (filename, body, content_type) in FILES
]


def check(name, run):
    try:
        answer = run()
        assert answer.status_code == 200, f"{answer.status_code}: {answer.text:.80}"
        for seen, wanted in zip(answer.json(), EXPECTED, strict=True):
            assert seen == wanted, f"{seen} instead of {wanted}"
        print(f"ok {name}")
    except Exception as fact:
        print(f"FAILED {name}: {type(fact).__name__}: {' '.join(str(fact).split())[:300]}")


def files():
    return [(name, (filename, io.BytesIO(body), kind)) for name, (filename, body, kind) in FILES]


with requests.Session() as session:
    session.trust_env = False
    check("requests: several files", lambda: session.post(URL, data=DATA, files=files(), timeout=60))
with httpx.Client(trust_env=False, timeout=60) as http:
    check("httpx: several files", lambda: http.post(URL, data=DATA, files=files()))
with httpx.Client(trust_env=False, timeout=60, http1=False, http2=True) as http:
    check("httpx: several files, over HTTP/2", lambda: http.post(URL, data=DATA, files=files()))
print("end")
