// Headless Chromium opens the page over TLS: its WebSocket goes over HTTP/2 (RFC 8441), and over HTTP/1.1 where the browser
// has no HTTP/2. Which it is, is the server's word: the subprotocol that it selects, and what it saw of the page's requests.

import { createRequire } from "node:module";
import assert from "node:assert/strict";

const { chromium } = createRequire(`${process.env.INTEROP_TOOLS}/`)("playwright-core");
const ORIGIN = `https://localhost:${process.env.INTEROP_TLS_ADDR.split(":").at(-1)}`;
const ARGS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --ignore-certificate-errors";

async function check(name, run) {
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (fact) {
    console.log(`FAILED ${name}: ${fact.message.replace(/\s+/g, " ").slice(0, 300)}`);
  }
}

async function visit(more, version, protocol) {
  const browser = await chromium.launch({ executablePath: process.env.INTEROP_CHROMIUM, args: [...ARGS.split(" "), ...more] });
  const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
  page.setDefaultTimeout(15_000);
  const say = async (text) => {
    await page.fill("#message", text);
    await page.click("#send");
    await page.locator("#log li", { hasText: text }).waitFor();
  };
  await check(`${version}: the page's WebSocket says what carries it`, async () => {
    await page.goto(`${ORIGIN}/`);
    await page.waitForSelector('#status[data-state="open"]');
    const status = await page.locator("#status").textContent();
    assert.ok(status.endsWith(` over ${version}`), status);
    await say(`hello over ${version}`);
  });
  await check(`${version}: so do its requests`, async () => {
    const seen = await page.evaluate(async () => (await fetch("/request")).json());
    assert.deepEqual([seen.version, seen.alpn], protocol);
  });
  await check(`${version}: the WebSocket ${version === "HTTP/2" ? "shares the connection" : "has a connection of its own"}`, async () => {
    const stats = await page.evaluate(async () => (await fetch("/stats")).json());
    assert.equal(stats.websockets, 1);
    if (version === "HTTP/2") assert.equal(stats.connections, 1);
    else assert.ok(stats.connections > 1, `${stats.connections} connections`);
  });
  await check(`${version}: closed by the page, in good order, again and again`, async () => {
    const codes = await page.evaluate(async () => {
      const codes = [];
      for (let i = 0; i < 20; i++) {
        const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/ws", ["echo.http2", "echo.http1"]);
        await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = () => reject(new Error("not open")); });
        const closed = new Promise((resolve) => (socket.onclose = resolve));
        socket.close(1000);
        const { code, wasClean } = await closed;
        codes.push(`${socket.protocol} ${code} ${wasClean}`);
      }
      return [...new Set(codes)];
    });
    assert.deepEqual(codes, [`${version === "HTTP/2" ? "echo.http2" : "echo.http1"} 1000 true`]);
  });
  await browser.close();
}

await visit([], "HTTP/2", ["HTTP/2.0", "h2"]);
await visit(["--disable-http2"], "HTTP/1.1", ["HTTP/1.1", "http/1.1"]);
console.log("end");
process.exit(0);
