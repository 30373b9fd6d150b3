// Headless Chromium opens the page of the echo server, types, loses the server, and finds it again.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import assert from "node:assert/strict";

const { chromium } = createRequire(`${process.env.INTEROP_TOOLS}/`)("playwright-core");
const ORIGIN = `http://${process.env.INTEROP_ADDR}`;
const ARGS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Has the server stopped or started. */
async function server(what) {
  console.log(`server ${what}`);
  await answers.next();
}

async function check(name, run) {
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (fact) {
    console.log(`FAILED ${name}: ${fact.message.replace(/\s+/g, " ").slice(0, 300)}`);
  }
}

const browser = await chromium.launch({ executablePath: process.env.INTEROP_CHROMIUM, args: ARGS.split(" ") });
const page = await browser.newPage();
page.setDefaultTimeout(15_000);

const requests = [];
const errors = [];
page.on("request", (request) => requests.push(request.url()));
page.on("websocket", (socket) => requests.push(socket.url().replace(/^ws/, "http")));
page.on("pageerror", (error) => errors.push(error.message));

const state = (name) => page.waitForSelector(`#status[data-state="${name}"]`);
const echoes = () => page.locator("#log li").allTextContents();

async function say(text) {
  const before = (await echoes()).length;
  await page.fill("#message", text);
  await page.click("#send");
  await page.waitForFunction((n) => document.querySelectorAll("#log li").length > n, before);
  const echo = (await echoes()).find((line) => line.includes(text));
  assert.ok(echo, `no echo of ${text} in the list`);
  assert.match(echo.replace(text, ""), /\d+([.,]\d+)?\s*ms/, "no round-trip time");
}

await check("the page opens and connects", async () => {
  const response = await page.goto(`${ORIGIN}/`);
  assert.equal(response.status(), 200);
  await state("open");
});
await check("a typed message comes back with its round-trip time", () => say("hello from the browser"));
await check("Enter sends as well", async () => {
  await page.fill("#message", "by the key");
  await page.press("#message", "Enter");
  await page.locator("#log li", { hasText: "by the key" }).waitFor();
});
await check("a message is shown as text, never as markup", async () => {
  await say("<b id=injected>gr\u00fc\u00dfe</b> \u{1f980}");
  assert.equal(await page.locator("#injected").count(), 0, "the message became an element");
});
const count = async () => Number.parseInt(await page.locator("#count").textContent(), 10);
const counted = (n) =>
  page.waitForFunction((n) => Number.parseInt(document.querySelector("#count").textContent, 10) >= n, n);
let seen = 0;
await check("server-sent events arrive one by one", async () => {
  await counted(1);
  await counted((await count()) + 2);
  seen = await count();
});
await check("the page says that the connection is lost", async () => {
  await server("stop");
  await state("lost");
  const status = page.locator("#status");
  assert.ok(await status.isVisible(), "the status cannot be seen");
  assert.match(await status.textContent(), /lost/i, "the status does not say it");
});
await check("it reconnects to the server that came back", async () => {
  await server("start");
  await state("open");
  await say("hello again");
});
await check("the events go on from the last one that was seen", async () => {
  await page.waitForFunction(() => /^\d+$/.test(document.querySelector("#count").textContent));
  const next = await count();
  assert.ok(next > seen, `${next} after ${seen}`);
});
await check("it asks nobody but its own server", () => {
  const strangers = requests.filter((url) => !url.startsWith(`${ORIGIN}/`));
  assert.deepEqual(strangers, []);
});
await check("no script error", () => assert.deepEqual(errors, []));

await browser.close();
console.log("end");
process.exit(0);
