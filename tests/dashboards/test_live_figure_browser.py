"""LiveFigure's page half in a real browser, its kernel half in the test's own process: no server in between.

Only the last test has a real kernel and the real way between the two.
"""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from tests.dashboards.reading import comes_to
from widgets.figure.live_figure import FigureScript, LiveFigure
from widgets.figure.message_batch import one_message
from widgets.figure.requests import Drag

# A model as anywidget hands it to the module; buffers come misaligned, as they may over a websocket.
HARNESS = """
window.outbox = []; window.models = {}; window.lost = false; window.refused = 0;
window.bring = (esm) => import(URL.createObjectURL(new Blob([esm], { type: "text/javascript" })));
window.show = async (id, esm, css, traits, views) => {
  const style = document.createElement("style");
  style.textContent = css;
  document.head.append(style);
  const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  const widget = await (await import(url)).default();
  const handlers = {}, cleanups = [];
  const send = (message) => {
    if (lost) { refused++; throw new Error("Cannot send"); }
    outbox.push([id, message]);
  };
  const model = { get: (name) => traits[name], on: (name, f) => (handlers[name] = f), off: () => {}, send };
  models[id] = { handlers, leave: () => cleanups.shift()(), close: () => cleanups.forEach((clean) => clean()) };
  cleanups.push(await widget.initialize({ model }));
  for (let i = 0; i < views; i++) {
    const el = document.createElement("div");
    el.id = `${id}-${i}`;
    document.body.append(el);
    cleanups.unshift(await widget.render({ model, el }));
  }
};
window.deliver = (id, content, base64) => {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const shifted = new Uint8Array(bytes.length + 1);
  shifted.set(bytes, 1);
  models[id].handlers["msg:custom"](content, bytes.length ? [new DataView(shifted.buffer, 1)] : []);
};
// What Plotly holds, float by float.
window.held = (selector) => {
  const number = (x) => (Number.isNaN(x) ? "nan" : x === Infinity ? "inf" : x);
  const plain = (v) => ArrayBuffer.isView(v) ? Array.from(v, number) : Array.isArray(v) ? v.map(plain) : v;
  const div = document.querySelector(selector + " .live-figure");
  return div.data.map((t) => ({ x: plain(t.x), y: plain(t.y), z: plain(t.z) }));
};
window.drawn = (selector, seq) => document.querySelector(selector + " .live-figure").dataset.seq === String(seq);
"""


# The line above a figure, with its buttons (CSS pixels).
BAR = 26


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
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.open()

    def open(self) -> None:
        """Load the page, or load it again."""
        self.page.goto("about:blank")
        self.page.set_content("<!doctype html><html><head></head><body></body></html>")
        self.page.evaluate("() => {" + HARNESS + "}")
        self.page.evaluate("(esm) => bring(esm)", FigureScript._esm)

    def clear(self) -> None:
        """Close every figure, as a notebook does; the page stays, and plotly's script on it."""
        self.page.evaluate("() => { lost = false; Object.values(models).forEach((model) => model.close()) }")
        self.page.evaluate("() => { document.body.innerHTML = document.body.style = '' }")
        self.page.evaluate("() => document.querySelectorAll('style:not([id^=plotly])').forEach((el) => el.remove())")
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size({"width": 1000, "height": 1400})
        self.settle()
        self.figures, self.delivered = {}, []

    def show(self, figure: LiveFigure, name: str = "one", views: int = 1, settle: bool = True) -> LiveFigure:
        def send(content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
            self.wire.append((name, json.loads(json.dumps(content, allow_nan=False)), (buffers or [b""])[0]))

        figure.send = send  # type: ignore[method-assign]
        self.figures[name] = figure
        traits = {"label": figure.label, "height": figure.height}
        self.page.evaluate("(a) => show(...a)", [name, figure._esm, FigureScript._css, traits, views])
        if settle:
            self.settle()
            if figure.ready:
                self.settle_sight(name)
        return figure

    def settle_sight(self, *names: str) -> None:
        """Wait until the kernel has been told whether the page has these figures in sight."""
        while not all(self.figures[name]._pages for name in names):
            self.page.wait_for_function("outbox.length > 0")
            self.settle()

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


def new_page(browser: Browser) -> Page:
    page = browser.new_page(viewport={"width": 1000, "height": 1400})
    page.set_default_timeout(15_000)
    return page


@pytest.fixture
def fresh(browser: Browser) -> Iterator[Desk]:
    """A page just loaded."""
    desk = Desk(new_page(browser))
    yield desk
    desk.page.close()
    assert desk.errors == []


@pytest.fixture(scope="module")
def shared_desk(browser: Browser) -> Desk:
    return Desk(new_page(browser))


@pytest.fixture
def desk(shared_desk: Desk) -> Iterator[Desk]:
    """A page that plotly's script is on since an earlier test."""
    yield shared_desk
    shared_desk.clear()
    assert shared_desk.errors == []


def lines(steps: Any, **layout: Any) -> dict[str, Any]:
    """Two lines over steps, and validation points."""
    steps = np.asarray(steps)
    traces = [{"type": "scatter", "mode": "lines", "name": f"L{i}", "x": steps, "y": np.sin(steps + i)} for i in (0, 1)]
    marks = {"type": "scatter", "mode": "markers", "name": "valid", "x": steps[-1:], "y": [0.5] * len(steps[-1:])}
    traces.append({**marks, "meta": {"whole": True}})
    return {"data": traces, "layout": {"xaxis": {"title": {"text": "step"}}, **layout}}


def picture(steps: Any) -> dict[str, Any]:
    steps = np.asarray(steps)
    trace = {"type": "heatmap", "x": steps, "y": np.arange(5), "z": np.sin(steps + np.arange(5)[:, None])}
    return {"data": [trace], "layout": {"xaxis": {"title": {"text": "step"}}}}


def bars(seed: int) -> dict[str, Any]:
    y = np.random.default_rng(seed).random(10)
    return {"data": [{"type": "bar", "x": [f"digit {i}" for i in range(10)], "y": y}], "layout": {"height": 200}}


@pytest.mark.parametrize("way", [nullcontext, one_message], ids=["one by one", "together"])
def test_one_answer_is_for_all_figures_of_the_page(desk: Desk, way: Callable[[], Any]) -> None:
    figures = [desk.show(LiveFigure(lines([])), name, settle=False) for name in ("one", "two", "three")]
    desk.settle()
    desk.settle_sight(*desk.figures)
    heard: list[dict[str, Any]] = []
    for figure in figures:
        hear = figure._handle_custom_msg
        figure._handle_custom_msg = lambda message, buffers, hear=hear: (heard.append(message), hear(message, buffers))
    sent = len(desk.delivered)
    for step in range(12):
        with way():
            for figure in figures:
                figure.append(np.array([step]), lines([step]))
                figure.flush()
                assert not figure.waiting
        desk.settle()
    assert len(desk.delivered) - sent == (12 if way is one_message else 36)
    assert len(heard) <= (6 if way is one_message else 12)
    assert {message["type"] for message in heard} == {"ack"}
    for name, figure in desk.figures.items():
        assert figure._answered >= figure._seq - 1
        desk.check(name)


def test_appends_thinning_and_gaps_reach_the_page_number_by_number(desk: Desk) -> None:
    figure = desk.show(LiveFigure(lines([]), max_points=50))
    desk.check()
    figure.append(np.arange(7, 27), lines(np.arange(7, 27)))
    desk.flush(figure)
    desk.check()
    more = lines(np.arange(27, 60))
    more["data"][0]["y"][3:5] = [np.nan, np.inf]
    figure.append(np.arange(27, 60), more)
    desk.flush(figure)
    held = desk.check()
    assert figure.stride == 2 and "nan" in held[0]["y"]
    figure.append(np.arange(60, 300), lines(np.arange(60, 300)))
    desk.flush(figure)
    held = desk.check()
    assert figure.stride == 8 and held[0]["x"] == list(range(8, 300, 8))
    kinds = [message["type"] for _, message, _ in desk.delivered if message["type"] != "library"]
    assert kinds == ["draw", "append", "append", "append"]
    assert desk.page.locator(".xtitle").text_content() == "step (every 8th step)"


def test_rows_with_gaps_are_thinned_from_the_first_that_stays(desk: Desk) -> None:
    figure = desk.show(LiveFigure(lines([]), max_points=4))
    for steps in ([1, 3, 4, 6], [8]):
        figure.append(np.array(steps), lines(steps))
        desk.flush(figure)
    assert desk.delivered[-1][1]["keep"] == [2, 1] and desk.check()[0]["x"] == [4, 6, 8]


def test_a_picture_gains_columns_and_bars_are_redrawn(desk: Desk) -> None:
    heat, bar = desk.show(LiveFigure(picture([]), max_points=30), "heat"), desk.show(LiveFigure(bars(0)), "bars")
    for start in range(0, 120, 24):
        heat.append(np.arange(start, start + 24), picture(np.arange(start, start + 24)))
        bar.draw(bars(start))
        desk.flush(heat)
        desk.flush(bar)
    held = desk.check("heat")
    assert [len(row) for row in held[0]["z"]] == [30] * 5 and heat.stride == 4
    desk.check("bars")
    assert desk.page.locator("#bars-0").bounding_box()["height"] == 200 + BAR  # type: ignore[index]


def test_a_reload_and_a_lost_message_leave_no_gap_and_no_double(fresh: Desk) -> None:
    figure = fresh.show(LiveFigure(lines([]), max_points=40))
    for start in range(0, 100, 10):
        figure.append(np.arange(start, start + 10), lines(np.arange(start, start + 10)))
        figure.flush()
        if start == 30:
            fresh.wire.pop()  # lost; the next one shows it
        if start == 60:
            fresh.open()  # reloaded while a message is on its way
            fresh.show(figure)
        fresh.settle()
        if start != 30:
            fresh.check()
    assert fresh.check()[0]["x"] == list(range(0, 100, 4))
    figure.append(np.arange(100, 104), lines(np.arange(100, 104)))
    figure.flush()
    fresh.wire.clear()  # lost, and no other comes
    figure.ping()
    fresh.settle()
    assert fresh.check()[0]["x"] == list(range(0, 104, 4))


def test_two_views_of_one_model_show_the_same(desk: Desk) -> None:
    figure = desk.show(LiveFigure(lines(range(5)), label="Loss"), views=2)
    figure.append(np.arange(5, 9), lines(np.arange(5, 9)))
    desk.flush(figure)
    assert desk.check(view=0) == desk.check(view=1)
    hidden = "[...document.querySelectorAll('.live-figure')].map((div) => div._fullData[0].visible)"
    desk.page.locator(".legendtoggle").first.click()
    desk.page.wait_for_function(f"{hidden}[0] === 'legendonly'")
    figure.append(np.array([9]), lines([9]))
    desk.flush(figure)
    assert desk.check(view=0) == desk.check(view=1)
    assert desk.page.evaluate(hidden) == ["legendonly", True]
    assert desk.page.get_by_role("figure", name="Loss").count() == 2


def test_four_figures_take_plotlys_script_once(fresh: Desk) -> None:
    for name in ("a", "b", "c"):
        fresh.show(LiveFigure(lines(range(4))), name, settle=False)
    fresh.show(LiveFigure(picture(range(4))), "d")
    for name in "abcd":
        fresh.check(name)
    scripts = [size for _, message, size in fresh.delivered if message["type"] == "library"]
    assert len(scripts) == 1 and sum(size for _, _, size in fresh.delivered) < 1_600_000


def test_the_next_figure_asks_for_the_script_if_the_first_is_closed_before_it_comes(fresh: Desk) -> None:
    deaf = LiveFigure(lines(range(4)))
    deaf.on_msg(deaf._hear, remove=True)
    fresh.show(deaf, "deaf")
    fresh.show(LiveFigure(lines(range(4))), "b")
    assert fresh.page.locator("#b-0 .live-figure-note").text_content() == "Loading the figure …"
    fresh.page.evaluate("() => models.deaf.close()")
    fresh.settle()
    fresh.check("b")


def colours(page: Page) -> list[str]:
    """Effective colours of the title's text and of a grid line."""
    return page.evaluate(
        """() => [getComputedStyle(document.querySelector(".xtitle")).fill,
                  getComputedStyle(document.querySelector(".crisp.ygrid")).stroke]"""
    )


@pytest.mark.parametrize(
    "darken",
    [
        "document.body.style = 'background: #111; color: #eee'",
        "document.documentElement.dataset.theme = 'dark'",
        "document.head.insertAdjacentHTML('beforeend', '<style id=dark>body {background: #111; color: #eee}</style>')",
        "document.body.style = 'background: #111; color: #222; --jp-content-font-color1: #eee'",
    ],
)
def test_colours_follow_the_page_from_light_to_dark_and_back(desk: Desk, darken: str) -> None:
    desk.page.add_style_tag(content="body { color: #222 } [data-theme=dark] body { background: #111; color: #eee }")
    desk.show(LiveFigure(lines(range(9))))
    desk.check()
    page = desk.page
    title = "document.querySelector('.xtitle')"
    page.wait_for_function(f"getComputedStyle({title}).fill === 'rgb(34, 34, 34)'")
    light = colours(page)
    page.evaluate("() => { " + darken + " }")
    page.wait_for_function(f"getComputedStyle({title}).fill === 'rgb(238, 238, 238)'")
    assert colours(page)[1] != light[1]
    lighten = (
        "document.body.style = document.documentElement.dataset.theme = ''; document.getElementById('dark')?.remove()"
    )
    page.evaluate("() => { " + lighten + " }")
    page.wait_for_function(f"getComputedStyle({title}).fill === 'rgb(34, 34, 34)'")
    assert colours(page) == light


def test_colours_follow_the_browsers_setting_and_stay_legible(desk: Desk) -> None:
    desk.page.add_style_tag(content=":root { color-scheme: light dark }")
    desk.show(LiveFigure(lines(range(9))))
    desk.check()
    fill = "getComputedStyle(document.querySelector('.xtitle')).fill"
    for scheme, text in (("dark", "rgb(255, 255, 255)"), ("light", "rgb(0, 0, 0)")):
        desk.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        desk.page.wait_for_function(f"{fill} === '{text}'")
    desk.page.evaluate("() => { document.body.style = 'background: #000; color: #111' }")  # a page gone wrong
    desk.page.wait_for_function(f"{fill} === 'rgb(225, 225, 225)'")


def test_a_figure_fits_a_phone_and_follows_the_width(desk: Desk) -> None:
    desk.show(LiveFigure(lines(range(9))))
    desk.check()
    desk.page.set_viewport_size({"width": 400, "height": 800})
    desk.page.wait_for_function("document.querySelector('.main-svg').clientWidth < 400")
    assert desk.page.evaluate("document.documentElement.scrollWidth") == 400
    plot, legend = desk.page.locator(".nsewdrag").bounding_box(), desk.page.locator(".legend").bounding_box()
    assert plot and legend and plot["width"] > 280 and legend["x"] + legend["width"] <= 400
    assert desk.page.locator("#one-0").bounding_box()["height"] == 300 + BAR  # type: ignore[index]


def test_what_is_out_of_sight_is_drawn_when_it_comes_into_sight(desk: Desk) -> None:
    near = desk.show(LiveFigure(lines(range(3))), "near")
    figure = desk.show(LiveFigure(lines([])), "far")
    desk.check("far")
    desk.check("near")
    first = figure._seq
    desk.page.evaluate("() => { document.getElementById('far-0').style.marginTop = '5000px' }")
    desk.page.wait_for_function("document.getElementById('far-0').getBoundingClientRect().top > 4000")
    desk.page.evaluate(
        "() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(r))))"
    )
    figure.append(np.arange(5), lines(range(5)))
    desk.flush(figure)
    near.append(np.arange(3, 5), lines([3, 4]))
    desk.flush(near)
    desk.page.evaluate("() => scrollTo(0, 0)")
    desk.check("near")  # which had to wait for its turn after the other
    assert desk.page.evaluate("(s) => drawn('#far-0', s)", first)
    desk.page.evaluate("() => document.getElementById('far-0').scrollIntoView()")
    desk.check("far")


def test_the_kernel_is_told_what_is_in_sight(desk: Desk) -> None:
    near, far, folded = (desk.show(LiveFigure(lines(range(3))), name) for name in ("near", "far", "folded"))

    def told(change: str, *seen: bool) -> None:
        """After ``change`` to the page, one message tells of all figures."""
        desk.page.evaluate("() => {" + change + "}")
        desk.page.wait_for_function("outbox.length > 0")
        messages = desk.page.evaluate("outbox")
        assert [message["type"] for _, message in messages] == ["seen"]
        desk.settle()
        assert (near.seen, far.seen, folded.seen) == seen

    assert near.seen and far.seen and folded.seen
    told(
        "document.getElementById('folded-0').style.display = 'none';"
        "document.getElementById('far-0').style.marginTop = '5000px'", True, False, False,
    )  # fmt: skip
    told("document.getElementById('far-0').scrollIntoView()", False, True, False)
    told("document.getElementById('folded-0').style.display = ''", False, True, True)
    hide = "Object.defineProperty(document, 'hidden', { value: %s, configurable: true });"
    turned = "document.dispatchEvent(new Event('visibilitychange'))"
    told(hide % "true" + turned, False, False, False)
    told(hide % "false" + turned, False, True, True)
    told("models.far.leave()", False, False, True)
    # What is lost on the way is told again with the rest.
    folded._pages.clear()
    folded.append(np.array([3]), lines([3]))
    folded.flush()
    desk.wire.clear()
    folded.ping()
    desk.settle()
    desk.settle_sight("folded")
    assert folded.seen and list(folded._pages.values()) == [True]
    # A page that is left is out of sight; it may have lost its kernel by then, which is no error.
    told("dispatchEvent(new Event('pagehide'))", False, False, False)
    desk.page.evaluate("() => { lost = true; document.getElementById('near-0').scrollIntoView() }")
    desk.page.wait_for_function("refused > 0")
    assert not desk.errors


def test_zoom_and_hidden_traces_stay_while_points_come(desk: Desk) -> None:
    figure = desk.show(LiveFigure(lines(range(9))))
    desk.check()
    box = desk.page.locator(".nsewdrag").first.bounding_box()
    assert box
    desk.page.mouse.move(box["x"] + 100, box["y"] + 60)
    desk.page.mouse.down()
    desk.page.mouse.move(box["x"] + 200, box["y"] + 110, steps=4)
    figure.append(np.arange(9, 20), lines(np.arange(9, 20)))
    desk.flush(figure)
    desk.show(LiveFigure(lines(range(3))), "other")
    desk.check("other")  # its turn comes after the dragged one's, which waits
    desk.page.mouse.move(box["x"] + 300, box["y"] + 160, steps=4)
    desk.page.mouse.up()
    desk.page.wait_for_function("document.querySelector('.live-figure').layout.xaxis.range?.[0] > 0")
    desk.check()
    before = desk.page.evaluate("document.querySelector('.live-figure')._fullLayout.xaxis.range")
    desk.page.locator(".legendtoggle").nth(1).click()
    desk.page.wait_for_function("document.querySelector('.live-figure').data[1].visible === 'legendonly'")
    figure.append(np.arange(20, 30), lines(np.arange(20, 30)))
    desk.flush(figure)
    desk.check()
    assert desk.page.evaluate("document.querySelector('.live-figure')._fullLayout.xaxis.range") == before
    assert desk.page.evaluate("document.querySelector('.live-figure').data[1].visible") == "legendonly"
    # Zoomed in again and again it ends before floats do, where plotly has no tick to draw, and shows all once more.
    around = ["document.querySelector('.live-figure')._fullLayout.xaxis.range.join()"]
    for _ in range(12):
        now = desk.page.evaluate(around[0])
        desk.page.mouse.move(box["x"] + 100, box["y"] + 60)
        desk.page.mouse.down()
        desk.page.mouse.move(box["x"] + 120, box["y"] + 62, steps=2)
        desk.page.mouse.up()
        desk.page.wait_for_function(f"{around[0]} !== '{now}'")
        around.append(now)
    assert before in [[float(end) for end in text.split(",")] for text in around[1:]], "the first zoom is among them"
    spans = [float(text.split(",")[1]) - float(text.split(",")[0]) for text in around[1:]]
    assert max(spans[1:]) > spans[0], f"it has shown all again: {spans}"


def spike(steps: Any) -> dict[str, Any]:
    """A chart over a run: a wave of every step with a spike at 600, below it a level line, and a picture's axis."""
    steps = np.asarray(steps)
    y = np.where(steps == 600, 50, 3 + np.sin(steps))
    traces = [{"type": "scatter", "mode": "lines", "name": "wave", "x": steps, "y": y}]
    traces.append({**traces[0], "name": "level", "y": np.full(len(steps), 0.4), "yaxis": "y2"})
    axes = {
        "yaxis": {"domain": [0.5, 1], "rangemode": "tozero"},
        "yaxis2": {"domain": [0, 0.4], "range": [0, 1]},
    }
    layout = {"uirevision": "run", "meta": {"zoom": True, "robust": True}, "xaxis": {"title": {"text": "step"}}, **axes}
    return {"data": traces, "layout": layout}


ZOOMED = """(selector) => {
  const div = document.querySelector(selector + " .live-figure");
  const { xaxis, yaxis, yaxis2 } = div._fullLayout;
  const { x, y } = div.data[0];
  return { x: Array.from(x), y: Array.from(y), title: xaxis.title.text, range: xaxis.range, auto: xaxis.autorange,
           fitted: yaxis.range, own: yaxis.autorange, level: yaxis2.range };
}"""


class Zoomed:
    """Two charts of a run of 1,000 steps, each thinned to 125, whose kernel answers a zoom by the span's rows."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.asked = desk, list[Any]()
        self.figures = [LiveFigure(spike([]), max_points=125) for _ in range(2)]
        self.steps = 1000
        for name, figure in zip(("one", "two"), self.figures, strict=True):
            figure.append(np.arange(1000), spike(np.arange(1000)))
            figure.on_zoom(lambda span, figure=figure: self.answer(figure, span))
            desk.show(figure, name)
            desk.check(name)

    def answer(self, figure: LiveFigure, span: Any) -> None:
        self.asked.append(span)
        steps = np.arange(np.ceil(span[0]), min(span[1], self.steps - 1) + 1).astype(int)
        figure.draw_detail(span, spike(steps), steps)

    def drag(self, low: float, high: float, down: float = 0) -> None:
        """From one place of x to another, as shown on the page, and so many pixels down."""
        page = self.desk.page
        box, range = page.locator("#one-0 .nsewdrag").first.bounding_box(), self.read()["range"]
        assert box
        at = [box["x"] + box["width"] * (x - range[0]) / (range[1] - range[0]) for x in (low, high)]
        page.mouse.move(at[0], box["y"] + 20)
        page.mouse.down()
        page.mouse.move(at[1], box["y"] + 22 + down, steps=4)
        page.mouse.up()

    def read(self, name: str = "one") -> dict[str, Any]:
        found: dict[str, Any] = self.desk.page.evaluate(ZOOMED, f"#{name}-0")
        return found

    def inside(self) -> range:
        """The steps of the span that was asked for last."""
        low, high = self.asked[-1]
        return range(int(np.ceil(low)), int(high) + 1)

    def wait_for_answer(self) -> dict[str, Any]:
        """Wait until the page asks for a span's rows, and shows them."""
        self.desk.page.wait_for_function("outbox.some(([, message]) => message.type === 'zoom')")
        self.desk.settle()
        return self.wait(self.inside())

    def wait(self, steps: Any, name: str = "one") -> dict[str, Any]:
        """Carry messages until the page shows these steps, with their numbers; returns what it shows."""

        def shown() -> Any:
            self.desk.settle()
            return self.read(name)["x"]

        comes_to(self.desk.page, shown, list(steps))
        found = self.read(name)
        assert found["y"] == [float(y) for y in spike(steps)["data"][0]["y"].astype(np.float32)]
        return found


def test_a_zoom_brings_each_step_of_the_span_and_fits_y_until_it_is_reset(desk: Desk) -> None:
    zoom = Zoomed(desk)
    before = zoom.read()
    assert before["title"] == "step (every 8th step)" and len(before["x"]) == 125 and before["fitted"][1] > 50
    zoom.drag(610.2, 660.8)
    zoom.wait_for_answer()
    low, high = zoom.asked[0]
    assert zoom.asked == [(low, high)] * 2 and 605 < low < 615 and 655 < high < 665, "of both charts in one go"
    inside = zoom.inside()
    for name in ("one", "two"):
        shown = zoom.wait(inside, name)
        assert 1 < shown["fitted"][0] < 2.1 and 3.9 < shown["fitted"][1] < 5 and shown["title"] == "step"
        assert shown["range"] == [low, high] and shown["level"] == [0, 1], "a level line keeps its axis"

    # What comes beyond the span costs nothing but the chart's own rows; the zoom stays.
    sent = len(desk.delivered)
    for figure in zoom.figures:
        figure.append(np.arange(1000, 1010), spike(np.arange(1000, 1010)))
        desk.flush(figure)
    assert [message["type"] for _, message, _ in desk.delivered[sent:]] == ["append"] * 2
    desk.page.wait_for_function("(a) => drawn(...a)", arg=["#one-0", zoom.figures[0]._seq])
    assert zoom.wait(inside)["range"] == [low, high]
    # A chart that is sent anew asks again.
    zoom.figures[0].draw(spike(np.arange(1000)), np.arange(1000))
    desk.flush(zoom.figures[0])
    assert zoom.wait_for_answer()["title"] == "step" and len(zoom.asked) == 3

    desk.page.locator("#one-0 .nsewdrag").first.dblclick()
    whole = range(0, 1000, 8)
    shown = zoom.wait(whole)
    assert shown["title"] == before["title"] and shown["fitted"] == before["fitted"] and shown["auto"] and shown["own"]
    assert zoom.wait(range(0, 1010, 16), "two")["auto"], "with what has come meanwhile"
    desk.page.wait_for_function("outbox.some(([, message]) => message.type === 'zoom')")
    desk.settle()
    assert [figure.detail for figure in zoom.figures] == [None, None]


def test_what_a_reader_chooses_for_y_stays_and_a_button_or_a_pan_fits_it(desk: Desk) -> None:
    zoom = Zoomed(desk)
    zoom.drag(550.5, 650.5, down=60)  # a box
    chosen = zoom.wait_for_answer()
    assert not chosen["own"] and chosen["fitted"][0] > 10
    zoom.figures[0].append(np.array([1000]), spike([1000]))
    desk.flush(zoom.figures[0])
    desk.page.wait_for_function("(a) => drawn(...a)", arg=["#one-0", zoom.figures[0]._seq])
    assert zoom.read()["fitted"] == chosen["fitted"]
    desk.page.locator("#one-0").hover()
    desk.page.locator('#one-0 [data-attr="zoom"][data-val="in"]').click()
    shown = zoom.wait_for_answer()
    assert shown["own"] and shown["fitted"][1] > 50 and shown["fitted"][0] < 2.1, "the spike is in the span"
    desk.page.locator('#one-0 [data-val="pan"]').click()
    zoom.drag(610, 575, down=40)  # to where the spike is not
    shown = zoom.wait_for_answer()
    assert shown["own"] and shown["fitted"][1] < 5


def test_no_button_sends_data_away(desk: Desk) -> None:
    desk.show(LiveFigure(lines(range(9))))
    desk.check()
    titles = desk.page.evaluate("[...document.querySelectorAll('.modebar-btn')].map((b) => b.dataset.title)")
    assert titles == ["Zoom", "Pan", "Zoom in", "Zoom out", "Reset axes"]
    assert not [title for title in titles if "Share" in title or "loud" in title or "Plotly" in title]


def test_its_buttons_lie_above_the_title_and_are_one_stop_of_the_tab_key(desk: Desk) -> None:
    titled = lines(range(9))
    titled["layout"]["title"] = {"text": "A title that is as long as any that a chart of the lab has", "x": 0}
    desk.show(LiveFigure(titled))
    desk.check()
    desk.page.set_viewport_size({"width": 400, "height": 800})
    desk.page.wait_for_function("document.querySelector('.main-svg').clientWidth < 400")
    desk.page.locator(".nsewdrag").hover()
    buttons, title = desk.page.locator(".modebar").bounding_box(), desk.page.locator(".gtitle").bounding_box()
    assert buttons and title and buttons["y"] + buttons["height"] <= title["y"]
    assert buttons["y"] >= 0 and buttons["x"] + buttons["width"] <= 400
    stops = "[...document.querySelectorAll('.modebar-btn')].filter((b) => b.tabIndex === 0).map((b) => b.dataset.title)"
    assert desk.page.evaluate(stops) == ["Zoom"]
    desk.page.locator(".modebar-btn").first.focus()
    desk.page.keyboard.press("ArrowRight")
    desk.page.keyboard.press("ArrowRight")
    assert desk.page.evaluate("document.activeElement.dataset.title") == "Zoom in"
    assert desk.page.evaluate(stops) == ["Zoom in"]
    before = desk.page.evaluate("document.querySelector('.live-figure')._fullLayout.xaxis.range")
    desk.page.keyboard.press("Enter")
    inside = "(old) => document.querySelector('.live-figure')._fullLayout.xaxis.range[0] > old[0]"
    desk.page.wait_for_function(inside, arg=before)


@pytest.mark.parametrize("fault", ["delete globalThis.DecompressionStream", "broken"])
def test_a_failure_is_said_in_place_of_the_figure(browser: Browser, fault: str) -> None:
    page = new_page(browser)
    desk = Desk(page)
    if fault == "broken":
        desk.show(LiveFigure(lines(range(9))))
        desk.check()
        content = {
            "type": "append",
            "rows": 1,
            "seq": desk.figures["one"]._seq + 1,
            "whole": {"0": 5},
            "layout": {"$f32": 3},
        }
        page.evaluate("(a) => deliver(...a)", ["one", content, ""])
    else:
        page.evaluate("() => { " + fault + " }")
        desk.show(LiveFigure(lines(range(9))))
    page.wait_for_function("document.querySelector('.live-figure-note').textContent.includes('cannot be drawn')")
    assert desk.errors and page.locator(".live-figure-note").is_visible()
    if fault == "broken":
        figure = desk.figures["one"]
        figure.draw(lines(range(4)))
        figure._answered = figure._seq = figure._seq + 2
        desk.flush(figure)
        desk.check()
        page.wait_for_function("document.querySelector('.live-figure-note').textContent === ''")
    page.close()


class Dots:
    """Four points that can be dragged, two of them along x only, and where they were asked to go."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.x, self.y = np.array([1.0, 2, 4, 8]), np.array([1.0, 3, 2, 4])
        self.asked: list[Drag] = []
        self.active = LiveFigure(self.figure())
        self.active.on_drag(self.move)
        desk.show(self.active)
        desk.check()

    def figure(self) -> dict[str, Any]:
        traces = [
            {"type": "scatter", "mode": "markers", "name": way, "meta": {"drag": way}, "x": self.x[at], "y": self.y[at]}
            for way, at in (("x", slice(0, 2)), ("xy", slice(2, 4)))
        ]
        ranges = {"xaxis": {"range": [0, 10]}, "yaxis": {"range": [0, 5]}}
        return {"data": traces, "layout": {"showlegend": False, **ranges}}

    def move(self, drag: Drag) -> None:
        self.asked.append(drag)
        index = drag.point + 2 * (drag.trace == "xy")
        self.x[index], self.y[index] = drag.x, drag.y
        self.active.draw(self.figure())
        self.active.flush()

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The page's pixel of a place on the axes."""
        plot = self.desk.page.locator(".nsewdrag").bounding_box()
        assert plot
        return plot["x"] + plot["width"] * x / 10, plot["y"] + plot["height"] * (1 - y / 5)

    def ranges(self) -> Any:
        script = "['xaxis', 'yaxis'].map((axis) => document.querySelector('.live-figure').layout[axis].range)"
        return self.desk.page.evaluate(script)

    def press(self, x: float, y: float) -> None:
        self.desk.page.mouse.move(*self.at(x, y))
        self.desk.page.mouse.down()

    def drag_to(self, x: float, y: float) -> None:
        self.desk.page.mouse.move(*self.at(x, y))
        self.desk.settle()


def test_a_point_goes_where_it_is_dragged_and_the_way_that_it_can(desk: Desk) -> None:
    dots = Dots(desk)
    dots.press(2.05, 3)
    dots.drag_to(3, 4.5)
    dots.drag_to(6, 1)
    desk.page.mouse.up()
    dots.drag_to(9, 1)
    assert {(drag.trace, drag.point, drag.y) for drag in dots.asked} == {("x", 1, 3.0)}
    assert dots.x.tolist() == pytest.approx([1, 6, 4, 8], abs=0.02) and dots.y.tolist() == [1, 3, 2, 4]
    dots.press(8, 4)
    dots.drag_to(9, 40)
    desk.page.mouse.up()
    assert (dots.x[3], dots.y[3]) == pytest.approx((9, 5), abs=0.02), "no further than the axes"
    desk.check()
    assert dots.ranges() == [[0, 10], [0, 5]], "not zoomed"
    asked = len(dots.asked)
    dots.press(5, 4.5)
    dots.drag_to(5.5, 4)
    desk.page.mouse.up()
    desk.settle()
    assert len(dots.asked) == asked, "no point there"


def test_a_fast_drag_leaves_no_queue(desk: Desk) -> None:
    dots = Dots(desk)
    dots.press(4, 2)
    places = np.linspace(4, 9, 40)
    for x in places:  # while the kernel is busy
        desk.page.mouse.move(*dots.at(x, 3))
    assert [message["type"] for _, message in desk.page.evaluate("outbox")] == ["drag"]
    desk.settle()
    assert len(dots.asked) == 2 and dots.x[2] == pytest.approx(9, abs=0.02), "the first place, then the newest"
    desk.page.mouse.up()
    desk.check()


def test_a_lost_answer_holds_up_one_drag_only(desk: Desk) -> None:
    dots = Dots(desk)
    dots.press(4, 2)
    desk.page.mouse.move(*dots.at(5, 2))
    assert desk.page.evaluate("outbox.splice(0).length") == 1
    dots.drag_to(6, 2)
    assert dots.asked == []
    desk.page.mouse.up()
    dots.press(4, 2)
    dots.drag_to(7, 2)
    desk.page.mouse.up()
    assert dots.x[2] == pytest.approx(7, abs=0.02)


def test_a_point_is_dragged_by_touch(desk: Desk) -> None:
    dots = Dots(desk)
    desk.page.evaluate("() => { document.body.style.height = '5000px' }")
    session = desk.page.context.new_cdp_session(desk.page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    for kind, place in (("touchStart", (4, 2)), ("touchMove", (4.5, 3)), ("touchMove", (6, 4.8)), ("touchEnd", None)):
        points = [dict(zip("xy", dots.at(*place), strict=True))] if place else []
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        desk.settle()
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": False})
    session.detach()
    assert (dots.x[2], dots.y[2]) == pytest.approx((6, 4.8), abs=0.02)
    desk.check()
    assert desk.page.evaluate("scrollY") == 0 and dots.ranges() == [[0, 10], [0, 5]], "neither scrolled nor zoomed"


def test_a_swipe_over_a_figure_scrolls_the_page(browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 800}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.set_default_timeout(15_000)
    desk = Desk(page)
    page.evaluate("() => document.head.insertAdjacentHTML('beforeend', '<meta name=viewport content=width=400>')")
    page.evaluate("() => { document.body.style.height = '5000px' }")
    dots = Dots(desk)
    session = context.new_cdp_session(page)

    def swipe(start: tuple[float, float], by: float) -> None:
        places = [{"x": start[0], "y": start[1] + by * i / 6} for i in range(7)]
        for i, place in enumerate(places):
            kind = "touchMove" if i else "touchStart"
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [place]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        desk.settle()

    swipe(dots.at(4, 2), -50)
    assert dots.y[2] > 2.5 and page.evaluate("scrollY") == 0, "a point is dragged all the same"
    asked = len(dots.asked)
    swipe(dots.at(5.5, 1), -120)
    page.wait_for_function("scrollY > 50")
    assert dots.ranges() == [[0, 10], [0, 5]] and len(dots.asked) == asked
    dots.active.draw(dots.figure())
    desk.flush(dots.active)
    desk.check()  # drawn again: no pointer is held
    assert desk.errors == []
    context.close()


def test_the_pointer_says_what_can_be_dragged(desk: Desk) -> None:
    dots = Dots(desk)
    cursor = "getComputedStyle(document.querySelector('.nsewdrag')).cursor"
    desk.page.mouse.move(*dots.at(4, 2))
    desk.page.wait_for_function(f"{cursor} === 'grab'")
    desk.page.mouse.move(*dots.at(5, 4))
    desk.page.wait_for_function(f"{cursor} !== 'grab'")


NOTEBOOK = """
import json, ipywidgets, numpy as np
from widgets.figure.live_figure import FigureScript, LiveFigure

def chart(steps):
    return {"data": [{"x": steps, "y": np.sin(steps), "type": "scatter"}], "layout": {"height": 150}}

figures = [LiveFigure(chart(np.arange(0)), max_points=500) for _ in range(4)]
told, more = ipywidgets.Label("none"), ipywidgets.Button(description="More")
told.add_class("told")
rows = 0

def on_more(_):
    global rows
    for _ in range(7):
        steps = np.arange(rows, rows + 100)
        rows += 100
        for figure in figures:
            figure.append(steps, chart(steps))
            figure.flush()
    told.value = json.dumps([figure.figure["data"][0]["y"].tolist() for figure in figures])

more.on_click(on_more)
ipywidgets.VBox([more, *figures, told])
"""


def test_four_figures_behind_voila(serve: Any, page: Page, traffic: Any, tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK)])
    nbformat.write(notebook, tmp_path / "four.ipynb")
    page.goto(f"{serve(str(tmp_path)).url}/voila/render/four.ipynb")
    page.wait_for_function("document.querySelectorAll('.live-figure[data-seq]').length === 4")
    assert 1_400_000 < traffic.socket_bytes < 2_200_000  # the script once, and not four times
    for _ in range(2):
        before = page.locator(".told").inner_text()
        page.get_by_role("button", name="More").click()
        page.wait_for_function("(s) => document.querySelector('.told').innerText !== s", arg=before)
        same = """() => {
            const held = [...document.querySelectorAll(".live-figure")].map((div) => Array.from(div.data[0].y));
            return JSON.stringify(held) === JSON.stringify(JSON.parse(document.querySelector(".told").innerText));
        }"""
        page.wait_for_function(same)
