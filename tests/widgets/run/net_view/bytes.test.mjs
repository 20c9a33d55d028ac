// The pure half of NetView's page, on a message of the kernel: node --test, by test_message.py. SHOT names the file.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const source = readFileSync(new URL("../../../../widgets/run/net_view/bytes.js", import.meta.url), "utf8");
const names = "reader, readHead, readShot, paint, tiling, tileAt, softmax, sigmoid, channelWords, deadWords";
const page = new Function(`${source}\nreturn { ${names} };`)();
const { described, bytes, wanted } = JSON.parse(readFileSync(process.env.SHOT, "utf8"));

test("a message is read as it was written, from a view that starts anywhere", () => {
  const held = new Uint8Array(bytes.length + 3);
  held.set(bytes, 3);
  const shot = page.readShot(described, held.subarray(3));
  assert.equal(shot.step, wanted.step);
  assert.equal(shot.label, wanted.label);
  assert.deepEqual(Array.from(shot.picture), wanted.picture);
  assert.deepEqual(page.readHead(described, page.reader(held.subarray(3))).logits, wanted.logits);
  assert.deepEqual(shot.logits, wanted.logits);
  shot.layers.forEach((layer, i) => {
    assert.equal(layer.scale, wanted.scales[i]);
    assert.deepEqual(Array.from(layer.codes), wanted.codes[i]);
    assert.deepEqual(layer.channels.map((channel) => Object.values(channel)), wanted.numbers[i]);
  });
  assert.equal(page.deadWords(shot.layers[0].channels, described), "✕ 1 of 2 dead");
  assert.match(page.channelWords(described.layers[0], 1, shot.layers[0].channels[1], 1e-3, described), /channel 2 of 2.*dead: /);
});

test("zero is transparent, both ends are full, and no number is grey", () => {
  const rgba = new Uint8ClampedArray(16);
  [128, 255, 1, 0].forEach((code, i) => page.paint(rgba, 4 * i, code));
  assert.deepEqual([rgba[3], rgba[7], rgba[11], rgba[15]], [0, 255, 255, 255]);
  assert.ok(rgba[6] > rgba[4] && rgba[8] > rgba[10] && rgba[12] === rgba[14]);
});

test("a point finds its tile, and nothing beside the last", () => {
  const grid = page.tiling({ count: 10, height: 7, width: 7 }, false);
  assert.deepEqual(grid, { columns: 4, side: 24 });
  assert.equal(page.tileAt(grid, 10, 27, 1), 1);
  assert.equal(page.tileAt(grid, 10, 1, 53), 8);
  assert.equal(page.tileAt(grid, 10, 80, 53), -1);
  assert.equal(page.tileAt(grid, 10, -1, 0), -1);
});

test("softmax adds up to one for any size of logit, sigmoid is its own", () => {
  const soft = page.softmax([1000, 1000]);
  assert.deepEqual(soft, [0.5, 0.5]);
  assert.deepEqual(page.sigmoid([0]), [0.5]);
});
