// Headless Chromium shows a page of images, over HTTP/1.1 and over TLS with HTTP/2, and every one of them is decoded.

import { createRequire } from "node:module";
import assert from "node:assert/strict";

const { chromium } = createRequire(`${process.env.INTEROP_TOOLS}/`)("playwright-core");
const COUNT = Number(process.env.INTEROP_IMAGES);
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

for (const [version, origin] of [
  ["http/1.1", `http://${process.env.INTEROP_ADDR}`],
  ["h2", `https://${process.env.INTEROP_TLS_ADDR}`],
]) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await check(`a page of images over ${version}`, async () => {
    await page.goto(`${origin}/gallery.html`, { waitUntil: "load" });
    // Each says by its width which one it is.
    const widths = await page.evaluate(async () => {
      const images = [...document.images];
      await Promise.all(images.map((image) => image.decode()));
      return images.map((image) => image.naturalWidth);
    });
    assert.deepEqual(widths, Array.from({ length: COUNT }, (_, n) => 16 * (n + 1)));
    const spoken = await page.evaluate(() =>
      performance
        .getEntriesByType("resource")
        .filter((entry) => entry.initiatorType === "img")
        .map((entry) => entry.nextHopProtocol),
    );
    assert.deepEqual(spoken, Array.from({ length: COUNT }, () => version));
  });
  await check(`images revalidated over ${version}`, async () => {
    const statuses = await page.evaluate(() =>
      Promise.all([...document.images].map(async ({ src }) => (await fetch(src, { cache: "no-cache" })).status)),
    );
    assert.deepEqual(statuses, Array.from({ length: COUNT }, () => 200));
  });
  await context.close();
}

await browser.close();
console.log("end");
process.exit(0);
