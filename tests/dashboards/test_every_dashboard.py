"""What every blackboard dashboard does in a real browser: fits its page, opens from a link, works in a notebook."""

import re
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Page, expect

from tests.dashboards.reading import enter, fits, in_notebook, knob, open_panel, wait_until_drawn


class Dashboard(NamedTuple):
    """A dashboard's notebook, its first figure, a knob with another value, and a text of its tables at the start."""

    notebook: str
    figure: str
    knob: str
    value: str
    shown: str
    button: str = ""
    after: str = ""


DASHBOARDS = [
    Dashboard(
        "activations", "The curves of the activation shapes", "Layers", "12", "0.3989", "The smooth ones", "0.2066"
    ),
    Dashboard("moving_average", "The values and their three moving averages", "β", "0.8", "2.9 ÷ 0.19 = 15.263"),
    Dashboard("spread", "The points, their mean and both spreads around it", "Offset", "1000", "5.875"),
    Dashboard(
        "softmax", "Softmax and sigmoid of every class, picture 1 above picture 2", "Threshold", "0.8",
        "sigmoid: cat, fish, building", after="sigmoid: fish",
    ),
]  # fmt: skip

every = pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.notebook)


def shows(page: Page, text: str) -> None:
    expect(page.get_by_role("cell").filter(has_text=text).first).to_be_attached()


@every
def test_it_fits_its_page_and_its_link_opens_the_same_on_a_phone(
    voila_server: Any, page: Page, board: Dashboard
) -> None:
    open_panel(page, voila_server, board.notebook, board.figure)
    shows(page, board.shown)
    if board.button:
        page.get_by_role("button", name=board.button).click()
    enter(page, board.knob, board.value)
    if board.after:
        shows(page, board.after)
    fits(page, 1440)
    page.get_by_role("button", name="Copy link").first.click()
    field = page.get_by_label("Link to these settings").first
    # The link follows the knob, as what the knob changes does: it may be filled in a moment later.
    expect(field).to_have_value(re.compile(rf"/{board.notebook}\.ipynb\?panel=.*={board.value}(\.0)?(&|$)"))
    link = field.input_value()
    code = page.get_by_label("Code for a notebook").first.input_value()
    assert code.startswith("from widgets import ")
    page.set_viewport_size({"width": 400, "height": 900})
    page.goto(link)
    wait_until_drawn(page, board.figure)
    expect(knob(page, board.knob).locator("input").first).to_have_value(board.value)
    if board.after:
        shows(page, board.after)
    expect(page.get_by_role("alert")).to_have_count(0)  # another panel on the page leaves the link alone
    fits(page, 400)


@pytest.mark.parametrize(
    ("board", "app"),
    [
        (DASHBOARDS[0], "notebook_server"),
        (DASHBOARDS[1], "notebook_server"),
        (DASHBOARDS[2], "lab_server"),
    ],
    ids=lambda given: getattr(given, "notebook", given),
)
def test_it_works_in_a_notebook(board: Dashboard, app: str, request: pytest.FixtureRequest, page: Page) -> None:
    folder = "/lab/tree" if app == "lab_server" else "/notebooks"
    in_notebook(page, request.getfixturevalue(app), f"{folder}/{board.notebook}.ipynb", board.figure)
    shows(page, board.shown)
