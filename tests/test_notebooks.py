"""The dashboards as files: notebooks without outputs, with links that lead somewhere."""

import ast
import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.own_nets import ResNet, digits, mlp

DASHBOARDS = Path(__file__).resolve().parent.parent / "dashboards"
NOTEBOOKS = sorted(DASHBOARDS.glob("*.ipynb"))
assert NOTEBOOKS

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)


def read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def text(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


@each
def test_it_has_no_outputs(path: Path) -> None:
    for cell in read(path)["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@each
def test_it_names_its_kernel_and_its_title(path: Path) -> None:
    metadata = read(path)["metadata"]
    assert metadata["kernelspec"]["name"] == "python3"
    first = text(read(path)["cells"][0])
    assert first.startswith(f"# {metadata['title']}\n")
    assert set(metadata) == {"kernelspec", "language_info", "title"}


@each
def test_it_is_prose_and_one_line_of_code_for_each_panel(path: Path) -> None:
    code = [text(cell) for cell in read(path)["cells"] if cell["cell_type"] == "code"]
    if path.name == "index.ipynb":
        assert code == []
    else:
        assert code
        assert all(re.fullmatch(r"from widgets import (\w+)\n\n\1\(\)", line) for line in code)


@each
def test_its_links_lead_to_a_dashboard(path: Path) -> None:
    links = re.findall(r"\]\(([^)]*)\)", "".join(text(cell) for cell in read(path)["cells"]))
    assert links
    assert not [link for link in links if not (DASHBOARDS / link).is_file()]


def test_the_index_names_every_dashboard() -> None:
    index = "".join(text(cell) for cell in read(DASHBOARDS / "index.ipynb")["cells"])
    assert not [path.name for path in NOTEBOOKS if path.name != "index.ipynb" and f"]({path.name})" not in index]


def test_the_readmes_lines_for_a_notebook_work() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (DASHBOARDS.parent / "README.md").read_text(encoding="utf-8"), re.S)
    make, look, more, own, save = blocks
    names: dict[str, Any] = {}
    exec(make, names)
    panel = names["panel"]
    panel.on_step()
    assert panel.session.wait_for(lambda: panel.session.state == "paused", 60)
    assert len(eval(look, names)) == 1
    exec(more, names)
    assert len(names["suggestions"]) == 3 and names["other"].config.lr == 0.1
    x, y = digits(20)
    made: list[Any] = []
    given = {"x": x, "y": y, "x_valid": x, "y_valid": y, "MyResNet": ResNet, "make_mlp": mlp}
    exec(own, given | {"TrainingPanel": lambda **them: made.append(type(panel)(**them))})
    assert [each.session.own.name for each in made] == ["ResNet", "mlp"]
    for each in made:
        each.close()
    # What each of them writes is tested with the export; a whole deck would take half a minute here.
    for name, arguments in re.findall(r"^panel\.(\w+)\((.*)\)$", save, re.M):
        inspect.signature(getattr(panel, name)).bind(*ast.literal_eval(f"({arguments},)"))
    panel.close()
