"""The drawn net in a browser: what is in the tiles is what the net makes of the digit."""

from typing import Any

import numpy as np
from playwright.sync_api import Locator, Page, expect

from tests.dashboards.kernel import Kernel, newest_kernel
from tests.dashboards.reading import READY, comes_to, figure

# The opacity in the middle of each pixel of a block's tiles, tile by tile.
OPACITY = """([canvas, count, columns, side, height, width]) => {
  const context = canvas.getContext("2d");
  return Array.from({ length: count }, (_, tile) => Array.from({ length: height * width }, (_, i) => {
    const x = (tile % columns) * (side + 2) + ((i % width) + 0.5) * side / width;
    const y = Math.floor(tile / columns) * (side + 2) + (Math.floor(i / width) + 0.5) * side / height;
    return context.getImageData(Math.floor(x), Math.floor(y), 1, 1).data[3];
  }));
}"""


# What the answer's bars and the input show: softmax, sigmoid, and the picture's pixels.
ANSWER = """() => {
  const bars = (name) => [...document.querySelectorAll(`.net-bars .${name}`)];
  const width = (name) => bars(name).map((bar) => parseFloat(bar.style.width) / 100);
  const picture = document.querySelector(".net-picture").getContext("2d").getImageData(0, 0, 28, 28).data;
  return [width("net-softmax"), width("net-sigmoid"), [...picture].filter((_, i) => i % 4 === 3)];
}"""
# The matrix on the page: a cell of either trace, 0 for an empty one.
COUNTS = """(div) => {
  const [right, wrong] = (div.data ?? []).map(({ z }) => z);
  return right && Array.from(right, (row, i) => Array.from(row, (count, j) => (count || 0) + (wrong[i][j] || 0)));
}"""


def short(value: float) -> str:
    """As the page writes numbers: three significant digits, at most."""
    return f"{float(f'{value:.3g}'):.10f}".rstrip("0").rstrip(".").replace("-", "−")


def shows_the_answer(page: Page, kernel: Kernel, drawn: bool = False) -> None:
    """That bars and picture on the page are the net's own answer to the picture, number by number."""

    def apart() -> bool:
        soft, sigm, picture = (np.array(part) for part in page.evaluate(ANSWER))
        logits = np.array(kernel.value("panel.session.maps().logits"))
        asked = np.array(kernel.value("panel.session.maps().picture"))
        own = not drawn or kernel.value("bool((panel.net.picture == panel.session.maps().picture).all())")
        powers = np.exp(logits - logits.max())
        return bool(
            own
            and np.abs(soft - powers / powers.sum()).max() < 1e-4
            and np.abs(sigm - 1 / (1 + np.exp(-logits))).max() < 1e-4
            and np.abs(picture - 255 * asked.ravel()).max() <= 0.51
        )

    comes_to(page, apart, True)


def line(page: Page, sheet: Locator, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw a line with the mouse, from cell to cell."""
    box = sheet.bounding_box()
    assert box
    places = [(box["x"] + box["width"] * x / 28, box["y"] + box["height"] * y / 28) for x, y in (begin, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=5)
    page.mouse.up()


def draws_by_mouse_touch_and_keyboard(page: Page, kernel: Kernel) -> None:
    net = page.get_by_role("group", name="The net", exact=True)
    net.get_by_role("button", name="Draw").click()
    sheet = net.get_by_role("application", name="Drawing")
    expect(sheet).to_be_focused()
    assert not kernel.value("panel.net.drawn"), "opened, it changes nothing"
    line(page, sheet, (10, 4), (10, 22))
    shows_the_answer(page, kernel, drawn=True)
    # Its mass lies in the middle, wherever it was drawn.
    columns = np.array(kernel.value("panel.net.picture")).sum(0)
    assert abs(columns @ np.arange(28) / columns.sum() - 14) <= 0.5
    expect(net.get_by_role("combobox", name="Example picture")).to_have_value("")

    pad = net.get_by_role("group", name="Draw a picture")
    pad.get_by_role("button", name="Clear").click()
    comes_to(page, lambda: kernel.value("float(panel.net.picture.max())"), 0)
    sheet.focus()
    for key in ("ArrowRight", "ArrowDown", "Space"):
        page.keyboard.press(key)
    expect(pad).to_contain_text("row 16, column 16: full")
    shows_the_answer(page, kernel, drawn=True)
    assert kernel.value("float(panel.net.picture.max())") == 1
    page.keyboard.press("Delete")
    expect(pad).to_contain_text("row 16, column 16: empty")
    assert sheet.evaluate("(sheet) => getComputedStyle(sheet).touchAction") == "none"
    box = sheet.bounding_box()
    assert box
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    for kind, y in (("touchStart", 0.3), ("touchMove", 0.5), ("touchMove", 0.7)):
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] * y}
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [at]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": False})
    comes_to(page, lambda: kernel.value("int((panel.net.picture.max(1) > .9).sum())") >= 10, True)
    shows_the_answer(page, kernel, drawn=True)


def test_the_tiles_are_the_nets_maps(voila_server: Any, page: Page) -> None:
    page.goto(f"{voila_server.url}/voila/render/training.ipynb?size=20000&epochs=1")
    net = page.get_by_role("group", name="The net", exact=True)
    expect(net).to_be_visible(timeout=READY)
    before = net.bounding_box()
    with newest_kernel(voila_server.process.pid) as kernel:
        comes_to(page, lambda: kernel.value("panel.net.seen"), True)
        page.locator(".lab-buttons").get_by_role("button", name="Start").click()
        page.wait_for_function("document.querySelector('.net-view').dataset.step > 3", timeout=READY)
        page.locator(".lab-buttons").get_by_role("button", name="Pause").click()
        expect(page.locator(".lab-state")).to_contain_text("Paused", timeout=READY)
        last = kernel.value("panel.session.progress.step") - 1
        page.wait_for_function(f"document.querySelector('.net-view').dataset.step == {last}", timeout=READY)
        assert net.bounding_box() == before, "nothing moved"
        maps = kernel.value("panel.session.maps().maps[2]")
        dead = np.array(kernel.value("panel.session.maps().shares[2]")) > 0.99
        block = net.get_by_role("button", name="conv3")
        canvas = block.locator("canvas").element_handle()
        shown = np.array(page.evaluate(OPACITY, [canvas, 32, 8, 24, 4, 4]), float)
        wanted = np.abs(np.array(maps).reshape(32, 16))
        wanted = 255 * np.round(127 * wanted / wanted.max()) / 127
        assert np.abs(shown - wanted)[~dead].max() <= 1
        count = int(dead.sum())
        assert (f"{count} of 32 dead" if count else "none dead") in block.inner_text()

        block.focus()
        page.keyboard.press("ArrowRight")
        low = kernel.value("float(panel.session.maps().maps[2][0].min())")
        expect(net.get_by_role("paragraph")).to_contain_text(f"min {low:.3g}".replace("-", "−"))
        page.keyboard.press("Enter")
        comes_to(page, lambda: kernel.value("panel.menus['layer'].value"), "conv3")
        expect(block).to_have_attribute("aria-pressed", "true")

        net.get_by_role("button", name="Show conv1's weights").click()
        comes_to(page, lambda: kernel.value("panel.net.described['layers'][0]['height']"), 5)
        expect(net.get_by_role("button", name="Show conv1's maps")).to_be_visible()
        block.locator("canvas").click(position={"x": 30, "y": 5})  # the second channel
        weights = "panel.session.maps(('conv3', 1)).kernels.weights"
        kernels = net.get_by_role("group", name="Kernels of one channel")
        expect(kernels).to_contain_text("conv3, channel 2: 16 kernels, 3 × 3, one for each channel of conv2")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        rows = [" ".join(map(short, row)) for row in kernel.value(f"{weights}[1]")]
        expect(kernels).to_contain_text("over conv2, channel 2: " + " | ".join(rows))
        page.keyboard.press("Escape")
        expect(kernels).to_be_hidden()

        # An example: the menu at the input and the one of the tab Answers are in step.
        shows_the_answer(page, kernel)
        net.get_by_role("combobox", name="Example picture").select_option("5")
        comes_to(page, lambda: kernel.value("[panel.menus['digit'].value, panel.session.maps().label]"), [5, 5])
        shows_the_answer(page, kernel)
        expect(net.locator(".net-class", has_text="▸")).to_have_text("▸5")
        kernel.run("panel.menus['digit'].value = 2")
        expect(net.get_by_role("combobox", name="Example picture")).to_have_value("2")

        draws_by_mouse_touch_and_keyboard(page, kernel)
        page.locator(".lab-buttons").get_by_role("button", name="Resume").click()
        expect(page.locator(".lab-state")).to_contain_text("Finished", timeout=READY)
        sheet = net.get_by_role("application", name="Drawing")
        sheet.scroll_into_view_if_needed()
        line(page, sheet, (6, 6), (20, 6))
        shows_the_answer(page, kernel, drawn=True)
        comes_to(page, lambda: kernel.value("panel.session.since(-1).outputs.names[0]"), "your drawing")
        net.get_by_role("button", name="Back to examples").click()
        comes_to(page, lambda: kernel.value("panel.session.maps().label"), 2)
        net.get_by_role("group", name="Draw a picture").get_by_role("button", name="Close").click()
        expect(net.get_by_role("button", name="Draw")).to_be_focused()

        page.get_by_role("tab", name="Mistakes").click()
        label = "Confusion matrix: how often each class was answered for each"
        counts = kernel.value("panel.session.since(-1).mistakes.counts")
        figure(page, label).scroll_into_view_if_needed()
        comes_to(page, lambda: figure(page, label).evaluate(COUNTS), counts)
        said = page.locator(".lab-mistakes li")
        expect(said).to_have_count(12)
        truth = kernel.value("int(panel.session.since(-1).mistakes.truths[0])")
        expect(said.first).to_contain_text(f"{truth}, answered ")
        page.get_by_role("tab", name="Overview").click()
        page.locator(".lab-buttons").get_by_role("button", name="Reset").click()
        expect(net).to_contain_text("not run yet")
