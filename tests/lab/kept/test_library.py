"""The list: searched, renamed, deleted and brought back, made again when its index is lost."""

import errno
import os
import time
from pathlib import Path

import pytest

from lab.config import Config
from lab.kept import RUNS, KeptError, KeptRun, Library, file, label, list_cache
from lab.kept.folder import default_folder
from lab.kept.library import ABANDONED_SECONDS, DELETED, DELETED_DAYS
from tests.lab.kept.fakes import FakeSession, keep_ended, keep_live, run_file


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "runs")


def session_of(**settings: object) -> FakeSession:
    session = FakeSession(Config(**settings))
    session.start()
    session.grow(2)
    return session


def ids(library: Library, search: str = "") -> list[str]:
    return [run.id for run in library.runs(search)]


def test_the_folder_is_made_by_the_first_run(library: Library) -> None:
    assert library.runs() == library.problems() == [] and library.undo() is None
    assert not library.folder.exists()
    keep_ended(library)
    assert library.folder.is_dir()


def test_the_newest_run_comes_first(library: Library) -> None:
    kept = [keep_ended(library).id for _ in range(3)]
    assert ids(library) == kept[::-1]


def test_the_names_that_runs_get_tell_their_settings_and_differ(library: Library) -> None:
    plain = [keep_ended(library, session_of(device="cpu")).name for _ in range(2)]
    assert plain[0].startswith("Defaults · 20") and plain[0] != plain[1]
    assert keep_ended(library, session_of(lr=0.9, widths=(4, 8))).name.startswith("Learning rate 0.9, Widths 4, 8 · 20")
    many = session_of(lr=0.9, momentum=0.5, norm="none", epochs=1, seed=3, size=500)
    assert "2 more · 20" in keep_ended(library, many).name
    assert [keep_ended(library, name=" My   run ").name for _ in range(2)] == ["My run", "My run"]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", "ab"),
        ("FAST", "a"),
        ("fast slow", ""),
        ("rate", "a"),
        ("0.9", "a"),
        ("lr=0.9", "a"),
        ("lr=.90", "a"),
        ("lr=0.4", "b"),
        ("adam", "b"),
        ("optimizer=sgd", "a"),
        ("layernorm", "b"),
        ("stopped", "b"),
        ("seen", "b"),
        ("widths=4,8", "a"),
        ("colour=red", ""),
    ],
)
def test_search(library: Library, search: str, found: str) -> None:
    a = keep_ended(library, session_of(lr=0.9, widths=(4, 8)), "fast one")
    b = keep_ended(library, session_of(optimizer="adam", norm="layer"), "slow one", "stopped")
    library.set_note(b.id, "Seen on a slide")
    assert ids(library, search) == [run.id for run in (b, a) if {a.id: "a", b.id: "b"}[run.id] in found]


def test_a_new_name_and_note_outlive_the_process(library: Library) -> None:
    run = keep_ended(library)
    before = library.open(run.id).columns["loss"].tobytes()
    library.rename(run.id, "  The one \n")
    library.set_note(run.id, "Two lines\nof note ")
    for seen in (library, Library(library.folder)):
        again = seen.get(run.id)
        assert (again.name, again.note, again.updated) == ("The one", "Two lines\nof note", run.updated)
    assert library.open(run.id).columns["loss"].tobytes() == before


def test_half_an_emoji_in_a_name_is_no_reason_to_fail(library: Library) -> None:
    run = keep_ended(library, name="best \ud83d")
    library.set_note(run.id, "\ud83d noted 🎉")
    assert (library.get(run.id).name, library.get(run.id).note) == ("best ?", "? noted 🎉")


@pytest.mark.parametrize("name", ["", "  ", "x" * 201])
def test_a_name_that_is_none_is_refused(library: Library, name: str) -> None:
    run = keep_ended(library)
    with pytest.raises(KeptError, match="name"):
        library.rename(run.id, name)
    assert library.get(run.id) == run


def test_orders_about_a_run_that_is_not_there_are_refused(library: Library) -> None:
    keep_ended(library)
    for order in (library.get, library.open, library.delete):
        with pytest.raises(KeptError, match="no kept run 'nope'"):
            order("nope")
    with pytest.raises(KeptError, match="no kept run"):
        library.rename("nope", "name")


def test_deleted_runs_come_back_the_last_first(library: Library) -> None:
    runs = [keep_ended(library, name=name) for name in "abc"]
    library.set_note(runs[0].id, "with a note")
    record = library.open(runs[0].id).columns["loss"].tobytes()
    for run in runs[:2]:
        library.delete(run.id)
    assert ids(library) == [runs[2].id] and library.problems() == []
    back = Library(library.folder).undo()
    assert back == runs[1]
    back = library.undo()
    assert back is not None and (back.name, back.note) == ("a", "with a note")
    assert library.open(back.id).columns["loss"].tobytes() == record
    assert library.undo() is None and len(library.runs()) == 3


def test_a_live_run_is_not_deleted(library: Library) -> None:
    session, writer = keep_live(library)
    with pytest.raises(KeptError, match="stop it first"):
        library.delete(writer.id)
    session.end()
    writer.close()
    library.delete(writer.id)
    assert library.runs() == []


def test_what_was_deleted_long_ago_or_half_written_goes_with_the_next_run(library: Library) -> None:
    old, new = keep_ended(library), keep_ended(library)
    library.delete(old.id)
    library.delete(new.id)
    bin = library.folder / DELETED
    (path,) = bin.glob(f"*{old.id}*")
    long_ago = time.time_ns() - (DELETED_DAYS * 86_400 + 60) * 10**9
    path.rename(bin / f"{long_ago:020d}-{old.id}.npz")
    halves = [library.folder / f".{name}.tmp" for name in ("old", "new")]
    for half in halves:
        half.write_bytes(b"PK")
    past = time.time() - ABANDONED_SECONDS - 60
    os.utime(halves[0], (past, past))
    assert library.problems() == []
    keep_ended(library)
    assert [half.exists() for half in halves] == [False, True]
    assert [path.stem.partition("-")[2] for path in bin.iterdir()] == [new.id]


@pytest.mark.parametrize(
    "torn", [b"no json", b"", b"[]", b'{"version": "another", "runs": 1}', b'{"version": %r, "runs": [[1]]}']
)
def test_a_lost_or_torn_cache_of_the_list_is_made_again(library: Library, torn: bytes) -> None:
    for name in "abc":
        keep_ended(library, session_of(lr=0.1, widths=(4, 8)), name)
    before = repr(Library(library.folder).runs())
    cache = library.folder / list_cache.NAME
    cache.write_bytes(torn.replace(b"%r", f'"{list_cache.VERSION}"'.encode()))
    assert repr(Library(library.folder).runs()) == before and library.problems() == []
    assert len(list_cache.load(library.folder)) == 3
    cache.unlink()
    assert repr(Library(library.folder).runs()) == before and cache.exists()


def test_a_cache_that_cannot_be_written_is_no_reason_to_fail(library: Library) -> None:
    (library.folder / list_cache.NAME).mkdir(parents=True)
    run = keep_ended(library)
    library.rename(run.id, "renamed")
    for seen in (library, Library(library.folder)):
        assert ids(seen) == [run.id] and seen.get(run.id).name == "renamed" and seen.problems() == []
    assert not list(library.folder.glob(".*.tmp"))


@pytest.mark.parametrize("torn", ["no json", "[]", "{}", '{"version": 1, "name": 3, "note": ""}', '{"version": 2}'])
def test_a_label_that_cannot_be_read_is_reported_and_left_untouched(library: Library, torn: str) -> None:
    run = keep_ended(library, name="as begun")
    path = label.path_of(library.folder, run.id)
    path.write_text(torn)
    for _ in range(2):
        assert library.get(run.id).name == "as begun" and path.name in library.problems()[0]
    with pytest.raises(KeptError, match=path.name):
        library.rename(run.id, "new")
    assert path.read_text() == torn
    path.unlink()
    library.rename(run.id, "new")
    assert library.get(run.id).name == "new" and library.problems() == []


def test_a_folder_that_cannot_be_written_to_says_so_and_loses_no_name(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = keep_ended(library)
    library.rename(run.id, "first")

    def refuse(*paths: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        patch.setattr(label.os, "replace", refuse)
        for order in (lambda: library.rename(run.id, "second"), lambda: library.set_note(run.id, "noted")):
            with pytest.raises(KeptError, match="Read-only file system"):
                order()
    assert (library.get(run.id).name, library.get(run.id).note) == ("first", "")
    assert not list(library.folder.glob(".*.tmp"))


def test_a_database_of_an_earlier_version_is_no_foreign_file(library: Library) -> None:
    keep_ended(library)
    for name in ("index.sqlite", "index.sqlite-journal", "index.sqlite.torn"):
        (library.folder / name).write_bytes(b"")
    assert library.problems() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": 7}, {"note": None}, {"steps": "9"}, {"steps": True}, {"loss": "low"}, {"started": 3}, {"versions": []},
        {"versions": {"torch": 2}}, {"config": []}, {"outcome": 1}, {"updated": "0001-01-01T00:00:00+14:00"},
    ],
)  # fmt: skip
def test_a_file_with_a_wrongly_typed_field_is_reported_and_the_rest_is_listed(
    library: Library, wrong: dict[str, object]
) -> None:
    good, bad = keep_ended(library), keep_ended(library)
    written = KeptRun.to_dict(bad)
    record = library.open(bad.id)

    class Wrong(KeptRun):
        def to_dict(self) -> dict[str, object]:
            return written | wrong

    file.write(run_file(library, bad), Wrong(**bad.__dict__), record)
    for seen in (library, Library(library.folder)):
        assert ids(seen) == [good.id] and [bad.id in line for line in seen.problems()] == [True]


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    library = Library(tmp_path / "runs")
    assert library.runs() == [] and "not a folder" in library.problems()[0]


def test_files_that_came_from_elsewhere_are_listed(library: Library, tmp_path: Path) -> None:
    run = keep_ended(Library(tmp_path / "elsewhere"), session_of(lr=0.9))
    other = keep_ended(library)
    copy = run_file(library, "a copy")
    copy.write_bytes(run_file(Library(tmp_path / "elsewhere"), run).read_bytes())
    assert ids(library) == [other.id, "a copy"] and library.get("a copy").config == run.config
    copy.unlink()
    assert ids(library) == [other.id]


def test_where_the_folder_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "foundations-lab-" in os.environ[RUNS], "tests keep their runs in a folder of their own"
    assert Library().folder == default_folder() == Path(os.environ[RUNS])
    monkeypatch.delenv(RUNS)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "foundations-lab" / "runs"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".local" / "share" / "foundations-lab" / "runs"
    monkeypatch.setattr("sys.platform", "darwin")
    assert default_folder() == tmp_path / "Library" / "Application Support" / "foundations-lab" / "runs"


def test_a_list_opens_no_file_that_it_has_seen(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    data = run_file(library, keep_ended(library, session_of(seed=7))).read_bytes()
    for number in range(50):
        run_file(library, f"copy {number}").write_bytes(data)
    (library.folder / "torn.npz").write_bytes(data[:-1])
    assert len(library.runs()) == 51 and len(library.problems()) == 1

    opened = []

    def looked(path: Path) -> None:
        opened.append(path.name)
        raise KeptError("opened")

    monkeypatch.setattr(file, "look", looked)
    assert len(library.runs()) == 51 and len(library.problems()) == 1
    assert opened == []
    assert len(Library(library.folder).runs("seed=7")) == 51
    assert opened == ["torn.npz"], "another process opens what is not in the cache, and nothing else"
