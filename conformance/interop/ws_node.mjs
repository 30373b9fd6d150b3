// The npm package ws against the echo server.

import { createRequire } from "node:module";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import assert from "node:assert/strict";

const { WebSocket } = createRequire(`${process.env.INTEROP_TOOLS}/`)("ws");
const URL = `ws://${process.env.INTEROP_ADDR}/ws`;
const DEFLATE = Boolean(process.env.INTEROP_DEFLATE);
const MAX = Number(process.env.INTEROP_WS_MAX);

/** An open socket whose messages wait in a queue until they are asked for. */
class Client {
  constructor(protocols = []) {
    this.socket = new WebSocket(URL, protocols, { perMessageDeflate: DEFLATE });
    this.messages = [];
    this.waiting = [];
    this.closed = new Promise((resolve) => this.socket.on("close", (code, reason) => resolve({ code, reason: `${reason}` })));
    this.socket.on("message", (data, isBinary) => {
      const message = isBinary ? data : data.toString();
      this.waiting.length ? this.waiting.shift()(message) : this.messages.push(message);
    });
    // An error is followed by a close; the close tells.
    this.socket.on("error", () => {});
  }

  async open() {
    await once(this.socket, "open");
    return this;
  }

  next() {
    if (this.messages.length) return Promise.resolve(this.messages.shift());
    return new Promise((resolve, reject) => {
      this.waiting.push(resolve);
      this.closed.then(({ code }) => reject(new Error(`closed with ${code}`)));
    });
  }

  async echo(message) {
    this.socket.send(message);
    assert.deepEqual(await this.next(), message);
  }

  async close(code, reason) {
    this.socket.close(code, reason);
    return this.closed;
  }
}

const open = (protocols) => new Client(protocols).open();

const checks = {
  "compression is what was asked for": async () => {
    const client = await open();
    assert.equal(client.socket.extensions, DEFLATE ? "permessage-deflate" : "");
    await client.close(1000);
  },
  "text comes back as text": async () => {
    const client = await open();
    for (const message of ["", "hello", "gr\u00fc\u00df dich \u{1f980}", "x".repeat(200_000)]) await client.echo(message);
    await client.close(1000);
  },
  "1 MiB of binary comes back as binary": async () => {
    const client = await open();
    await client.echo(randomBytes(1 << 20));
    await client.close(1000);
  },
  "a fragmented message comes back whole": async () => {
    const client = await open();
    for (const part of ["frag", "men", ""]) client.socket.send(part, { fin: false });
    client.socket.send("ted \u{1f980}");
    assert.equal(await client.next(), "fragmented \u{1f980}");
    await client.close(1000);
  },
  "a ping between fragments is answered at once": async () => {
    const client = await open();
    client.socket.send("be", { fin: false });
    client.socket.ping("inside");
    const [payload] = await once(client.socket, "pong");
    assert.equal(`${payload}`, "inside");
    client.socket.send("tween");
    assert.equal(await client.next(), "between");
    await client.close(1000);
  },
  "a ping is answered by its pong": async () => {
    const client = await open();
    for (const sent of ["", "ping", "x".repeat(125)]) {
      const start = performance.now();
      client.socket.ping(sent);
      const [payload] = await once(client.socket, "pong");
      assert.equal(`${payload}`, sent);
      assert.ok(performance.now() - start < 1000, "the pong took a second");
    }
    await client.close(1000);
  },
  "close 1000 and 4000 come back with their code": async () => {
    for (const [code, reason] of [[1000, ""], [1000, "done"], [4000, "my own reason"]]) {
      const client = await open();
      const got = await client.close(code, reason);
      assert.equal(got.code, code);
      assert.ok(got.reason === reason || got.reason === "", `a reason of its own: ${got.reason}`);
    }
  },
  "the subprotocol echo is selected": async () => {
    const client = await open(["chat", "echo"]);
    assert.equal(client.socket.protocol, "echo");
    await client.echo("x");
    await client.close(1000);
  },
  "100 connections at once, 20 messages each": async () => {
    const one = async (i) => {
      const client = await open();
      for (let j = 0; j < 20; j++) client.socket.send(`${i} ${j}`);
      for (let j = 0; j < 20; j++) assert.equal(await client.next(), `${i} ${j}`);
      await client.close(1000);
    };
    await Promise.all(Array.from({ length: 100 }, (_, i) => one(i)));
  },
  "200 messages in flight come back in order": async () => {
    const client = await open();
    for (let i = 0; i < 200; i++) client.socket.send(Buffer.alloc(20_000, i));
    for (let i = 0; i < 200; i++) assert.deepEqual(await client.next(), Buffer.alloc(20_000, i));
    await client.close(1000);
  },
  "a message of the largest size comes back, one byte more gets 1009": async () => {
    const client = await open();
    await client.echo(Buffer.alloc(MAX));
    client.socket.send(Buffer.alloc(MAX + 1));
    assert.equal((await client.closed).code, 1009);
  },
  // Whoever closes while the peer still sends must go on reading for a while, or the Close is lost with a reset.
  "20 oversize messages at once all get their 1009": async () => {
    const one = async () => {
      const client = await open();
      client.socket.send(Buffer.alloc(4 * MAX));
      return (await client.closed).code;
    };
    const codes = await Promise.all(Array.from({ length: 20 }, one));
    assert.deepEqual(codes.filter((code) => code !== 1009), []);
  },
  "text that is not UTF-8 gets 1007": async () => {
    const client = await open();
    client.socket.send(Buffer.from([0x61, 0xff]), { binary: false });
    assert.equal((await client.closed).code, 1007);
  },
};

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
