// The pure half of the pad: node --test, by test_message.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const source = readFileSync(new URL("../../../../widgets/run/net_view/strokes.js", import.meta.url), "utf8");
const pad = new Function(`${source}\nreturn { dab, stroke, keyed, cellWords, newestOnly };`)();
const blank = () => new Uint8Array(784);
const at = (cells, row, column) => cells[row * 28 + column];

test("the brush is soft, stays inside, and rubs out what it drew", () => {
  const cells = blank();
  pad.dab(cells, 10.5, 5.5);
  assert.equal(at(cells, 5, 10), 255);
  assert.equal(at(cells, 5, 11), Math.round(255 * 0.6));
  assert.equal(at(cells, 6, 11), Math.round(255 * (1.6 - Math.SQRT2)));
  assert.equal(at(cells, 5, 12), 0);
  pad.dab(cells, 10.5, 5.5, true);
  assert.ok(at(cells, 5, 10) === 0 && at(cells, 5, 11) <= 255 - 153);
  for (const [x, y] of [[0, 0], [28, 28], [-5, 3], [40, 40]]) pad.dab(cells, x, y);
  assert.equal(cells.length, 784);
  assert.ok(at(cells, 0, 0) > 0 && at(cells, 27, 27) > 0);
});

test("a stroke has no gaps", () => {
  const cells = blank();
  pad.stroke(cells, [3.5, 4.5], [24.5, 4.5]);
  for (let column = 3; column < 25; column++) assert.equal(at(cells, 4, column), 255);
  assert.equal(at(cells, 4, 27), 0);
});

test("keys move inside the grid, paint and erase, and are told in words", () => {
  assert.deepEqual(pad.keyed("ArrowUp", { row: 0, column: 3 }), { cursor: { row: 0, column: 3 } });
  assert.deepEqual(pad.keyed("ArrowRight", { row: 0, column: 3 }), { cursor: { row: 0, column: 4 } });
  assert.equal(pad.keyed(" ", { row: 0, column: 3 }).paint, true);
  assert.equal(pad.keyed("Delete", { row: 0, column: 3 }).rub, true);
  assert.equal(pad.keyed("Tab", { row: 0, column: 3 }), null);
  const cells = blank();
  assert.equal(pad.cellWords(cells, { row: 2, column: 3 }), "row 3, column 4: empty");
  pad.dab(cells, 3.5, 2.5);
  assert.equal(pad.cellWords(cells, { row: 2, column: 3 }), "row 3, column 4: full");
  assert.equal(pad.cellWords(cells, { row: 2, column: 4 }), "row 3, column 5: half");
});

test("of many pictures only the newest is sent, one at a time, also after a lost answer", () => {
  const [sent, due] = [[], []];
  const later = (call, wait) => due.push([wait, call]);
  const run = (wait) => due.splice(0).filter(([when, call]) => (when === wait ? call() : due.push([when, call])));
  const sender = pad.newestOnly((value, number) => sent.push([value, number]), later, 60, 1500);
  for (const value of ["a", "b", "c"]) sender.put(value);
  assert.deepEqual(sent, [["a", 1]]);
  sender.taken(1);
  assert.equal(sent.length, 1, "not sooner than the gap");
  run(60);
  assert.deepEqual(sent, [["a", 1], ["c", 2]]);
  sender.taken(1); // an old answer
  run(60);
  sender.put("d");
  assert.equal(sent.length, 2);
  run(1500); // no answer to the second
  run(60);
  assert.deepEqual(sent.at(-1), ["d", 3]);
});
