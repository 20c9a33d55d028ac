"""The import rule: lab knows no screen, widgets touch no tensor, and both need only what the project declares.

Read from the source and, for what is imported along the way, tried in a fresh Python.
"""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCREEN = {
    "ipywidgets",
    "plotly",
    "anywidget",
    "IPython",
    "ipykernel",
    "jupyter_server",
    "voila",
    "traitlets",
    "widgets",
}
# Brought by ipywidgets, voila and kaleido, whose classes and errors are theirs; lab uses none of them.
BROUGHT = {
    "choreographer",
    "traitlets",
    "IPython",
    "ipykernel",
    "jinja2",
    "jupyter_client",
    "jupyter_core",
    "jupyter_server",
    "tornado",
}


def modules(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found
    return found


def imports(path: Path) -> Iterator[str]:
    """The modules that ``path`` names in import statements, inside of functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield node.module or ""


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", modules("lab"), ids=named)
def test_lab_knows_no_screen(path: Path) -> None:
    assert not tops(path) & SCREEN


@pytest.mark.parametrize("path", modules("widgets"), ids=named)
def test_widgets_name_no_torch(path: Path) -> None:
    assert "torch" not in tops(path)


@pytest.mark.parametrize("package", ["lab", "widgets"])
def test_nothing_is_used_that_the_project_does_not_declare(package: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {
        requirement.removeprefix("python-").partition(">")[0].partition("=")[0]
        for requirement in project["dependencies"]
    }
    own = {"lab", "widgets"} if package == "widgets" else {"lab"}
    # triton comes with torch where there is CUDA.
    allowed = own | set(sys.stdlib_module_names) | (BROUGHT | declared if package == "widgets" else set())
    allowed |= {"torch", "numpy", "numba", "triton"} if package == "lab" else set()
    used = {(named(path), top) for path in modules(package) for top in tops(path)}
    assert not {(path, top) for path, top in used if top not in allowed}


def loaded(code: str) -> set[str]:
    """The modules that are in a fresh Python after ``code``."""
    program = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_widgets_bring_no_torch_along_the_way() -> None:
    # voila is loaded by the server only, which is another process.
    names = [dotted(path) for path in modules("widgets") if "serve" not in path.parts]
    found = loaded("import " + ", ".join(names))
    assert {"ipywidgets", "anywidget"} <= found
    assert not {"torch", "numba", "triton", "plotly", "voila"} & found


def test_lab_brings_no_screen_along_the_way() -> None:
    # Triton's pass needs what comes with torch for CUDA.
    left_out = {"__main__.py"} | (set() if find_spec("triton") else {"fused_probes.py"})
    names = [dotted(path) for path in modules("lab") if path.name not in left_out]
    assert not (SCREEN & loaded("import " + ", ".join(names)))


@pytest.mark.parametrize("name", ["lab.config", "lab.session", "lab.kept", "lab.telemetry.history", "lab.schedules"])
def test_a_page_paints_before_torch_is_in(name: str) -> None:
    assert not {"torch", "numba"} & loaded(f"import {name}")
