"""Numbers and tables as a page shows them."""

import math

import pytest

from widgets.markup.tables import fixed, number, table


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (15.263157894, "15.263"), (2.9, "2.9"), (0.19, "0.19"), (1 - 0.9, "0.1"), (10, "10"), (0.0, "0"), (-0.0, "0"),
        (-2.5, "−2.5"), (0.00214, "0.00214"), (1073741824.0, "1,073,741,824"), (1e30, "1.000e+30"),
        (-1e-9, "−1.000e−09"), (math.nan, "undefined"), (math.inf, "∞"), (-math.inf, "−∞"), (100.0, "100"),
    ],
)  # fmt: skip
def test_number(x: float, text: str) -> None:
    assert number(x) == text


def test_more_places() -> None:
    assert number(47.1875, 4) == "47.1875" and number(47.1875) == "47.188"


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (7.929, "7.93"), (-2.49, "−2.49"), (3.0, "3.00"), (-0.001, "0.00"), (123456.789, "123456.79"),
        (5.18e21, "5.180e+21"), (-2e6, "−2,000,000"), (math.inf, "∞"), (-math.inf, "−∞"), (math.nan, "nan"),
    ],
)  # fmt: skip
def test_fixed(x: float, text: str) -> None:
    assert fixed(x) == text


def test_table() -> None:
    made = table(["what", "value"], [("mean", "6.25"), ("std", "6.869")], "Spread")
    assert made.count("<tr>") == 3 and '<th scope="row">mean</th><td>6.25</td>' in made
    assert "<caption>Spread</caption>" in made and "<caption>" not in table(["a"], [])
    assert 'class="lab-table"' in made
    assert 'class="lab-table lab-numbers lab-total"' in table(["a"], [], numbers=True, total=True)
