// Headless Chromium decodes compressed, and padded, responses.

import { createRequire } from "node:module";
import assert from "node:assert/strict";

const { chromium } = createRequire(`${process.env.INTEROP_TOOLS}/`)("playwright-core");
const ORIGIN = `http://${process.env.INTEROP_ADDR}`;
const ARGS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

const browser = await chromium.launch({ executablePath: process.env.INTEROP_CHROMIUM, args: ARGS.split(" ") });

async function check(name, run) {
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (fact) {
    console.log(`FAILED ${name}: ${fact.message.replace(/\s+/g, " ").slice(0, 300)}`);
  }
}

/** What `fetch` in a page makes of it. */
const read = (page, path) =>
  page.evaluate(async (path) => {
    const answer = await fetch(path, { cache: "no-store" });
    const text = await answer.text();
    return { status: answer.status, coding: answer.headers.get("content-encoding"), length: text.length, tail: text.slice(-20) };
  }, path);

const plain = await fetch(`${ORIGIN}/text?size=200000`, { headers: { "accept-encoding": "identity" } });
const tail = (await plain.text()).slice(-20);

for (const coding of ["", "gzip", "deflate", "br", "zstd"]) {
  const page = await browser.newPage();
  if (coding) await page.setExtraHTTPHeaders({ "accept-encoding": coding });
  await check(`${coding || "what it asks for itself"}: a response decodes`, async () => {
    await page.goto(`${ORIGIN}/hello`);
    const { coding: got, ...rest } = await read(page, "/text?size=200000");
    assert.deepEqual(rest, { status: 200, length: 200_000, tail });
    assert.equal(got, coding || "br");
  });
  await page.close();
}

await browser.close();
console.log("end");
process.exit(0);
