"""The training dashboard in a real browser: what is on the page is what the kernel has recorded."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from lab.config import KNOBS
from tests import own_nets
from tests.dashboards.conftest import DASHBOARDS
from tests.dashboards.kernel import newest_kernel
from tests.dashboards.reading import READY, comes_to, figure, fits, in_notebook, knob, open_panel, open_tab_of
from widgets.markup.glossary import GLOSSARY
from widgets.run.figures import CHARTS

# A figure's traces as plain numbers; a gap is "nan".
HELD = """(div) => {
  const plain = (v) => ArrayBuffer.isView(v) || Array.isArray(v) ? Array.from(v, plain)
    : typeof v === "number" && Number.isNaN(v) ? "nan" : v;
  return div.data.map((trace) => ({ x: plain(trace.x), y: plain(trace.y), z: plain(trace.z) }));
}"""
X_RANGE = "(div) => div._fullLayout.xaxis.range.map(Number)"
POINTS = "(div) => div.data?.[0]?.x?.length ?? 0"


def points(page: Page, label: str) -> int:
    return int(figure(page, label).evaluate(POINTS))


def wait_for_points(page: Page, label: str, more_than: int, timeout: float = READY) -> None:
    figure(page, label).scroll_into_view_if_needed()  # elsewhere a figure is not drawn anew
    script = "([div, n]) => (div.data?.[0]?.x?.length ?? 0) > n"
    page.wait_for_function(script, arg=[figure(page, label).element_handle(), more_than], timeout=timeout)


def button(page: Page, name: str) -> Locator:
    return page.locator(".lab-panel").get_by_role("button", name=name)


def expect_state(page: Page, word: str) -> None:
    expect(page.locator(".lab-state")).to_contain_text(word, timeout=READY)


LOSS = "Training and validation loss over time"
# The words of knobs that are not there in full.
CUT = """() => [...document.querySelectorAll('.lab-knob .widget-label')].filter(
  (word) => word.offsetParent && word.scrollWidth > word.clientWidth + 1).map((word) => word.textContent)"""


def open_training(page: Page, server: Any) -> None:
    open_panel(page, server, "training", LOSS)
    expect(button(page, "Start")).to_be_enabled(timeout=READY)


def test_first_load_is_small(voila_server: Any, page: Page, traffic: Any) -> None:
    open_training(page, voila_server)
    page.wait_for_load_state("networkidle")
    assert traffic.bytes <= 4_000_000, f"{traffic.bytes:,} bytes"
    page.wait_for_function("(div) => div.data.length > 0", arg=figure(page, LOSS).element_handle())


def test_start_turn_a_knob_pause_step_stop(voila_server: Any, page: Page) -> None:
    open_training(page, voila_server)
    with newest_kernel(voila_server.process.pid) as kernel:
        # The kernel has loaded torch by itself once the page was painted: Start need not wait for it.
        kernel.run("import lab.warm; lab.warm.warm().join()")
        kernel.run(
            "orders = []\n"
            "def noted(change=panel.session.__class__.change, stop=panel.session.__class__.stop):\n"
            "    def change_(self, **live):\n"
            "        orders.append(('change', self.progress.step, live)); change(self, **live)\n"
            "    def stop_(self):\n"
            "        orders.append(('stop', self.progress.step)); stop(self)\n"
            "    panel.session.__class__.change, panel.session.__class__.stop = change_, stop_\n"
            "noted()"
        )
        # The page has told what is in its sight.
        seen = "[panel.figures[name].seen for name in ('loss', 'blow_up')]"
        comes_to(page, lambda: kernel.value(seen), [True, False])
        button(page, "Start").click()
        wait_for_points(page, LOSS, 0, timeout=5000)
        wait_for_points(page, LOSS, points(page, LOSS))
        expect_state(page, "Training")

        # Drag lr, as a person would: the handle by mouse.
        handle = page.locator(".lab-knob", has_text="Learning rate").first.locator(".noUi-handle")
        box = handle.bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] - 40, box["y"] + box["height"] / 2, steps=4)
        page.mouse.up()
        shapes = "(div) => (div.layout?.shapes ?? []).length > 0"
        page.wait_for_function(shapes, arg=figure(page, LOSS).element_handle(), timeout=READY)

        button(page, "Pause").click()
        expect_state(page, "Paused")
        record = kernel.value("vars(panel.session.since(-1))")
        lr = record["columns"]["lr"]
        ordered = [order for order in kernel.value("orders") if order[0] == "change"]
        assert record["marks"], "the change is in the record"
        for step, field, old, new in record["marks"]:
            assert field == "lr" and new < old
            assert lr[step] == pytest.approx(new) and lr[step - 1] == pytest.approx(old)
        first_mark = record["marks"][0][0]
        assert first_mark - ordered[0][1] <= 2, "it acts within two batches"

        # Pause holds; Step adds exactly one.
        done = kernel.value("panel.session.progress.step")
        assert len(record["steps"]) == done == kernel.value("panel.session.progress.step")
        for more in (1, 2):
            button(page, "Step").click()
            expect(page.locator(".lab-progress")).to_contain_text(f"step {done + more} of ", timeout=READY)
            expect_state(page, "Paused")
            assert kernel.value("panel.session.since(-1).steps.tolist()")[-1] == done + more - 1

        button(page, "Resume").click()
        expect_state(page, "Training")
        button(page, "Stop").click()
        expect_state(page, "Stopped")
        stopped = [order for order in kernel.value("orders") if order[0] == "stop"][-1]
        assert kernel.value("panel.session.progress.step") - stopped[1] <= 1, "within a batch"


def test_every_chart_shows_the_record(voila_server: Any, page: Page) -> None:
    open_training(page, voila_server)
    # Few images, so that there is a validation too.
    page.get_by_role("button", name="Data and run").click()
    entry = page.get_by_role("textbox", name="Training images")
    entry.fill("640")
    entry.press("Enter")
    button(page, "Start").click()
    expect_state(page, "Finished")
    with newest_kernel(voila_server.process.pid) as kernel:
        record = kernel.value("vars(panel.session.since(-1))")
        figures = kernel.value(
            "{name: {'label': f.label, **f.figure} for name, f in panel.figures.items() if name != 'find_lr'}"
        )
        assert len(figures) >= 12
        held = {}
        for name, drawn in figures.items():
            open_tab_of(page, drawn["label"])
            div = figure(page, drawn["label"])
            div.scroll_into_view_if_needed()
            behind = (
                "([div, n]) => div.data && div.data.some((t) => (t.x ?? t.z ?? t.y)?.length) && div.data.length === n"
            )
            page.wait_for_function(behind, arg=[div.element_handle(), len(drawn["data"])], timeout=READY)
            wait_until_equal(page, div, drawn["data"], name)
            held[name] = div.evaluate(HELD)
    columns, steps = record["columns"], record["steps"]
    assert steps == list(range(30)) and len(record["validations"]) == 3
    assert held["loss"][0]["x"] == steps and held["loss"][0]["y"] == pytest.approx(columns["loss"])
    assert held["accuracy"][0]["y"] == pytest.approx(columns["accuracy"])
    for index, layer in enumerate(record["layers"]):
        assert held["mean"][index]["y"] == pytest.approx(columns[f"mean/{layer}"])
        assert held["std"][index]["y"] == pytest.approx(columns[f"std/{layer}"])
    validation = next(trace for trace in held["loss"] if trace["x"] == [row[0] for row in record["validations"]])
    assert validation["y"] == pytest.approx([row[2] for row in record["validations"]])

    # A zoom along x is one for all charts of the run, and ends with it.
    open_tab_of(page, LOSS)
    page.get_by_role("button", name=f"Enlarge: {LOSS}").click()
    div = figure(page, LOSS)
    comes_to(page, lambda: div.evaluate("(div) => div._fullLayout.xaxis.fixedrange"), False)
    div.scroll_into_view_if_needed()
    plot = div.locator(".nsewdrag").first.bounding_box()
    assert plot
    page.mouse.move(plot["x"] + 0.3 * plot["width"], plot["y"] + plot["height"] / 2)
    page.mouse.down()
    page.mouse.move(plot["x"] + 0.7 * plot["width"], plot["y"] + plot["height"] / 2 + 2, steps=5)
    page.mouse.up()
    comes_to(page, lambda: 5 < div.evaluate(X_RANGE)[0] < 12, True)
    chosen = div.evaluate(X_RANGE)
    for label in ("Training and validation accuracy over time", "Mean of each layer's output over time"):
        open_tab_of(page, label)
        other = figure(page, label)
        other.scroll_into_view_if_needed()
        comes_to(page, lambda other=other: other.evaluate(X_RANGE), chosen)
    page.get_by_role("button", name="Reset", exact=True).click()  # plotly has one, too: "Reset axes"
    expect_state(page, "Ready")
    open_tab_of(page, LOSS)
    div.scroll_into_view_if_needed()
    comes_to(page, lambda: div.evaluate("(div) => div._fullLayout.xaxis.autorange"), True)

    page.reload()
    expect(button(page, "Start")).to_be_enabled(timeout=READY)
    expect_state(page, "Ready")
    expect(page.get_by_role("alert")).to_have_count(0)


def wait_until_equal(page: Page, div: Locator, data: list[dict[str, Any]], name: str) -> None:
    """Wait until the page's figure holds the kernel's numbers, each to a float's precision."""
    wanted = [{axis: trace.get(axis) for axis in "xyz"} for trace in data]
    script = """([div, wanted]) => {
      const same = (a, b) => b === null || b === undefined ? true
        : Array.isArray(b) ? a?.length === b.length && b.every((v, i) => same(a[i], v))
        : b === "nan" ? Number.isNaN(a) || a === null
        : typeof b === "number" ? Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b)) : a === b;
      return div.data.every((trace, i) => ["x", "y", "z"].every((axis) => same(trace[axis], wanted[i][axis])));
    }"""
    try:
        page.wait_for_function(script, arg=[div.element_handle(), wanted], timeout=20_000)
    except Exception as error:
        raise AssertionError(f"{name} differs from the kernel's:\n{div.evaluate(HELD)}\n{wanted}") from error


def test_a_knob_says_its_name_its_value_and_what_it_refuses(voila_server: Any, page: Page) -> None:
    open_training(page, voila_server)
    slider = page.get_by_role("slider", name="Learning rate", exact=True)
    entry = page.get_by_role("textbox", name="Learning rate", exact=True)

    def says_its_value() -> bool:
        return slider.get_attribute("aria-valuetext") == entry.input_value()

    comes_to(page, says_its_value, True)
    slider.press("ArrowLeft")
    expect(entry).not_to_have_value("0.4")
    comes_to(page, says_its_value, True)
    entry.fill("0.123456")
    entry.press("Enter")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^0\.12"))
    slider.focus()
    expect(slider).to_have_attribute("aria-valuetext", "0.123456")
    entry.fill("fast")
    entry.press("Enter")
    expect(page.get_by_role("alert").first).to_contain_text(
        "(lr) must be a number, above 0 and at most 1000; got 'fast'"
    )
    expect(entry).to_have_value("0.123456")
    page.get_by_role("button", name="Data and run").click()  # unfolds more
    expect(page.get_by_role("slider", name="Training images", exact=True)).to_be_visible()
    expect(page.locator(".noUi-handle:not([aria-label])").filter(visible=True)).to_have_count(0)
    # From the keyboard the focus is seen, on a field, a handle and a menu; and no knob's word is cut.
    entry.focus()
    for place in (entry, slider, page.get_by_role("combobox", name="Norm type")):
        tab_to(page, place)
        expect(place).to_have_css("outline", re.compile("solid 2px"))
    page.get_by_role("button", name="Network").click()
    expect(page.get_by_role("textbox", name="Activation shift (sub)")).to_be_visible()
    groups = page.get_by_role("textbox", name="Groups")
    expect(groups).to_be_hidden()  # without effect
    page.get_by_role("combobox", name="Norm type").select_option("GroupNorm")
    expect(groups).to_be_visible()
    comes_to(page, lambda: page.evaluate(CUT), [])


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 400)])
def test_it_fits_the_width_and_a_menus_arrow_is_seen(voila_server: Any, page: Page, theme: Any, width: int) -> None:
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 900})
    open_training(page, voila_server)
    fits(page, width)
    style = """([...document.querySelectorAll(".lab-panel select")].map((menu) => getComputedStyle(menu))
      .map(({ backgroundImage, backgroundColor }) => [backgroundImage, backgroundColor]))"""
    menus = page.evaluate(style)
    assert len(menus) > 3
    for arrow, ground in menus:
        stroke = re.search(r"stroke=[^%]*%23([0-9a-f]{6})", arrow)
        assert stroke, arrow
        grey, around = int(stroke[1][:2], 16), int(re.findall(r"\d+", ground)[0])
        assert contrast(grey, around) >= 3


# What is not wholly in the window: knobs, the status, the charts.
OUT_OF_WINDOW = """() => [...document.querySelectorAll(".lab-status, .lab-knob, .lab-multiples [role=figure]")]
.filter((el) => {
  const box = el.getBoundingClientRect();
  return el.checkVisibility() && (box.top < 0 || box.bottom > innerHeight || box.left < 0 || box.right > innerWidth);
}).map((el) => el.ariaLabel ?? el.textContent)"""
BOXES = """() => [...document.querySelectorAll(".lab-bar, .lab-stays, .lab-tabs, .lab-multiples [role=figure]")]
.filter((el) => el.checkVisibility()).map((el) => {
  const { top, left, width, height } = el.getBoundingClientRect();
  return [top, left, width, height].map(Math.round);
})"""

# Whether, and as what, the meaning of a word is shown.
TIP = """(el) => {
  const { display, content } = getComputedStyle(el, "::after");
  return [display, content];
}"""
IN_WINDOW = """(el) => {
  const { top, left, right, bottom } = el.getBoundingClientRect();
  return top >= 0 && left >= 0 && right <= innerWidth && bottom <= innerHeight;
}"""


def test_one_screen_that_does_not_move_and_charts_that_are_enlarged(voila_server: Any, page: Page) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    open_training(page, voila_server)
    comes_to(page, lambda: page.evaluate(OUT_OF_WINDOW), [])
    before = page.evaluate(BOXES)
    assert len(before) == 3 + 6
    button(page, "Start").click()
    wait_for_points(page, LOSS, 0)
    assert page.evaluate(BOXES) == before, "the layout stays when a run starts"
    button(page, "Stop").click()
    expect_state(page, "Stopped")
    expect(page.get_by_role("button", name=f"Enlarge: {LOSS}")).to_be_visible()
    # Enlarged by a click it is as wide as all of them and has its Save menu; by keyboard it is small again.
    div, around = figure(page, LOSS), page.locator(".lab-multiples").first
    small = div.bounding_box()
    div.click()
    width = around.evaluate("(el) => el.clientWidth")
    comes_to(page, lambda: div.evaluate("(div) => div._fullLayout.width"), width)
    expect(page.get_by_text("Save", exact=True).filter(visible=True)).to_have_count(1)
    page.get_by_role("button", name=f"Shrink: {LOSS}").press("Escape")
    comes_to(page, div.bounding_box, small)
    enlarge = page.get_by_role("button", name=f"Enlarge: {LOSS}")
    expect(enlarge).to_be_focused()
    page.keyboard.press("Enter")
    comes_to(page, lambda: div.evaluate("(div) => div._fullLayout.width"), width)
    page.get_by_role("button", name=f"Shrink: {LOSS}").click()
    # Tabs by keyboard.
    page.get_by_role("tab", name="Overview").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(figure(page, "Training and validation accuracy over time")).to_be_visible()
    # The help of a knob: on focus, and by the question mark.
    help_text = knob(page, "Momentum").locator(".lab-help")
    expect(help_text).to_be_hidden()
    page.get_by_role("textbox", name="Momentum").focus()
    expect(help_text).to_be_visible()
    page.get_by_role("textbox", name="Learning rate").focus()
    expect(help_text).to_be_hidden()
    knob(page, "Momentum").get_by_text("?", exact=True).click()
    expect(help_text).to_be_visible()
    # It says what the chosen norm does.
    menu, norm_help = page.get_by_role("combobox", name="Norm type"), knob(page, "Norm type").locator(".lab-help")
    expect(norm_help).to_contain_text(KNOBS["norm"].notes["batch"])
    menu.select_option("GroupNorm")
    expect(norm_help).to_contain_text(KNOBS["norm"].notes["group"])
    menu.focus()
    expect(norm_help).to_be_visible()
    # The page's words, from the keyboard: what they mean is shown in the window, nothing moves, Escape hides it.
    page.get_by_role("tab", name="Backward").click()
    boxes = page.evaluate(BOXES)
    word = page.locator(".lab-term", has_text="update over weight")
    tab_to(page, word)
    meaning = GLOSSARY["update/weight ratio"]
    assert word.evaluate(TIP) == ["block", f'"{meaning.text}"']
    assert page.evaluate(BOXES) == boxes and page.evaluate("document.documentElement.scrollWidth") == 1440
    page.keyboard.press("Escape")
    assert word.evaluate(TIP)[0] == "none"
    for ask, tip, name in (
        ("the line of the run's state", ".lab-status-row .lab-tip", "epoch"),
        (CHARTS["update_ratio"][1], ".live-figure-words:visible", "update/weight ratio"),
    ):
        expect(page.locator(tip)).to_be_hidden()
        mark = page.get_by_role("button", name=f"What the words mean: {ask}")
        mark.focus()
        expect(page.locator(tip)).to_contain_text(f"{name}: {GLOSSARY[name].meaning}")
        assert page.locator(tip).evaluate(IN_WINDOW) and page.evaluate(BOXES) == boxes
        page.keyboard.press("Escape")
        expect(page.locator(tip)).to_be_hidden()
    page.get_by_role("tab", name="Words").click()
    shown = page.locator(".lab-glossary")
    expect(shown).to_contain_text(meaning.text)
    assert shown.evaluate(IN_WINDOW)


def tab_to(page: Page, place: Locator) -> None:
    """Press Tab until a place has the focus."""
    while not place.evaluate("(node) => node === document.activeElement"):
        page.keyboard.press("Tab")


def contrast(*greys: int) -> float:
    """WCAG's contrast ratio of two greys, 0..255."""
    low, high = sorted(((grey / 255 + 0.055) / 1.055) ** 2.4 if grey > 10 else grey / 255 / 12.92 for grey in greys)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("app", "path"), [("lab_server", "/lab/tree/training.ipynb"), ("notebook_server", "/notebooks/training.ipynb")]
)
def test_in_a_notebook_app(app: str, path: str, request: pytest.FixtureRequest, page: Page) -> None:
    in_notebook(page, request.getfixturevalue(app), path, LOSS)
    server = request.getfixturevalue(app)
    button(page, "Start").click()
    wait_for_points(page, LOSS, 0)
    wait_for_points(page, LOSS, points(page, LOSS))
    # The cell once more: its output is replaced, and the run that no button reaches any more ends.
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    expect_state(page, "Ready")
    with newest_kernel(server.process.pid) as kernel:
        panels = "[o for o in gc.get_objects() if type(o).__name__ == 'TrainingPanel' and not o._closed.is_set()]"
        comes_to(page, lambda: kernel.value(f"[panel.session.state for panel in {panels}]"), ["ready"])
        runs = "type(o).__module__ == 'lab.session' and hasattr(o, 'start')"
        sessions = f"[o.state for o in gc.get_objects() if {runs}]"
        comes_to(page, lambda: "running" in kernel.value(sessions), False)
    button(page, "Start").click()
    wait_for_points(page, LOSS, 0)
    button(page, "Stop").click()
    expect_state(page, "Stopped")


OWN = {
    "resnet": "TrainingPanel(model=ResNet, data=digits(400), epochs=2, batch_size=32, lr=0.05, device='cpu')",
    "regression": "TrainingPanel(model=mlp, data=curve(), epochs=40, lr=0.05, device='cpu')",
}


@pytest.mark.parametrize("which", OWN)
def test_a_net_and_data_of_ones_own_in_jupyterlab(which: str, lab_server: Any, page: Page) -> None:
    code = f"from own_nets import ResNet, curve, digits, mlp\nfrom widgets import TrainingPanel\n{OWN[which]}"
    notebook = json.loads((DASHBOARDS / "training.ipynb").read_text("utf-8"))
    notebook["cells"][-1]["source"] = [code]
    (lab_server.folder / f"own_{which}.ipynb").write_text(json.dumps(notebook), "utf-8")
    shutil.copy(Path(own_nets.__file__), lab_server.folder)
    in_notebook(page, lab_server, f"/lab/tree/own_{which}.ipynb", LOSS)
    # Knobs of the lab's own nets are not there.
    expect(knob(page, "Learning rate")).to_be_visible()
    for label in ("Norm type", "Model", "Init"):
        expect(knob(page, label)).to_be_hidden()
    button(page, "Start").click()
    expect_state(page, "Finished")
    mean = figure(page, "Mean of each layer's output over time")
    mean.scroll_into_view_if_needed()
    with newest_kernel(lab_server.process.pid) as kernel:
        layers = kernel.value("panel.session.since(-1).layers")
        columns = [kernel.value(f"panel.session.since(-1).columns['mean/{name}']") for name in layers]
        answer = kernel.value("panel.session.since(-1).validations[-1].accuracy")
        assert layers == (list(own_nets.RESNET_LAYERS) if which == "resnet" else ["0", "1", "2", "3"])
        names = "(div) => div.data.map((trace) => trace.name)"
        comes_to(page, lambda: mean.evaluate(names), layers)
        # The last rows come a moment after the state.
        comes_to(page, lambda: [len(held["y"]) for held in mean.evaluate(HELD)], [len(each) for each in columns])
        for held, column in zip(mean.evaluate(HELD), columns, strict=True):
            assert held["y"] == pytest.approx(column, rel=1e-6)
        net = page.get_by_role("group", name="The net", exact=True)
        if which == "resnet":
            expect(page.get_by_text("validation accuracy")).to_contain_text(f"{answer:.1%}")
            maps = kernel.value("panel.session.maps().logits")
            expect(net.get_by_role("button", name="layer2.conv1")).to_contain_text("8 × 7 × 7", timeout=READY)
            best = max(range(10), key=lambda kind: maps[kind])
            expect(net.locator(".net-says")).to_contain_text(f"says {best}")
        else:
            expect(page.get_by_text("validation R²")).to_contain_text(f"{answer:.3f}")
            expect(net).to_have_count(0)
            expect(page.get_by_text("is no picture")).to_be_visible()
            expect(page.get_by_role("tab", name="Answers")).to_have_count(0)
    expect(page.locator(".lab-error")).to_have_count(0)


def test_the_last_points_of_a_diverged_run_do_not_flatten_the_rest(voila_server: Any, page: Page) -> None:
    page.goto(f"{voila_server.url}/voila/render/training.ipynb?norm=batch&lr=5&size=4000&epochs=1")
    expect(button(page, "Start")).to_be_enabled(timeout=READY)
    button(page, "Start").click()
    expect_state(page, "Diverged")
    label = "Standard deviation of each layer's output over time"
    div = figure(page, label)
    div.scroll_into_view_if_needed()
    everything = (
        "(div) => Math.max(...div.data.flatMap((t) => t.name.startsWith('conv') ? [...t.y].filter(isFinite) : []))"
    )
    comes_to(page, lambda: div.evaluate("(div) => div.data?.at(-1)?.name"), "beyond the axis")
    highest, top = div.evaluate(everything), div.evaluate("(div) => div._fullLayout.yaxis.range[1]")
    assert top < 100 < highest, (top, highest)
    frame = page.locator(".live-figure-frame").filter(has=div)
    frame.get_by_role("button", name="Enlarge").click()

    def saved() -> str:
        frame.get_by_text("Save", exact=True).click()
        with page.expect_download() as download:
            frame.get_by_role("button", name="SVG drawing").click()
        return download.value.path().read_text("utf-8")

    # A saved picture leaves them out as well, and says so; with all of them shown it has them.
    assert "far points are beyond the axis" in saved()
    frame.get_by_role("button", name="Show far points").click()
    comes_to(page, lambda: div.evaluate("(div) => div._fullLayout.yaxis.range[1]") >= highest, True)
    assert "far points" not in saved()
    frame.get_by_role("button", name="Without far points").click()
    comes_to(page, lambda: div.evaluate("(div) => div._fullLayout.yaxis.range[1]"), top)


def test_find_lr_takes_a_suggestion_and_a_click_on_its_curve(voila_server: Any, page: Page) -> None:
    page.goto(f"{voila_server.url}/voila/render/training.ipynb?size=2000")
    expect(button(page, "Start")).to_be_enabled(timeout=READY)
    page.get_by_role("tab", name="Find lr").click()
    button(page, "Find lr").click()
    take = page.get_by_role("button", name="(minimum / 10)")
    expect(take).to_be_visible(timeout=READY)
    lr = page.get_by_role("textbox", name="Learning rate", exact=True)
    take.click()
    expect(lr).to_have_value(re.sub(r"^Take (\S+) .*", r"\1", take.inner_text()))
    label = "Loss over the learning rate of a sweep"
    div = figure(page, label)
    div.scroll_into_view_if_needed()
    comes_to(page, lambda: div.evaluate("(div) => (div.data?.[1]?.x?.length ?? 0) > 20"), True)
    taken = div.evaluate("(div) => Number(div.data[1].x[30].toPrecision(3))")
    place = div.evaluate("""(div) => {
      const { xaxis, yaxis } = div._fullLayout, { x, y } = div.getBoundingClientRect();
      return [x + xaxis._offset + xaxis.d2p(div.data[1].x[30]), y + yaxis._offset + yaxis.d2p(div.data[1].y[30])];
    }""")
    page.mouse.move(*place)
    page.mouse.click(*place)
    comes_to(page, lambda: float(lr.input_value()), pytest.approx(taken, rel=0.2))
    expect(page.get_by_role("alert")).to_have_count(0)
