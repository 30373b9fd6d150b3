// Node's own http2 against the echo server.

import { connect, constants } from "node:http2";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import assert from "node:assert/strict";

const PLAIN = `http://${process.env.INTEROP_ADDR}`;
const SECURE = `https://localhost:${process.env.INTEROP_TLS_ADDR.split(":").at(-1)}`;

async function session(origin) {
  const session = connect(origin, { rejectUnauthorized: false, maxSessionMemory: 100 });
  session.on("error", () => {});
  await once(session, "connect");
  return session;
}

/** One request: the response's fields, its body, its trailers. */
async function fetch(session, fields, body, trailers) {
  const stream = session.request(fields, { endStream: body === undefined, waitForTrailers: trailers !== undefined });
  if (trailers) stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  const answered = once(stream, "response");
  let seen = {};
  stream.on("trailers", (fields) => (seen = fields));
  if (body !== undefined) stream.end(body);
  const [headers] = await answered;
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return { headers, body: Buffer.concat(pieces), trailers: seen };
}

const checks = {};
const both = (name, run) => {
  checks[`${name}, in cleartext`] = () => run(PLAIN);
  checks[`${name}, over TLS`] = () => run(SECURE);
};

both("a request is seen as it was sent", async (origin) => {
  const client = await session(origin);
  const { headers, body } = await fetch(client, { ":method": "POST", ":path": "/request?x=1", "x-name": "v", cookie: ["a=1", "b=2"] }, "hello");
  const seen = JSON.parse(body);
  assert.equal(headers[":status"], 200);
  assert.deepEqual([seen.version, seen.method, seen.target, seen.body_len], ["HTTP/2.0", "POST", "/request?x=1", 5]);
  assert.deepEqual(seen.headers.filter(([name]) => name === "cookie"), [["cookie", "a=1; b=2"]]);
  client.close();
});

both("trailers arrive", async (origin) => {
  const client = await session(origin);
  const described = await fetch(client, { ":method": "POST", ":path": "/request" }, "hello", { "x-sum": "1" });
  assert.deepEqual(JSON.parse(described.body).trailers, [["x-sum", "1"]]);
  const echoed = await fetch(client, { ":method": "POST", ":path": "/echo" }, "hello", { "x-sum": "2" });
  assert.equal(echoed.trailers["x-sum"], "2");
  client.close();
});

both("20 echoes of a megabyte at once", async (origin) => {
  const client = await session(origin);
  await Promise.all(Array.from({ length: 20 }, async () => {
    const sent = randomBytes(1_000_000);
    const { body } = await fetch(client, { ":method": "POST", ":path": "/echo" }, sent);
    assert.ok(body.equals(sent), "another body came back");
  }));
  client.close();
});

both("100 requests and as many resets", async (origin) => {
  const client = await session(origin);
  for (let i = 0; i < 100; i++) {
    const stream = client.request({ ":path": "/sleep?ms=60000" });
    stream.on("error", () => {});
    if (i % 10 === 0) await fetch(client, { ":path": "/hello" });
    stream.close(constants.NGHTTP2_CANCEL);
    await fetch(client, { ":path": "/hello" });
  }
  // The last reset may travel beside the request that looks.
  let inFlight;
  for (let look = 0; look < 10 && inFlight !== 1; look++) {
    inFlight = JSON.parse((await fetch(client, { ":path": "/stats" })).body).in_flight;
  }
  assert.equal(inFlight, 1);
  client.close();
});

/** A frame of a client: masked. */
function frame(opcode, payload) {
  const mask = randomBytes(4);
  const length = payload.length < 126 ? [0x80 | payload.length] : [0xfe, payload.length >> 8, payload.length & 255];
  const masked = payload.map((byte, i) => byte ^ mask[i % 4]);
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length]), mask, masked]);
}

/** The frames, of less than 64 KiB each, in what a server has sent. */
function frames(bytes) {
  const found = [];
  for (let at = 0; at < bytes.length; ) {
    let length = bytes[at + 1], head = 2;
    if (length === 126) [length, head] = [bytes.readUInt16BE(at + 2), 4];
    found.push([bytes[at] & 15, bytes.subarray(at + head, at + head + length)]);
    at += head + length;
  }
  return found;
}

/** A WebSocket by extended CONNECT (RFC 8441). */
async function websocket(session) {
  const stream = session.request(
    { ":method": "CONNECT", ":protocol": "websocket", ":path": "/ws", "sec-websocket-version": "13", "sec-websocket-protocol": "echo.http1, echo.http2" },
    { endStream: false });
  const [headers] = await once(stream, "response");
  assert.equal(headers[":status"], 200);
  assert.equal(headers["sec-websocket-protocol"], "echo.http2");
  return stream;
}

/** Says some things, closes, and checks what came back and how it ended. */
async function converse(stream, said) {
  const pieces = [];
  const ended = once(stream, "close");
  stream.on("data", (piece) => pieces.push(piece));
  for (const text of said) stream.write(frame(1, Buffer.from(text)));
  stream.write(frame(8, Buffer.from([0x03, 0xe8])));
  await once(stream, "end");
  stream.end();
  await ended;
  assert.equal(stream.rstCode, constants.NGHTTP2_NO_ERROR);
  const came = frames(Buffer.concat(pieces));
  assert.deepEqual(came.map(([, payload]) => payload.toString("latin1")), [...said, "\x03\xe8"]);
}

both("50 WebSockets on one connection, beside requests", async (origin) => {
  const client = await session(origin);
  if (!client.remoteSettings?.enableConnectProtocol) await once(client, "remoteSettings");
  assert.equal(client.remoteSettings.enableConnectProtocol, true);
  const sockets = await Promise.all(Array.from({ length: 50 }, () => websocket(client)));
  const { body } = await fetch(client, { ":path": "/stats" });
  assert.equal(JSON.parse(body).websockets, 50);
  const requests = Array.from({ length: 20 }, () => fetch(client, { ":method": "POST", ":path": "/echo" }, randomBytes(100_000)));
  const said = (n) => [`hello ${n}`, "x".repeat(1024), "y".repeat(60_000), ""];
  await Promise.all([...requests, ...sockets.map((stream, n) => converse(stream, said(n)))]);
  assert.equal(JSON.parse((await fetch(client, { ":path": "/stats" })).body).websockets, 0);
  client.close();
});

both("a WebSocket that is reset leaves the others alone", async (origin) => {
  const client = await session(origin);
  if (!client.remoteSettings?.enableConnectProtocol) await once(client, "remoteSettings");
  const [cut, whole] = await Promise.all([websocket(client), websocket(client)]);
  cut.on("error", () => {});
  cut.close(constants.NGHTTP2_CANCEL);
  await converse(whole, ["still here"]);
  client.close();
});

both("a hundred PINGs are answered", async (origin) => {
  const client = await session(origin);
  for (let i = 0; i < 100; i++) {
    await new Promise((resolve, reject) => client.ping((error) => (error ? reject(error) : resolve())));
  }
  client.close();
});

for (const [name, run] of Object.entries(checks)) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("no end after 30 s")), 30_000)));
  try {
    await Promise.race([run(), late]);
    console.log(`ok ${name}`);
  } catch (fact) {
    console.log(`FAILED ${name}: ${fact.message.replace(/\s+/g, " ").slice(0, 300)}`);
  }
  clearTimeout(timer);
}
console.log("end");
process.exit(0);
