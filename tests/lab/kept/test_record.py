"""What was recorded comes back as it was; what is no record of ours is named and left alone."""

import json
import math
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lab.config import DEFAULTS, Config
from lab.kept import KeptError, KeptRun, Library
from lab.kept.file import META, VERSION
from lab.record import COUNTS, Origin
from tests.lab.kept.fakes import LAYOUT, FakeSession, full_session, keep_ended, run_file


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "runs")


def exactly(array: np.ndarray) -> tuple[object, ...]:
    return array.dtype, array.shape, array.tobytes()


def test_a_record_comes_back_bit_by_bit(library: Library) -> None:
    session = full_session()
    before = session.since(-1)
    after = library.open(keep_ended(library, session).id)
    assert list(after.columns) == list(before.columns)
    for name, column in before.columns.items():
        assert exactly(after.columns[name]) == exactly(column), name
    for name in ("steps", "hist_steps", "hists"):
        assert exactly(getattr(after, name)) == exactly(getattr(before, name)), name
    plain = ("layers", "norms", "bins", "range", "steps_per_epoch", "stride", "hist_stride", "marks")
    for name in plain:
        assert getattr(after, name) == getattr(before, name), name
        assert type(getattr(after, name)) is type(getattr(before, name)), name
    assert repr(after.validations) == repr(before.validations).replace("np.float64(2.5)", "2.5")
    assert after.outputs is not None and before.outputs is not None
    assert (after.outputs.step, after.outputs.names) == (before.outputs.step, before.outputs.names)
    assert exactly(after.outputs.logits) == exactly(before.outputs.logits)
    assert exactly(after.outputs.pictures) == exactly(before.outputs.pictures)
    assert after.mistakes is not None and before.mistakes is not None
    for name, part in before.mistakes._asdict().items():
        kept = getattr(after.mistakes, name)
        assert (exactly(kept) == exactly(part)) if isinstance(part, np.ndarray) else kept == part, name


def test_marks_keep_the_types_of_their_values(library: Library) -> None:
    session = full_session()
    values = [(1, 2), 3, 0.1, "batch", True, None]
    for value in values:
        session.history.mark(session.history.since(-1).marks[0]._replace(old=value, new=value))
    marks = library.open(keep_ended(library, session).id).marks[2:]
    assert [(mark.old, type(mark.old)) for mark in marks] == [(value, type(value)) for value in values]


def test_a_record_says_what_it_came_from_and_an_older_file_nothing(library: Library) -> None:
    session = full_session()
    session.history.origin = Origin("the first", 12, "prolonged")
    run = keep_ended(library, session)
    assert library.open(run.id).origin == Origin("the first", 12, "prolonged")
    assert run.name.startswith("Prolonged from step 12 of the first · ") and session.name == run.name
    path = run_file(library, run.id)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    meta = json.loads(entries[META])
    del meta["record"]["origin"]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (entries | {META: json.dumps(meta).encode()}).items():
            archive.writestr(name, content)
    assert Library(library.folder).open(run.id).origin is None


def test_a_thinned_record_keeps_its_strides(library: Library) -> None:
    session = FakeSession()
    session.start()
    session.history._rows.limit, session.history._hists.limit = 100, 20
    for _ in range(20):
        session.grow(50)
    record = library.open(keep_ended(library, session).id)
    assert (record.stride, record.hist_stride) == (16, 64)
    assert record.steps.tolist() == list(range(0, 1000, 16))


def test_a_run_that_failed_before_its_first_step_is_kept(library: Library) -> None:
    session = FakeSession()
    session.error = "RuntimeError: no such device"
    run = keep_ended(library, session, state="failed")
    assert (run.outcome, run.steps) == ("failed", 0) and math.isnan(run.loss) and math.isnan(run.accuracy)
    assert run.error == "RuntimeError: no such device" and library.open(run.id).columns["loss"].size == 0


def test_a_run_tells_its_last_figures_and_how_it_began(library: Library) -> None:
    session = full_session()
    run = keep_ended(library, session)
    assert run.loss == session.since(-1).columns["loss"][-1]
    assert (run.valid_loss, run.accuracy, run.steps, run.seconds) == (math.inf, 0.75, 25, 1.5)
    assert (run.config.lr, run.config.norm_eps) == (0.9, DEFAULTS.norm_eps), "as before the marks"
    assert run.config.widths == (4, 8)
    assert set(run.versions) == {"foundations-lab", "torch", "numpy", "python"} and all(run.versions.values())
    assert run.started <= run.updated and run.started.utcoffset().total_seconds() == 0


def test_numpy_opens_the_file_by_itself(library: Library) -> None:
    run = keep_ended(library, full_session())
    with np.load(run_file(library, run)) as arrays:
        assert arrays["columns"].shape[1] == len(arrays["steps"]) == 25


def rewritten(library: Library, run: KeptRun, change: Callable[[dict], None]) -> bytes:
    """The run's file with its figures changed; its new bytes."""
    path = run_file(library, run)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    meta = json.loads(members[META])
    change(meta)
    members[META] = json.dumps(meta).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path.read_bytes()


def test_a_setting_that_is_missing_has_its_default(library: Library) -> None:
    run = keep_ended(library, full_session())
    rewritten(library, run, lambda meta: meta["run"]["config"].pop("norm"))
    assert library.get(run.id).config == Config(lr=0.9, widths=(4, 8)) and library.problems() == []


@pytest.mark.parametrize("added", ["max_steps", "pool", "patience"])
def test_a_file_from_before_a_setting_was_added_is_of_the_same_run(library: Library, added: str) -> None:
    """Its default is what the lab did without it."""
    run = keep_ended(library, full_session())
    rewritten(library, run, lambda meta: meta["run"]["config"].pop(added))
    assert library.get(run.id).config == run.config and library.problems() == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda meta: meta["run"]["config"].update(dropout=0.5), "dropout"),
        (lambda meta: meta["run"]["config"].update(lr=-1), "(lr) must be above 0"),
        (lambda meta: meta.update(version=VERSION + 1), "newer version"),
        (lambda meta: meta["run"].pop("started"), "torn"),
        (lambda meta: meta.pop("version"), "torn"),
    ],
)
def test_a_file_that_this_version_cannot_read_is_named_and_left(
    library: Library, change: Callable[[dict], None], told: str
) -> None:
    good, bad = keep_ended(library), keep_ended(library, full_session())
    assert len(library.runs()) == 2
    before = rewritten(library, bad, change)
    for seen in (library, Library(library.folder)):
        assert [run.id for run in seen.runs()] == [good.id]
        (problem,) = seen.problems()
        assert bad.id in problem and told in problem
    assert run_file(library, bad).read_bytes() == before


@pytest.mark.parametrize("kept", [0, 1, 100, 2000, -1])
def test_a_torn_file_is_named_and_left(library: Library, kept: int) -> None:
    good, bad = keep_ended(library), keep_ended(library, full_session())
    path = run_file(library, bad)
    path.write_bytes(path.read_bytes()[:kept])
    before = path.read_bytes()
    assert [run.id for run in library.runs()] == [good.id]
    (problem,) = library.problems()
    assert bad.id in problem
    with pytest.raises(KeptError, match=bad.id):
        library.open(bad.id)
    assert path.read_bytes() == before


def test_a_file_with_a_wrong_byte_in_it_is_told_when_it_is_opened(library: Library) -> None:
    run = keep_ended(library, full_session())
    path = run_file(library, run)
    data = bytearray(path.read_bytes())
    at = data.index(b"\x93NUMPY", data.index(b"columns.npy")) + 200
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(KeptError, match="torn"):
        library.open(run.id)


def test_foreign_files_are_named_and_left(library: Library) -> None:
    run = keep_ended(library)
    np.savez(library.folder / "weights.npz", w=np.zeros(3))
    (library.folder / "notes.txt").write_text("mine")
    (library.folder / "folder.npz").mkdir()
    (library.folder / ".hidden").write_text("the system's")
    found = library.problems()
    assert [line.split()[0] for line in found] == ["folder.npz", "notes.txt", "weights.npz"]
    assert [one.id for one in library.runs()] == [run.id]
    assert (library.folder / "notes.txt").read_text() == "mine" and (library.folder / "weights.npz").exists()
    (library.folder / "notes.txt").unlink()
    assert len(library.problems()) == 2


def test_tags_come_back_are_searched_and_an_older_file_has_none(library: Library) -> None:
    session = FakeSession()
    session.start()
    session.grow(2)
    session.end()
    writer = library.keep(session, "tagged", tags={"experiment": "batch-two", "variant": "nn.BatchNorm2d"})
    writer.close()
    for seen in (library, Library(library.folder)):
        assert seen.get(writer.id).tags == {"experiment": "batch-two", "variant": "nn.BatchNorm2d"}
        for search, found in (
            ("experiment=batch-two", 1),
            ("experiment=batch", 0),
            ("batchnorm2d", 1),
            ("form=quick", 0),
        ):
            assert len(seen.runs(search)) == found, search

    rewritten(library, library.get(writer.id), lambda meta: meta["run"].pop("tags"))
    assert Library(library.folder).get(writer.id).tags == {}


def test_weight_histograms_come_back_and_older_files_have_none(library: Library) -> None:
    session = FakeSession(layout=replace(LAYOUT, weight_ranges=((-1.0, 1.0), (-0.25, 0.25))))
    session.start()
    rows = np.ones((3, len(LAYOUT.device_columns)), np.float32)
    counts = np.arange(3 * 2 * COUNTS, dtype=np.int32).reshape(3, 2, COUNTS)
    session.history.append(rows, counts, np.ones((3, 3)), [0.9] * 3, counts + 1)
    run = keep_ended(library, session)
    after = library.open(run.id)
    assert exactly(after.weight_hists) == exactly(counts + 1) and exactly(after.hists) == exactly(counts)
    assert after.weight_ranges == ((-1.0, 1.0), (-0.25, 0.25))

    def of_an_earlier_version(meta: dict) -> None:
        del meta["record"]["weight_ranges"], meta["record"]["mistakes"]
        meta["record"]["columns"] = [name.replace("grad", "other") for name in meta["record"]["columns"]]

    rewritten(library, run, of_an_earlier_version)
    old = library.open(run.id)
    assert old.mistakes is None
    assert old.weight_ranges == () and len(old.weight_hists) == 0 and "grad_mean/conv1" not in old.columns
    assert exactly(old.hists) == exactly(counts)
