"""The page's half of LiveFigure: its scripts as one module, which comes once for all figures of a kernel."""

import hashlib
from functools import cache
from pathlib import Path

SCRIPTS = (
    "theme", "sliders", "words", "shared", "drag", "modebar", "save_menu", "rows", "zoom", "enlarge", "robust",
    "figure",
)  # fmt: skip
"""In the order in which they need each other."""

# What a figure's own module and the shared one meet in, whichever is there first; one for each version of the scripts.
_MEET = """const meet = (globalThis[Symbol.for("foundations-lab/figure-script/%s")] ??= (() => {
let resolve;
const come = new Promise((done) => (resolve = done));
return { come, resolve };
})());
"""


@cache
def page_script() -> str:
    """Return the scripts end to end, without indents, empty lines and lines of comment."""
    text = "\n".join(Path(__file__).with_name(f"{name}.js").read_text("utf-8") for name in SCRIPTS)
    lines = map(str.strip, text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def _meet() -> str:
    return _MEET % hashlib.sha256(page_script().encode()).hexdigest()[:12]


def shared_module() -> str:
    """Return the module with the scripts, of a widget that shows nothing."""
    return f"{_meet()}{page_script()}\nmeet.resolve(liveFigure);\nexport default {{ render() {{}} }};"


def figure_module() -> str:
    """Return a figure's own module: it waits for the shared one."""
    return f"{_meet()}export default async () => (await meet.come)();"
