"""The learning rate finder on a page: a button, the curve, and a button for each suggestion."""

import html
import threading
from collections.abc import Callable

import ipywidgets

from lab.concepts.lr_curve import LrCurve
from lab.training.lr_search import FindLrCancelled, FindLrError, LrSearch
from widgets.charts.find_lr import find_lr
from widgets.figure.live_figure import LiveFigure
from widgets.markup.glossary import meanings, term
from widgets.page.layout import classed, grid, section, show

TITLE = "Find a learning rate"
HELP = (
    f"A copy of the net is trained for up to 100 {term('batch', 'batches')}, the {term('learning rate')} rising from "
    f"10⁻⁶ to 10; the net itself stays as it is. Where does the {term('loss')} begin to fall, where does it fall "
    "fastest, where does it rise again? Guess before you read the suggestions; a click on the curve takes that one."
)
TERMS = ("learning rate", "loss", "cross-entropy", "batch", "moving average", "de-biased average")
"""Words of the curve, which its "?" explains."""


class FindLr(ipywidgets.VBox):
    """A button that starts a sweep, its curve, and a button for each suggestion.

    Args:
        search: begins a sweep, on the button's press.
        over: called from a thread of its own with a sweep that is over; is to call :meth:`show_result`.
        take: called with the learning rate that a person takes.
        loss: what the loss's axis says.

    Attributes:
        button: starts a sweep, and cancels one that goes on; the panel connects it to :meth:`press`.
        figure: LiveFigure of loss over lr.
        takes: a Button for each rule; hidden where the rule suggests nothing.
    """

    def __init__(
        self,
        search: Callable[[], LrSearch],
        over: Callable[[LrSearch], None],
        take: Callable[[float], None],
        loss: str = "cross-entropy (nats)",
    ) -> None:
        self._loss = loss
        self._begin, self._over, self._take = search, over, take
        self._search: LrSearch | None = None
        self._found: dict[str, float] = {}
        self.button = ipywidgets.Button(tooltip="Sweep the learning rate on a copy of the net")
        label = "Loss over the learning rate of a sweep"
        self.figure = LiveFigure(find_lr(None, loss), label=label, words=meanings(TERMS))
        self.figure.on_click(lambda lr, _: take(_rounded(lr)))
        self.takes = [ipywidgets.Button() for _ in range(3)]
        for button in self.takes:
            button.on_click(self.on_take)
        self._words = ipywidgets.HTML()
        row = classed(ipywidgets.HBox([self.button, *self.takes]), "lab-buttons")
        super().__init__([section(TITLE, HELP, parts=[row, self._words, grid([self.figure])])])
        self.clear()

    def on_take(self, button: ipywidgets.Button) -> None:
        """Take the learning rate of the button that was pressed."""
        self._take(self._found[button.description])

    def press(self) -> None:
        """Begin a sweep, or cancel the one that goes on."""
        if self._search is not None:
            self._search.cancel()
            return
        self._search = search = self._begin()
        self.button.description = "Cancel"
        self._say("Sweeping …")

        def wait() -> None:
            search.wait()
            self._over(search)

        threading.Thread(target=wait, name="lab-find-lr-wait", daemon=True).start()

    def show_result(self, search: LrSearch) -> None:
        """Show a sweep that is over, unless the curve was cleared since it began."""
        if search is not self._search:
            return
        try:
            curve = search.result()
        except FindLrCancelled as cancelled:
            self.clear(str(cancelled))
        except FindLrError as error:
            self.clear(str(error), error=True)
        else:
            self._show(curve)

    def clear(self, words: str = "", *, error: bool = False) -> None:
        """Remove the curve of a net that is no longer shown; ``words`` say why there is none."""
        self._search = None
        self.button.description = "Find lr"
        self._found = {}
        for button in self.takes:
            show(button, False)
        self._say(words, error=error)
        self._draw(None)

    def _show(self, curve: LrCurve) -> None:
        """Show a sweep's curve, and what each rule suggests."""
        self._search = None
        self.button.description = "Find lr"
        self._found = {}
        lines = [f"On the net after {curve.step:,} steps." if curve.step else "On the net before its first step."]
        for button, found in zip(self.takes, curve.suggestions, strict=True):
            show(button, found.lr is not None)
            if found.lr is not None:
                button.description, button.tooltip = f"Take {_rounded(found.lr):g} ({found.name})", found.words
                self._found[button.description] = _rounded(found.lr)
            lines.append(f"{found.name}: {found.words}")
        self._say("\n".join(lines))
        self._draw(curve)

    def _say(self, words: str, *, error: bool = False) -> None:
        role = 'role="alert" class="lab-error"' if error else 'role="status"'
        self._words.value = f"<p {role}>{html.escape(words).replace(chr(10), '<br>')}</p>"

    def _draw(self, curve: LrCurve | None) -> None:
        self.figure.draw(find_lr(curve, self._loss))
        self.figure.flush()


def _rounded(lr: float) -> float:
    """Return a learning rate with three significant digits, as people write it."""
    return float(f"{lr:.3g}")
