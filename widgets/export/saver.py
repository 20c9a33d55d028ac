"""What every panel can do: write its charts to files, from code or from a button of the page."""

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from lab.knob import ConfigError
from widgets.export.chart_file import DECKS, FORMATS, Sheet
from widgets.export.decks import write_deck
from widgets.export.provenance import Settings, of_knobs
from widgets.export.save_bar import SaveBar, told
from widgets.export.section_words import Words, chart_words, panel_words
from widgets.export.slide import as_seen
from widgets.export.table import Table, of_figure
from widgets.export.themes import THEMES
from widgets.figure.live_figure import LiveFigure
from widgets.figure.requests import SaveRequest


class Saving:
    """A part of Panel. A subclass may give :meth:`settings` and :meth:`table`.

    Attributes:
        figures: name -> LiveFigure; the name is that of the chart's file.
        save_bar: the menu of themes and the buttons that save all charts.
    """

    _lock: AbstractContextManager[Any]
    _figures: dict[str, LiveFigure]
    _outer: "Saving | None" = None
    _inner: "Saving | None" = None
    save_bar: SaveBar
    children: Any

    @property
    def figures(self) -> dict[str, LiveFigure]:
        return self._figures

    @figures.setter
    def figures(self, figures: dict[str, LiveFigure]) -> None:
        self._figures = figures
        for name, figure in figures.items():
            figure.on_save_request(partial(self.on_save_request, name))
        self.save_bar.layout.display = None if figures else "none"

    def adopt(self, inner: "Saving") -> None:
        """Let a panel that stands in this one share its save bar and its settings; its charts are this one's, too."""
        self._inner, inner._outer = inner, self
        own, inner.save_bar = inner.save_bar, self.save_bar
        inner.children = tuple(child for child in inner.children if child is not own)
        own.close()

    def settings(self) -> Settings:
        """What a chart's caption says that it was made with; by default every knob of the panel."""
        knobs = getattr(self, "knobs", {})
        return of_knobs(knobs) if isinstance(knobs, dict) else {}

    def table(self, name: str) -> Callable[[], Table]:
        """What gives the columns of chart ``name`` as data, of the run that is shown now whatever is shown then.

        By default they are what the chart's traces hold.
        """
        return partial(of_figure, self._figures[name].figure)

    def export(self, path: str | Path, theme: str = "") -> Path:
        """Write one chart: ``panel.export("loss.svg")``.

        Args:
            path: its stem names the chart, its suffix the format (FORMATS); the folder is made if need be.
            theme: "light", "dark" or "print"; by default what the panel's menu has.

        Returns:
            The path.

        Raises:
            ConfigError: for another chart, format or theme, with those there are.
            ExportError: for a picture, where there is no browser to draw it.
        """
        path = Path(path)
        suffix = _checked("the format", path.suffix.removeprefix(".").lower(), FORMATS)
        owner = self._owners()[_checked("the chart", path.stem, self._owners())]
        self.catch_up()
        return _written(path, owner.sheet(path.stem, theme).write(suffix))

    def export_all(self, folder: str | Path, formats: Iterable[str] = ("png", "csv"), theme: str = "") -> list[Path]:
        """Write every chart into ``folder``, in each of ``formats``; as :meth:`export`."""
        suffixes = [_checked("the format", suffix, FORMATS) for suffix in formats]
        return [
            _written(Path(folder, f"{sheet.name}.{suffix}"), sheet.write(suffix))
            for sheet in self._sheets(theme)
            for suffix in suffixes
        ]

    def deck(self, path: str | Path, theme: str = "") -> Path:
        """All charts in one file: slides (.pptx), a web page (.html), pictures and data (.zip); as :meth:`export`."""
        path = Path(path)
        suffix = _checked("the format", path.suffix.removeprefix(".").lower(), DECKS)
        return _written(path, self._deck(suffix, theme)(lambda _: None))

    def catch_up(self) -> None:
        """Bring every chart up to date, those out of sight too; by default they always are."""

    def sheet(self, name: str, theme: str = "", request: SaveRequest | None = None) -> Sheet:
        """Chart ``name`` as it is drawn; with ``request`` as its reader has zoomed it.

        Raises:
            ConfigError: for another chart or theme, with those there are.
        """
        _checked("the chart", name, self._figures)
        theme = _checked("the theme", theme or self.save_bar.theme.value, THEMES)
        with self._lock:
            figure = self._figures[name]
            chart = as_seen(figure.figure, request.ranges, request.hidden) if request else figure.figure
            words = chart_words(self._outer or self).get(figure, Words("", ""))
            settings = (self._outer.settings() if self._outer else {}) | self.settings()
            return Sheet(name, figure.label, chart, self.table(name), settings, words, theme)

    def on_save_request(self, name: str, request: SaveRequest) -> None:
        """Somebody asks for chart ``name``: the page draws PNG and SVG by itself, the rest is written in a thread."""
        figure = self._figures[name]
        with _answering(figure, request.number):
            kind = _checked("the format", request.kind, FORMATS)
            self.catch_up()
            sheet = self.sheet(name, request=request)
            if kind in ("png", "svg"):
                figure.give_slide(request.number, f"{name}.{kind}", sheet.slide)
                return

            def write() -> None:
                with _answering(figure, request.number):
                    figure.give(request.number, f"{name}.{kind}", FORMATS[kind], sheet.write(kind))

            threading.Thread(target=write, name="lab-export", daemon=True).start()

    def on_save_all(self, suffix: str) -> None:
        """Make one file of all charts in a thread, and give it to the page."""
        bar = self.save_bar
        write, figure = self._deck(suffix), next(iter(self._figures.values()))
        name = re.sub(r"\W+", "_", panel_words(type(self).__name__).title.lower()).strip("_")
        many = len(self._owners())

        def work() -> None:
            content = write(lambda done: bar.say(f"Drawing chart {done + 1} of {many} …"))
            figure.give("", f"{name}.{suffix}", DECKS[suffix], content)

        bar.begin()
        threading.Thread(target=bar.work, args=(work, f"Saved {name}.{suffix}"), name="lab-export", daemon=True).start()

    def _deck(self, suffix: str, theme: str = "") -> Callable[[Callable[[int], None]], bytes]:
        sheets = self._sheets(theme)
        if not sheets:
            raise ConfigError("the panel", "no chart", "one with charts")
        words, settings = panel_words(type(self).__name__), sheets[0].settings
        return lambda tell: write_deck(suffix, sheets, words, settings, sheets[0].theme, tell)

    def _owners(self) -> "dict[str, Saving]":
        """Chart -> the panel that it is of, those of a panel that stands in this one last."""
        return {name: panel for panel in (self, self._inner) if panel for name in panel._figures}

    def _sheets(self, theme: str) -> list[Sheet]:
        self.catch_up()
        return [owner.sheet(name, theme) for name, owner in self._owners().items()]


def _checked(what: str, value: str, allowed: Mapping[str, object]) -> str:
    if value not in allowed:
        raise ConfigError(what, value, "one of " + ", ".join(allowed))
    return value


def _written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


class _answering(AbstractContextManager[None]):
    """Whatever goes wrong inside is told beside the button that was pressed."""

    def __init__(self, figure: LiveFigure, number: str) -> None:
        self._figure, self._number = figure, number

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if error is None:
            return False
        self._figure.refuse(self._number, told(error))
        return isinstance(error, Exception)
