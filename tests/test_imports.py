"""The import rule: lab knows no screen, widgets touch no tensor, and both need only what the project declares.

Read from the source and, for what is imported along the way, tried in a fresh Python.
"""

import ast
import re
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
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *(line for extra in extras if extra != "test" for line in extras[extra])]
    declared = {line.removeprefix("python-").partition(">")[0].partition("=")[0] for line in lines}
    own = {"lab", "widgets"} if package == "widgets" else {"lab"}
    # triton comes with torch where there is CUDA.
    allowed = own | set(sys.stdlib_module_names) | (BROUGHT | declared if package == "widgets" else set())
    allowed |= {"torch", "numpy", "numba", "triton"} if package == "lab" else set()
    used = {(named(path), top) for path in modules(package) for top in tops(path)}
    assert not {(path, top) for path, top in used if top not in allowed}


# ---- the rooms


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


ALL = {dotted(path): path for package in ("lab", "widgets") for path in modules(package)}
LEVELS = (("charts", "figure", "markup", "page"), ("export", "inputs"), ("panel",), ("run",), ("panels",), ("serve",))
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
GROUND = {"choices", "config", "knob", "schedules", "record", "typed_numbers"}
LAZY_PAIR = ("telemetry", "cuda")
"""The probes load the Triton pass only where there is a GPU, and it measures itself against them."""


def project_modules(path: Path) -> set[str]:
    """The modules of lab and widgets that ``path`` imports, at its top or in functions; not for annotations alone."""
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    annotations = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    ]
    left_out = {id(part) for node in annotations for part in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in left_out:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name in ALL}


def room(name: str) -> str:
    """The folder of a module in its package; a module at the top is a room of its own."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def everything_behind(name: str) -> set[str]:
    """The tops of all that importing module ``name`` would import, through the project's modules."""
    seen, left, found = {name}, [name], set()
    while left:
        path = ALL[left.pop()]
        found |= tops(path)
        new = project_modules(path) - seen
        seen |= new
        left += new
    return found


def test_widgets_has_rooms_only() -> None:
    files = {path.name for path in (ROOT / "widgets").iterdir() if path.is_file()}
    assert files == {"__init__.py", "py.typed"}
    assert {path.name for path in (ROOT / "widgets").iterdir() if path.is_dir()} - {"__pycache__"} == LEVEL.keys()


PURE = [
    name
    for name in ALL
    if name.startswith(("widgets.charts", "widgets.markup", "lab.concepts"))
    or re.fullmatch(r"widgets\.panels\.\w+\.(charts|words)", name)
]


@pytest.mark.parametrize("name", PURE)
def test_charts_words_and_concepts_know_no_widgets(name: str) -> None:
    assert not everything_behind(name) & {"ipywidgets", "anywidget"}


@pytest.mark.parametrize("name", [name for name in ALL if name.startswith("widgets.figure")])
def test_figures_know_nothing_of_lab(name: str) -> None:
    assert "lab" not in everything_behind(name)


@pytest.mark.parametrize("name", [name for name in ALL if name.startswith("widgets.")])
def test_imports_between_the_rooms_of_widgets_go_one_way(name: str) -> None:
    for other in project_modules(ALL[name]):
        if other.startswith("widgets."):
            assert (
                LEVEL[room(other)] < LEVEL[room(name)]
                or room(other) == room(name)
                or (LEVEL[room(other)] == LEVEL[room(name)] == 0)
            ), f"{name} imports {other}"


@pytest.mark.parametrize("name", [name for name in ALL if name.startswith("widgets.")])
def test_no_panel_knows_another_panel(name: str) -> None:
    own = ".".join(name.split(".")[:3])
    others = {other for other in project_modules(ALL[name]) if other.startswith("widgets.panels.")}
    assert not [other for other in others if ".".join(other.split(".")[:3]) != own]


def test_the_folders_of_lab_have_no_cycle() -> None:
    arrows: dict[str, set[str]] = {}
    for name, path in ALL.items():
        if name.startswith("lab."):
            others = {room(other) for other in project_modules(path) if other.startswith("lab.")}
            arrows.setdefault(room(name), set()).update(others - {room(name)})
    arrows[LAZY_PAIR[0]].discard(LAZY_PAIR[1])
    for ground in GROUND:
        assert arrows[ground] <= GROUND, ground
    while leaves := [name for name, others in arrows.items() if not others & arrows.keys()]:
        for name in leaves:
            del arrows[name]
    assert not arrows, "each of these imports another of them"


# ---- what is loaded


def loaded(code: str) -> set[str]:
    """The modules that are in a fresh Python after ``code``."""
    program = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


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
