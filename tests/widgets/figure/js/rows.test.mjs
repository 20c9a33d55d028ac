// The page's pure functions over rows, without a browser: node --test.
// MESSAGES names a file of the kernel's own messages with the figure that each must lead to (see test_rows.py).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const source = readFileSync(new URL("../../../../widgets/figure/js/rows.js", import.meta.url), "utf8");
const { floatsOf, unpack, append } = new Function(`${source}\nreturn { floatsOf, unpack, append };`)();
const floats = (...values) => Float32Array.from(values);
const store = () => ({ data: [{ name: "a", x: floats(0, 1), y: floats(5, 6) }], grow: [["x", "y"]], layout: { a: 1 } });

test("floats are read from a view that starts anywhere", () => {
  const bytes = new Uint8Array(11);
  bytes.set(new Uint8Array(floats(1.5, -2).buffer), 3);
  assert.deepEqual(floatsOf(new DataView(bytes.buffer, 3, 8)), floats(1.5, -2));
  assert.deepEqual(floatsOf(undefined), floats());
});

test("arrays are unpacked at any depth, one and two dimensions, and all else stays", () => {
  const packed = { x: { $f32: [1, 2] }, deep: [{ z: { $f32: [0, 2, 2] } }, null, "text", 7], empty: { $f32: [4, 0] } };
  const { x, deep, empty } = unpack(packed, floats(1, 2, 3, 4));
  assert.deepEqual(x, floats(2, 3));
  assert.deepEqual(deep, [{ z: [floats(1, 2), floats(3, 4)] }, null, "text", 7]);
  assert.equal(empty.length, 0);
});

test("new rows come after the old ones, in new arrays", () => {
  const page = store();
  const [before] = page.data;
  append(page, { rows: 2 }, floats(2, 3, 7, 8));
  assert.deepEqual(page.data[0], { name: "a", x: floats(0, 1, 2, 3), y: floats(5, 6, 7, 8) });
  assert.notEqual(page.data[0], before);
  assert.deepEqual(before.x, floats(0, 1), "what plotly holds is never changed");
});

test("thinning keeps every so many rows from the first that stays", () => {
  const page = { data: [{ x: floats(0, 1, 2, 3, 4, 5, 6) }], grow: [["x"]], layout: {} };
  append(page, { rows: 1, keep: [2, 2] }, floats(7));
  assert.deepEqual(page.data[0].x, floats(2, 4, 6, 7));
});

test("a trace or a part of the layout that is sent whole is replaced, the rest stays", () => {
  const page = { data: [{ x: floats(1) }, { y: [1] }], grow: [["x"], []], layout: { a: 1, shapes: [1] } };
  append(page, { rows: 0, whole: { 1: { y: { $f32: [0, 1] } } }, layout: { shapes: [2] } }, floats(9));
  assert.deepEqual(page.data, [{ x: floats(1) }, { y: floats(9) }]);
  assert.deepEqual(page.layout, { a: 1, shapes: [2] });
});

const plain = (value) => {
  if (value instanceof Float32Array) return Array.from(value);
  if (Array.isArray(value)) return value.map(plain);
  return value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)])) : value;
};

for (const [name, messages] of Object.entries(JSON.parse(readFileSync(process.env.MESSAGES, "utf8")))) {
  test(`the kernel's messages lead to the kernel's figure: ${name}`, () => {
    const page = {};
    for (const { message, numbers, figure } of messages) {
      const sent = Float32Array.from(numbers);
      if (message.type === "draw") Object.assign(page, unpack({ data: message.data, layout: message.layout }, sent), { grow: message.grow });
      else append(page, message, sent);
      assert.deepEqual(plain({ data: page.data, layout: page.layout }), figure);
    }
  });
}
