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
  const { body } = await fetch(client, { ":path": "/stats" });
  assert.equal(JSON.parse(body).in_flight, 1);
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
