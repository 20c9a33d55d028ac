"""The wheel: `python -m lab` with torch and numpy alone; the dashboards served from an empty folder."""

import os
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dashboards.conftest import free_port, serving

ROOT = Path(__file__).resolve().parent.parent
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]

ONLY_CORE = """
import importlib.abc, runpy, sys

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {refused}:
            raise ModuleNotFoundError(f"{{name}} is not installed", name=name)

sys.meta_path.insert(0, Refuse())
sys.argv = ["lab", "--size", "100", "--batch-size", "50", "--epochs", "1", "--widths", "4,8", "--device", "cpu"]
runpy.run_module("lab", run_name="__main__")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built from what git has or would add, without the network."""
    home = tmp_path_factory.mktemp("wheel")
    source = home / "source"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(str.strip, listed.stdout.splitlines()):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "benchmarks/", "docs/")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    command = [
        *PIP,
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
        str(home),
        str(source),
    ]
    subprocess.run(command, check=True)
    (made,) = home.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the installed wheel and none of its requirements."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [*PIP, "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder), str(wheel)], check=True
    )
    yield folder


def python(site: Path, folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in an empty folder, with the installed wheel before everything else."""
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def test_the_wheel_holds_all_that_is_needed_and_no_more(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert {name.partition("/")[0] for name in names} == {"lab", "widgets"}
    for folder, pattern, inside in (
        ("dashboards", "*.ipynb", "widgets/dashboards"), ("widgets", "**/*.js", "widgets"),
        ("widgets", "**/*.css", "widgets"), ("widgets/serve/templates", "*", "widgets/serve/templates"),
        ("lab/data", "*.npz", "lab/data"), ("lab/experiments", "measured/*.json", "lab/experiments"),
        ("lab", "**/*.py", "lab"), ("widgets", "**/*.py", "widgets"),
    ):  # fmt: skip
        wanted = {f"{inside}/{path.relative_to(ROOT / folder)}" for path in (ROOT / folder).glob(pattern)}
        assert wanted and wanted <= names
    assert {"lab/py.typed", "widgets/py.typed"} <= names


def test_lab_runs_with_torch_and_numpy_alone(site: Path, tmp_path: Path) -> None:
    refused = {
        "numba",
        "ipywidgets",
        "anywidget",
        "plotly",
        "traitlets",
        "IPython",
        "voila",
        "pptx",
        "kaleido",
        "widgets",
    }
    done = python(site, tmp_path, ONLY_CORE.format(refused=refused))
    assert done.returncode == 0, done.stderr
    assert "finished" in done.stdout


def test_the_dashboards_are_served_from_an_empty_folder(site: Path, tmp_path: Path) -> None:
    found = python(site, tmp_path, "import lab, widgets; print(*lab.__path__, *widgets.__path__)").stdout
    assert found.split() == [str(site / "lab"), str(site / "widgets")], "not the checkout"
    port = free_port()
    command = ["widgets.serve", "--port", str(port), "--no-browser", "--no-token"]
    # `serving` runs in an empty folder, whose path is not searched: only the installed wheel has these packages.
    with serving(tmp_path / "home", command, port, PYTHONPATH=str(site), PYTHONSAFEPATH="1") as server:
        with urllib.request.urlopen(f"{server.url}/", timeout=60) as answer:
            index = answer.read().decode()
        for path in (ROOT / "dashboards").glob("*.ipynb"):
            if path.name != "index.ipynb":
                assert path.name in index
        with urllib.request.urlopen(f"{server.url}/voila/render/spread.ipynb", timeout=60) as answer:
            page = answer.read().decode()
        assert '"text/plain": "SpreadPanel()"' in page and "Traceback" not in page, "the kernel has made its panel"
