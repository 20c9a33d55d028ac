"""The index: painted at once without a kernel, links that work, in voila, JupyterLab and Notebook."""

from typing import Any

import psutil
import pytest
from playwright.sync_api import Page, expect


def test_the_front_page_leads_to_the_index_and_on(voila_server: Any, page: Page, traffic: Any) -> None:
    page.goto(f"{voila_server.url}/")
    assert page.url == f"{voila_server.url}/voila/render/index.ipynb"
    assert page.title() == "Foundations Lab"
    expect(page.get_by_role("heading", name="Foundations Lab")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert 1000 < traffic.bytes < 200_000
    assert psutil.Process(voila_server.process.pid).children() == [], "a page of text needs no kernel"
    link = page.get_by_role("link", name="The training lab")
    link.click(no_wait_after=True)
    page.wait_for_url("**/voila/render/training.ipynb", wait_until="commit")
    expect(page.get_by_role("heading", name="The training lab")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("asked", ["", "light", "dark"])
def test_light_or_dark_as_the_address_or_the_browser_asks(
    voila_server: Any, page: Page, scheme: Any, asked: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{voila_server.url}/voila/render/index.ipynb" + (f"?theme={asked}" if asked else ""))
    background, text = page.evaluate(
        """() => ["backgroundColor", "color"].map((name) => +getComputedStyle(document.body)[name].match(/\\d+/))"""
    )
    is_dark = (asked or scheme) == "dark"
    assert (background < 60) == is_dark
    assert (text > 180) == is_dark
    assert page.evaluate("document.body.dataset.jpThemeLight") == str(not is_dark).lower()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == ("dark" if is_dark else "light")


@pytest.mark.parametrize("width", [1440, 400])
def test_it_fits_the_width(voila_server: Any, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{voila_server.url}/")
    expect(page.get_by_role("heading", name="Foundations Lab")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("app", "path"), [("lab_server", "/lab/tree/"), ("notebook_server", "/notebooks/")])
def test_in_a_notebook_app(app: str, path: str, request: pytest.FixtureRequest, page: Page) -> None:
    server = request.getfixturevalue(app)
    page.goto(f"{server.url}{path}index.ipynb")
    link = page.get_by_role("link", name="The training lab")
    expect(link).to_be_visible()
    if app == "notebook_server":
        with page.context.expect_page() as opened:
            link.click()
        page = opened.value
    else:
        link.click()
    expect(page.get_by_role("heading", name="The training lab")).to_be_visible()
