"""Write a panel's charts to files, from code or when a button on the page is pressed."""

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol

from lab.knob import ConfigError
from widgets.export.chart_file import DECKS, FORMATS, ChartFile
from widgets.export.deck import Progress, write_deck
from widgets.export.provenance import Settings
from widgets.export.save_bar import SaveBar, error_text
from widgets.export.section_words import Words
from widgets.export.slide import as_seen
from widgets.export.table import Table
from widgets.export.themes import THEMES
from widgets.figure.live_figure import LiveFigure
from widgets.figure.requests import SaveRequest


class Savable(Protocol):
    """Protocol: the members of a panel that a Saver reads; ``Panel`` documents each."""

    TITLE: ClassVar[str]
    NOTICE: ClassVar[str]

    @property
    def figures(self) -> Mapping[str, LiveFigure]: ...

    def settings(self) -> Settings: ...
    def table(self, name: str) -> Callable[[], Table]: ...
    def chart_words(self) -> Mapping[str, Words]: ...
    def speaker_notes(self) -> str: ...
    def catch_up(self) -> None: ...


class Saver:
    """Writer of one panel's charts, and of those of the panel nested in it.

    Args:
        panel: panel whose charts are saved.
        lock: held while a chart is read, so that its lines, numbers and settings are consistent.

    Attributes:
        bar: the menu of themes and the buttons that save all charts; shared with ``outer``.
        outer: the saver of the panel around this one's, or None.
        inner: the saver of a panel nested in this one's and saved with it, or None.
    """

    def __init__(self, panel: Savable, lock: AbstractContextManager[Any]) -> None:
        self._panel, self._lock = panel, lock
        self.bar = SaveBar(self.save_all)
        self.outer: Saver | None = None
        self.inner: Saver | None = None

    def connect(self, figures: Mapping[str, LiveFigure]) -> None:
        """Handle the Save menus of ``figures``; show the save bar if there are any."""
        for name, figure in figures.items():
            figure.on_save_request(partial(self._save_request, name))
        self.bar.layout.display = None if figures else "none"

    def adopt(self, inner: "Saver") -> None:
        """Save ``inner``'s charts with this saver's, and with its settings; they share this one's bar."""
        self.inner, inner.outer, inner.bar = inner, self, self.bar

    @property
    def words(self) -> Words:
        """The panel's title and notice."""
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(self._panel).__name__.removesuffix("Panel"))
        return Words(self._panel.TITLE or name, self._panel.NOTICE)

    def export(self, path: str | Path, theme: str = "") -> Path:
        """Write one chart; see ``Panel.export``."""
        path = Path(path).expanduser()
        suffix = _checked("the format", path.suffix.removeprefix(".").lower(), FORMATS)
        owners = self.owners()
        owner = owners[_checked("the chart", path.stem, owners)]
        return _write(path, owner.chart_file(path.stem, theme).content(suffix))

    def export_all(self, folder: str | Path, formats: Iterable[str], theme: str = "") -> list[Path]:
        """Write every chart in each of ``formats``; see ``Panel.export_all``."""
        named = [formats] if isinstance(formats, str) else formats
        suffixes = [_checked("the format", suffix, FORMATS) for suffix in named]
        return [
            _write(Path(folder).expanduser() / (f"{chart.name}.{suffix}"), chart.content(suffix))
            for chart in self.chart_files(theme)
            for suffix in suffixes
        ]

    def deck(self, path: str | Path, theme: str = "") -> Path:
        """Write all charts into one file; see ``Panel.deck``."""
        path = Path(path).expanduser()
        suffix = _checked("the format", path.suffix.removeprefix(".").lower(), DECKS)
        return _write(path, self._deck(suffix, theme)(lambda _: None))

    def save_all(self, suffix: str) -> None:
        """Make one file of all charts in a thread, and send it to the page; ``suffix`` is a key of DECKS."""
        make = self._deck(suffix)
        count, figure = len(self.owners()), next(iter(self._panel.figures.values()))
        name = re.sub(r"\W+", "_", self.words.title.lower()).strip("_")

        def work() -> None:
            content = make(lambda done: self.bar.show(f"Drawing chart {done + 1} of {count} …"))
            figure.send_file("", f"{name}.{suffix}", DECKS[suffix], content)

        self.bar.run_in_thread(work, f"Saved {name}.{suffix}")

    def owners(self) -> "dict[str, Saver]":
        """Return chart name -> the saver of its panel, the inner panel's charts last."""
        return {name: saver for saver in (self, self.inner) if saver for name in saver._panel.figures}

    def chart_file(self, name: str, theme: str = "", request: SaveRequest | None = None) -> ChartFile:
        """Return chart ``name`` as it is now; with ``request``, at the reader's zoom.

        Raises:
            ConfigError: for an unknown chart or theme; it lists the valid ones.
        """
        self._panel.catch_up()
        return self._read(name, theme, request)

    def chart_files(self, theme: str = "") -> list[ChartFile]:
        """Return every chart as it is now."""
        owners = self.owners()
        for saver in dict.fromkeys(owners.values()):
            saver._panel.catch_up()
        return [saver._read(name, theme) for name, saver in owners.items()]

    def _read(self, name: str, theme: str, request: SaveRequest | None = None) -> ChartFile:
        panel = self._panel
        _checked("the chart", name, panel.figures)
        theme = _checked("the theme", theme or self.bar.theme.value, THEMES)
        with self._lock:
            figure = panel.figures[name]
            chart = (
                as_seen(figure.figure_at(request.span), request.ranges, request.hidden) if request else figure.figure
            )
            words = panel.chart_words().get(name, Words("", ""))
            settings = (self.outer._panel.settings() if self.outer else {}) | panel.settings()
            return ChartFile(name, figure.label, chart, panel.table(name), settings, words, theme)

    def _save_request(self, name: str, request: SaveRequest) -> None:
        """Handle a Save menu's request: the page draws PNG and SVG itself, other formats are written in a thread."""
        figure = self._panel.figures[name]
        with _refusing(figure, request.id):
            kind = _checked("the format", request.kind, FORMATS)
            chart = self.chart_file(name, request=request)
            if kind in ("png", "svg"):
                figure.send_slide(request.id, f"{name}.{kind}", chart.slide)
                return

            def write() -> None:
                with _refusing(figure, request.id):
                    figure.send_file(request.id, f"{name}.{kind}", FORMATS[kind], chart.content(kind))

            threading.Thread(target=write, name="lab-export", daemon=True).start()

    def _deck(self, suffix: str, theme: str = "") -> Callable[[Progress], bytes]:
        """Read all charts now; return a function that writes the deck, which may be called in another thread."""
        charts = self.chart_files(theme)
        charts = [chart for chart in charts if not chart.empty] or charts[:1]
        if not charts:
            raise ConfigError("the panel", "no chart", "one with charts")
        return partial(write_deck, suffix, charts, self.words, notes=self._panel.speaker_notes())


def _checked(what: str, value: str, allowed: Mapping[str, object]) -> str:
    if value not in allowed:
        raise ConfigError(what, value, "one of " + ", ".join(allowed))
    return value


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


class _refusing(AbstractContextManager[None]):
    """Context manager that shows an error raised inside it beside the save button that was pressed."""

    def __init__(self, figure: LiveFigure, id: str) -> None:
        self._figure, self._id = figure, id

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if error is None:
            return False
        self._figure.send_refusal(self._id, error_text(error))
        return isinstance(error, Exception)
