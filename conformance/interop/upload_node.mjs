// Node's fetch and FormData, which are undici's, against the echo server.

import { createHash, randomBytes } from "node:crypto";
import assert from "node:assert/strict";

const URL = `http://${process.env.INTEROP_ADDR}/upload`;
const CASES = {
  "texts and several files": [
    ["title", "Sunset"],
    ['na\u00efve "name"', "\u20ac"],
    ["file", new File(["text"], "gr\u00fcn \u{1f980}.txt", { type: "text/plain" })],
    ["file", new File(["\r\n--\r\n"], 'a "quoted"\nname', { type: "image/x" })],
    ["file", new File([], "empty")],
  ],
  "20 MiB": [["file", new File([randomBytes(20 << 20)], "large.bin")]],
  "a form without parts": [],
};

async function described([name, value]) {
  const bytes = Buffer.from(value instanceof File ? await value.arrayBuffer() : value);
  return {
    name,
    filename: value.name ?? null,
    content_type: value instanceof File ? value.type || "application/octet-stream" : "text/plain",
    size: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  };
}

for (const [name, entries] of Object.entries(CASES)) {
  try {
    const body = new FormData();
    for (const [key, value] of entries) body.append(key, value);
    const response = await fetch(URL, { method: "POST", body });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    assert.deepEqual(JSON.parse(text), await Promise.all(entries.map(described)));
    console.log(`ok fetch: ${name}`);
  } catch (fact) {
    console.log(`FAILED fetch: ${name}: ${fact.message.replace(/\s+/g, " ").slice(0, 300)}`);
  }
}
console.log("end");
