"""LiveFigure's page half in a real browser, its kernel half in the test's own process: no server in between."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from widgets.live_figure import LiveFigure

# A model as anywidget hands it to the module; buffers come misaligned, as they may over a websocket.
HARNESS = """
window.outbox = []; window.models = {};
window.show = async (id, esm, css, traits, views) => {
  const style = document.createElement("style");
  style.textContent = css;
  document.head.append(style);
  const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  const widget = (await import(url)).default();
  const handlers = {}, life = new AbortController(), signal = life.signal;
  const model = { get: (name) => traits[name], on: (name, f) => (handlers[name] = f), off: () => {},
                  send: (message) => outbox.push([id, message]) };
  models[id] = { handlers, traits, life };
  await widget.initialize({ model, signal });
  for (let i = 0; i < views; i++) {
    const el = document.createElement("div");
    el.id = `${id}-${i}`;
    document.body.append(el);
    const clean = await widget.render({ model, el, signal });
    signal.addEventListener("abort", clean);
  }
};
window.deliver = (id, content, base64) => {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const shifted = new Uint8Array(bytes.length + 1);
  shifted.set(bytes, 1);
  models[id].handlers["msg:custom"](content, bytes.length ? [new DataView(shifted.buffer, 1)] : []);
};
// What Plotly holds, float by float: null for what is not a number, since JSON has no nan.
window.held = (selector) => {
  const plain = (v) => ArrayBuffer.isView(v) ? Array.from(v, (x) => Number.isNaN(x) ? "nan" : x === Infinity ? "inf" : x)
    : Array.isArray(v) ? v.map(plain) : v;
  const div = document.querySelector(selector + " .live-figure");
  return div.data.map((t) => ({ x: plain(t.x), y: plain(t.y), z: plain(t.z) }));
};
window.drawn = (selector, seq) => document.querySelector(selector + " .live-figure").dataset.seq === String(seq);
"""


def as_json(array: Any) -> Any:
    """A kernel's array as ``held`` gives the page's."""
    if isinstance(array, np.ndarray) and array.ndim == 2:
        return [as_json(row) for row in array]
    if isinstance(array, np.ndarray):
        return ["nan" if np.isnan(v) else "inf" if v == np.inf else float(v) for v in array]
    return array


class Desk:
    """A page with figures on it, and the wire between each and its kernel half, which a test moves by hand."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.figures: dict[str, LiveFigure] = {}
        self.wire: list[tuple[str, dict[str, Any], bytes]] = []
        self.delivered: list[tuple[str, dict[str, Any], int]] = []
        self.open()

    def open(self, style: str = "") -> None:
        self.page.goto("about:blank")
        self.page.set_content(f"<!doctype html><html><head><style>{style}</style></head><body></body></html>")
        self.page.evaluate("() => {" + HARNESS + "}")

    def show(self, figure: LiveFigure, name: str = "one", views: int = 1) -> LiveFigure:
        def send(content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
            self.wire.append((name, json.loads(json.dumps(content, allow_nan=False)), (buffers or [b""])[0]))

        figure.send = send  # type: ignore[method-assign]
        self.figures[name] = figure
        traits = {"label": figure.label, "height": figure.height}
        self.page.evaluate("(a) => show(...a)", [name, figure._esm, figure._css, traits, views])
        self.settle()
        return figure

    def settle(self) -> None:
        """Carry messages both ways until there are none."""
        while True:
            for name, message in self.page.evaluate("outbox.splice(0)"):
                self.figures[name]._handle_custom_msg(message, [])
            if not self.wire:
                return
            for name, content, data in self.wire:
                self.delivered.append((name, content, len(data)))
                self.page.evaluate("(a) => deliver(...a)", [name, content, base64.b64encode(data).decode()])
            self.wire.clear()

    def flush(self, figure: LiveFigure) -> None:
        figure.flush()
        self.settle()

    def check(self, name: str = "one", view: int = 0) -> list[dict[str, Any]]:
        """That the page, once drawn, holds number by number what the kernel does; returns it."""
        figure, selector = self.figures[name], f"#{name}-{view}"
        self.page.wait_for_function("(a) => drawn(...a)", arg=[selector, figure._seq])
        held = self.page.evaluate("(s) => held(s)", selector)
        want = [{key: as_json(trace.get(key)) for key in "xyz"} for trace in figure.figure["data"]]
        assert held == want
        return want


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        options = "--disable-gpu --disable-quic --no-first-run --disable-background-networking"
        args = ["--no-sandbox", *options.split(), "--disable-component-update", "--disable-sync"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=args)
        yield browser
        browser.close()


@pytest.fixture
def desk(chromium: Browser) -> Iterator[Desk]:
    page = chromium.new_page(viewport={"width": 1000, "height": 1400})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield Desk(page)
    page.close()
    assert errors == []


def lines(steps: Any, **layout: Any) -> dict[str, Any]:
    """Two lines over steps, and validation points."""
    steps = np.asarray(steps)
    traces = [{"type": "scatter", "mode": "lines", "name": f"L{i}", "x": steps, "y": np.sin(steps + i)} for i in (0, 1)]
    marks = {"type": "scatter", "mode": "markers", "name": "valid", "x": steps[-1:], "y": [0.5] * len(steps[-1:])}
    traces.append({**marks, "meta": {"whole": True}})
    return {"data": traces, "layout": {"xaxis": {"title": {"text": "step"}}, **layout}}


def test_appends_thinning_and_gaps_reach_the_page_number_by_number(desk: Desk) -> None:
    figure = desk.show(LiveFigure(lines([]), max_points=50))
    desk.check()
    figure.append(np.arange(7, 27), lines(np.arange(7, 27)))
    desk.flush(figure)
    desk.check()
    whole = lines(np.arange(27, 60))
    whole["data"][0]["y"][3:5] = [np.nan, np.inf]
    figure.append(np.arange(27, 60), whole)
    desk.flush(figure)
    held = desk.check()
    assert figure.stride == 2 and "nan" in held[0]["y"]
    assert [kind["type"] for _, kind, _ in desk.delivered if kind["type"] != "library"] == ["draw", "append", "append"]
    assert desk.page.locator(".xtitle").text_content() == "step (every 2nd step)"
