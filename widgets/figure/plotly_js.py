"""plotly's own script, of the installed plotly package; the package itself is not imported."""

import functools
import gzip
import importlib.util
from pathlib import Path


def plotly_path() -> Path:
    """Return the path of plotly.min.js.

    Raises:
        ModuleNotFoundError: without the plotly package.
    """
    spec = importlib.util.find_spec("plotly")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("figures need the plotly package, whose plotly.min.js they draw with")
    return Path(spec.submodule_search_locations[0], "package_data", "plotly.min.js")


@functools.cache
def plotly_script() -> bytes:
    """plotly.min.js, gzipped (1.5 MB)."""
    return gzip.compress(plotly_path().read_bytes(), compresslevel=6)
