"""A chart's data as a table of named columns, written as CSV or JSON."""

import csv
import io
import json
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lab.kept.run import writable
from widgets.charts.style import Figure
from widgets.export.slide import plain_text

Table = dict[str, NDArray[Any]]
"""Column name, with its unit -> values; columns may have different lengths."""


def of_figure(figure: Figure) -> Table:
    """Return the arrays of every trace; traces over the same x share its column, a heatmap's rows are columns."""
    table: Table = {}
    for trace in figure["data"]:
        x_title, y_title = (_title(figure["layout"], trace, axis) for axis in "xy")
        name = plain_text(str(trace.get("name") or ""))
        if trace.get("type") == "heatmap":
            _add_heatmap(table, trace, x_title, y_title)
        elif trace.get("y") is not None:
            x, y = np.asarray(trace.get("x", ())), np.asarray(trace["y"])
            shared = any(column == x_title or column.startswith(x_title + ", ") for column in table)
            if not any(_same(table[column], x) for column in table if column.split(", ")[0] == x_title):
                table[_unused_name(table, f"{x_title}, {name}" if shared else x_title)] = x
            table[_unused_name(table, f"{name}: {y_title}" if name else y_title)] = y
    return table


def as_csv(table: Table) -> bytes:
    """Return CSV (UTF-8 with a BOM, for Excel): a line of names, then the rows; empty where a column has no value."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(map(_no_formula, table))
    writer.writerows(zip_longest(*map(_cells, table.values()), fillvalue=""))
    return file.getvalue().encode("utf-8-sig")


def as_xlsx(table: Table, metadata: Mapping[str, Any]) -> bytes:
    """Return an Excel workbook: the columns, and a sheet of ``metadata``. Numbers are number cells in any locale."""
    import xlsxwriter

    file = io.BytesIO()
    plain = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(file, plain) as book:
        data, about = book.add_worksheet("data"), book.add_worksheet("made with")
        for column, (name, values) in enumerate(table.items()):
            data.write_string(0, column, writable(name))
            for row, value in enumerate(_values(values), 1):
                if isinstance(value, str):
                    data.write_string(row, column, writable(value))
                elif value is not None:
                    data.write_number(row, column, value)
        for row, (name, value) in enumerate(metadata.items()):
            about.write_string(row, 0, writable(name))
            about.write_string(row, 1, writable(str(value)))
    return file.getvalue()


def as_json(table: Table, metadata: Mapping[str, Any]) -> bytes:
    """Return JSON (UTF-8): ``metadata`` and "columns"; nan is null, infinity a text."""
    columns = {name: _values(values) for name, values in table.items()}
    return json.dumps({**metadata, "columns": columns}, ensure_ascii=False, allow_nan=False).encode()


def _texts(values: ArrayLike) -> list[str]:
    """Return each value as the shortest text that parses to the same number; empty for nan and None."""
    array = np.asarray(values)
    texts: list[str] = ["" if value is None else value for value in array.astype(str).tolist()]
    return ["" if text in ("nan", "None") else text for text in texts]


def _cells(values: ArrayLike) -> list[str]:
    texts = _texts(values)
    return texts if np.asarray(values).dtype.kind in "iufb" else [_no_formula(text) for text in texts]


def _no_formula(text: str) -> str:
    """Escape ``text`` that a spreadsheet would take for a formula: a run may be called "=1+1"."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _values(values: ArrayLike) -> list[Any]:
    kind = np.asarray(values).dtype.kind
    if kind in "iu":
        return list(np.asarray(values).tolist())
    texts = _texts(values)
    if kind != "f":
        return [text or None for text in texts]
    return [None if not text else text if "inf" in text else float(text) for text in texts]


def _add_heatmap(table: Table, trace: Mapping[str, Any], x_title: str, y_title: str) -> None:
    z = np.atleast_2d(np.asarray(trace["z"]))
    y = trace.get("y") if trace.get("y") is not None else np.arange(1, len(z) + 1)
    if trace.get("x") is not None:
        table[_unused_name(table, x_title)] = np.asarray(trace["x"])
    bar = trace.get("colorbar", {}).get("title", {}).get("text", "")
    for at, row in zip(np.asarray(y), z, strict=True):
        place = at if isinstance(at, str) else f"{at:.5g}"  # a category, or a number
        table[_unused_name(table, f"{bar or 'picture'}, {y_title} {place}")] = row


def _title(layout: Mapping[str, Any], trace: Mapping[str, Any], letter: str) -> str:
    axis = layout.get(f"{letter}axis{str(trace.get(f'{letter}axis', letter))[1:]}", {})
    title = axis.get("title") or ""
    text = plain_text(str(title.get("text") or "" if isinstance(title, dict) else title))
    if str(axis.get("tickformat")).endswith("%"):  # the page shows percent, the numbers are shares
        text = f"{text.removesuffix('(%)').strip()} (0..1)"
    return text or {"x": "x", "y": "row" if trace.get("type") == "heatmap" else "y"}[letter]


def _same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a.shape == b.shape and bool(np.all((a == b) | ((a != a) & (b != b))))


def _unused_name(table: Table, name: str) -> str:
    """Return ``name``, with a number appended if the table already has it."""
    number = 2
    while name in table:
        name, number = f"{name.removesuffix(f' ({number - 1})')} ({number})", number + 1
    return name
