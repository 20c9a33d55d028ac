// What a zoomed figure is made of, and when the kernel is asked, without a browser: node --test.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mock, test } from "node:test";

const source = readFileSync(new URL("../../../../widgets/figure/js/zoom.js", import.meta.url), "utf8");
const names = "cutTrace, fits, zoomedFigure, chosenRange, wantRows, answerZoom, spanOf, lacksRows";
const load = (page = {}) => new Function("page", "redraw", `${source}\nreturn { ${names} };`)(page, () => {});
const { cutTrace, fits, zoomedFigure, chosenRange } = load();
const floats = (...values) => Float32Array.from(values);
const line = (xs, ys, more) => ({ mode: "lines", x: floats(...xs), y: floats(...ys), ...more });

test("a trace is cut to the span, its ends included, and stays as it is where nothing is left out", () => {
  const trace = line([0, 4, 8, 12, 16], [1, 2, 3, 4, 5], { name: "a" });
  assert.deepEqual(cutTrace(trace, [4, 12.5]), line([4, 8, 12], [2, 3, 4], { name: "a" }));
  assert.equal(cutTrace(trace, [-1, 20]), trace);
  const words = { x: ["a", "b"], y: [1, 2] };
  assert.equal(cutTrace(words, [0, 1]), words);
});

test("between two points a line is drawn through, a marker is not, and beyond its end a trace keeps its place in the legend", () => {
  const trace = line([0, 4, 8], [1, 2, 3]);
  assert.deepEqual(cutTrace(trace, [5, 7]), line([4, 8], [2, 3]));
  assert.deepEqual(cutTrace(trace, [3, 5]), trace);
  for (const [of, span] of [[trace, [9, 11]], [{ ...trace, mode: "markers" }, [5, 7]]]) {
    const { x, y } = cutTrace(of, span);
    assert.ok(x.length === 1 && Number.isNaN(x[0]) && Number.isNaN(y[0]));
  }
});

test("a heatmap keeps the column on either side, of which a part is seen", () => {
  const heat = { type: "heatmap", x: floats(0, 2, 4, 6, 8), y: [0, 1], z: [floats(1, 2, 3, 4, 5), floats(6, 7, 8, 9, 0)] };
  const cut = cutTrace(heat, [3.5, 4.5]);
  assert.deepEqual([cut.x, cut.y, cut.z], [floats(2, 4, 6), [0, 1], [floats(2, 3, 4), floats(7, 8, 9)]]);
});

test("what to fit y to: numbers that differ, and no picture", () => {
  assert.ok(fits([line([0], [1]), line([0], [2])]));
  assert.ok(!fits([line([0, 1, 2], [1, NaN, 1])]));
  assert.ok(!fits([line([0, 1], [1, 2]), { type: "heatmap", y: [1, 2] }]));
  assert.ok(!fits([]));
});

const axes = { xaxis: { title: { text: "step (every 4th step)" } }, yaxis: { range: [0, 1], rangemode: "tozero", title: "y" } };
const store = () => ({
  data: [line([0, 4, 8], [0.2, 0.4, 0.6]), line([0, 4, 8], [5, 5, 5], { yaxis: "y2" })],
  layout: { uirevision: "run", meta: { zoom: true }, ...axes, yaxis2: { range: [4, 6] } },
  detail: {
    span: [3, 6],
    data: [line([3, 4, 5, 6], [0.3, 0.4, 0.45, 0.5]), line([3, 4, 5, 6], [5, 5, 5, 5], { yaxis: "y2" })],
    layout: { xaxis: { title: { text: "step" } } },
  },
});

test("a zoomed figure has its detail's rows and title, and y axes that fit them", () => {
  const { data, layout } = zoomedFigure(store(), [3, 6], {});
  assert.deepEqual(data[0], line([3, 4, 5, 6], [0.3, 0.4, 0.45, 0.5]));
  assert.deepEqual([layout.xaxis.range, layout.xaxis.title.text], [[3, 6], "step"]);
  assert.ok(layout.yaxis.autorange && !("range" in layout.yaxis) && !("rangemode" in layout.yaxis) && layout.yaxis.title);
  assert.deepEqual(layout.yaxis2, { range: [4, 6] }, "a level line keeps its axis");
  assert.notEqual(layout.yaxis.uirevision, "run", "or plotly would keep the range that it was dragged to");
});

test("of another span it has its own rows until the detail comes, and what the reader chose for y stays", () => {
  const { data, layout } = zoomedFigure(store(), [3, 9], { yaxis: [0.1, 0.9] });
  assert.deepEqual([data[0], layout.xaxis.title.text], [line([4, 8], [0.4, 0.6]), "step (every 4th step)"]);
  assert.deepEqual([layout.yaxis.range, layout.yaxis.autorange], [[0.1, 0.9], false]);
});

test("the range that a change of the page chooses", () => {
  assert.deepEqual(chosenRange({ "xaxis.range[0]": 5, "xaxis.range[1]": 3 }), [3, 5]);
  assert.deepEqual(chosenRange({ "xaxis.range": [1, 2], "yaxis.range[0]": 0 }), [1, 2]);
  assert.equal(chosenRange({ "xaxis.autorange": true }), null);
  assert.equal(chosenRange({ "yaxis.range[0]": 0, "yaxis.range[1]": 1 }), undefined);
});

test("the kernel is asked when the zoom has rested, once at a time, and then for the newest span", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const page = { zoom: { key: "run", span: [3, 6] } };
  const { wantRows, answerZoom } = load(page);
  const sent = [];
  const model = { send: (message) => sent.push(message) };
  const [one, two] = [1, 2].map((number) => ({ ...store(), kernel: "k", number, model }));
  for (const span of [[3, 6], [3, 7], [3, 8]]) {
    page.zoom.span = span;
    wantRows(one);
    wantRows(two);
  }
  assert.equal(sent.length, 0);
  mock.timers.tick(200);
  assert.deepEqual(sent.splice(0), [{ type: "zoom", range: [3, 8], figures: [1, 2] }]);
  for (const high of [9, 10, 11]) {
    page.zoom.span = [3, high];
    wantRows(one);
    mock.timers.tick(200);
  }
  assert.equal(sent.length, 0, "the kernel is busy with the first");
  answerZoom(one);
  assert.deepEqual(sent.splice(0), [{ type: "zoom", range: [3, 11], figures: [1] }]);
  answerZoom(one);
  wantRows(one);
  mock.timers.tick(200);
  assert.equal(sent.length, 0, "it has been asked for that");
  page.zoom = null;
  wantRows(one);
  mock.timers.tick(200);
  assert.deepEqual(sent, [{ type: "zoom", range: null, figures: [1] }]);
});
