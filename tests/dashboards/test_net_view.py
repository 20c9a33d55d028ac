"""The drawn net in a browser: what is in the tiles is what the net makes of the digit."""

from typing import Any

import numpy as np
from playwright.sync_api import Page, expect

from tests.dashboards.kernel import newest_kernel
from tests.dashboards.reading import READY, comes_to

# The opacity in the middle of each pixel of a block's tiles, tile by tile.
OPACITY = """([canvas, count, columns, side, height, width]) => {
  const context = canvas.getContext("2d");
  return Array.from({ length: count }, (_, tile) => Array.from({ length: height * width }, (_, i) => {
    const x = (tile % columns) * (side + 2) + ((i % width) + 0.5) * side / width;
    const y = Math.floor(tile / columns) * (side + 2) + (Math.floor(i / width) + 0.5) * side / height;
    return context.getImageData(Math.floor(x), Math.floor(y), 1, 1).data[3];
  }));
}"""


def test_the_tiles_are_the_nets_maps(voila_server: Any, page: Page) -> None:
    page.goto(f"{voila_server.url}/voila/render/training.ipynb")
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
        page.locator(".lab-buttons").get_by_role("button", name="Reset").click()
        expect(net).to_contain_text("not run yet")
