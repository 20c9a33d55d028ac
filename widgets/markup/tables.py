"""Format numbers and HTML tables."""

import math
from collections.abc import Iterable, Sequence


def number(x: float, places: int = 3) -> str:
    """Return ``x`` to ``places`` decimals, more for a small one, without trailing zeros; "undefined" for nan."""
    if math.isnan(x):
        return "undefined"
    if not x or math.isinf(x):
        return "0" if not x else "∞" if x > 0 else "−∞"
    size = math.floor(math.log10(abs(x)))
    if not -6 <= size < 12:
        return f"{x:.3e}".replace("-", "−")
    text = f"{x:,.{max(places, 3 - size)}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def fixed(x: float, places: int = 2) -> str:
    """Return ``x`` with a fixed number of decimals, as the lessons print them; from a million on as :func:`number`."""
    if not abs(x) < 1e6:
        return "nan" if math.isnan(x) else number(x)
    return f"{round(x, places) + 0.0:.{places}f}".replace("-", "−")


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", *, numbers: bool = False, total: bool = False
) -> str:
    """Return an HTML table whose rows begin with their names. All arguments are markup: escape typed text.

    Args:
        numbers: whether the cells are numbers, which are right-aligned.
        total: whether the last row is a total.
    """
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>' for name, *cells in rows
    )
    title = f"<caption>{caption}</caption>" if caption else ""
    kinds = "".join(f" lab-{kind}" for kind, is_so in (("numbers", numbers), ("total", total)) if is_so)
    return (
        f'<div class="lab-table{kinds}"><table>{title}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    )
