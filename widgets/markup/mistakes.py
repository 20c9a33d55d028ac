"""The worst mistakes of a validation as tiles of a page: the picture, its true class, and what the net said."""

import html

import numpy as np

from lab.concepts.softmax import softmax
from lab.record import Mistakes
from widgets.markup.grey_png import data_uri

NONE_YET = "No validation yet: one comes at the end of each epoch."


def tiles(mistakes: Mistakes | None) -> str:
    """Return a list of tiles, worst first; a sentence where there is none."""
    if mistakes is None:
        return f"<p>{NONE_YET}</p>"
    if not len(mistakes.truths):
        return f"<p>After epoch {mistakes.epoch + 1}: no mistake.</p>"
    shown = "".join(_tile(mistakes, index) for index in range(len(mistakes.truths)))
    return (
        f"<p>After epoch {mistakes.epoch + 1}, the wrong answers with the largest loss, worst first.</p>"
        f'<ol class="lab-mistakes">{shown}</ol>'
    )


def words(mistakes: Mistakes, index: int) -> str:
    """Return one mistake in words: "4, answered 9 with .98"."""
    name = mistakes.classes[int(mistakes.truths[index])]
    logits = mistakes.logits[index]
    if not np.isfinite(logits).all():
        return f"{name}; the answer is no number"
    shares = softmax(logits)
    best = int(shares.argmax())
    return f"{name}, answered {mistakes.classes[best]} with {f'{shares[best]:.2f}'.removeprefix('0')}"


def _tile(mistakes: Mistakes, index: int) -> str:
    picture = mistakes.pictures[index]
    said, loss = html.escape(words(mistakes, index)), mistakes.losses[index]
    true, _, rest = said.partition(",")
    image = f'<img alt="" src="{data_uri(picture / np.float32(255))}">' if picture.size else ""
    how_bad = f"loss {loss:.2f}" if np.isfinite(loss) else "loss not finite"
    return f"<li>{image}<span><b>{true}</b>{rest and ',' + rest}</span><small>{how_bad}</small></li>"
