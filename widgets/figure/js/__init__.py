"""The page's half of LiveFigure: its scripts as one module, as small as is cheap, since every figure brings it."""

from pathlib import Path

SCRIPTS = ("theme", "sliders", "shared", "drag", "modebar", "save_menu", "rows", "zoom", "figure")
"""In the order in which they need each other."""


def page_script() -> str:
    """Return the scripts end to end, without indents, empty lines and lines of comment."""
    text = "\n".join(Path(__file__).with_name(f"{name}.js").read_text("utf-8") for name in SCRIPTS)
    lines = map(str.strip, text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))
