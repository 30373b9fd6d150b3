// Headless Chromium submits the form on the page of the echo server: several files, one of 50 MiB; with and without the script.

import { createRequire } from "node:module";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";

const { chromium } = createRequire(`${process.env.INTEROP_TOOLS}/`)("playwright-core");
const ARGS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

const folder = mkdtempSync(join(tmpdir(), "upload-"));
const files = Object.entries({ "gr\u00fcn \u{1f980}.txt": Buffer.from("text"), 'a "quoted" name.bin': randomBytes(50 << 20) });
const paths = files.map(([name, bytes]) => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
});
const sums = files.map(([, bytes]) => createHash("sha256").update(bytes).digest("hex"));

const browser = await chromium.launch({ executablePath: process.env.INTEROP_CHROMIUM, args: ARGS.split(" ") });

async function check(name, options, run) {
  const context = await browser.newContext(options);
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    const errors = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(`http://${process.env.INTEROP_ADDR}/`);
    await page.click("summary");
    await page.setInputFiles("#files", paths);
    await page.click("#upload button");
    await run(page);
    assert.deepEqual(errors, []);
    console.log(`ok ${name}`);
  } catch (fact) {
    console.log(`FAILED ${name}: ${fact.message.replace(/\s+/g, " ").slice(0, 300)}`);
  }
  await context.close();
}

// As wide as a telephone: nothing may stick out.
await check("the page's form uploads 50 MiB and shows how far it is", { viewport: { width: 360, height: 640 } }, async (page) => {
  await page.locator("#parts li").nth(1).waitFor();
  const parts = await page.locator("#parts li").allTextContents();
  files.forEach(([name, bytes], at) => {
    for (const fact of [name, `${bytes.length} bytes`, sums[at]]) {
      assert.ok(parts[at].includes(fact), `${parts[at]} lacks ${fact}`);
    }
  });
  assert.match(await page.locator("#result").textContent(), /^uploaded in/);
  assert.equal(await page.locator("#progress").evaluate((bar) => bar.value), 1);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page is wider than its window");
});
await check("the form works without the script", { javaScriptEnabled: false }, async (page) => {
  await page.waitForURL("**/upload");
  const parts = JSON.parse(await page.locator("body").textContent());
  assert.deepEqual(parts.map((part) => part.filename), files.map(([name]) => name));
  assert.deepEqual(parts.map((part) => part.sha256), sums);
});

await browser.close();
rmSync(folder, { recursive: true });
console.log("end");
process.exit(0);
