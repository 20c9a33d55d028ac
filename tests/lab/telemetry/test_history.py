"""The bounded record: thinning, slices, moving averages, against arithmetic by hand."""

import numpy as np
import pytest

from lab.record import COUNTS, Layout, Mark, Validation
from lab.telemetry.history import History

LAYOUT = Layout(layers=("conv1",), norms=("conv1",), steps_per_epoch=10)


def make(max_rows: int = 64, max_histograms: int = 16) -> History:
    history = History(max_rows=max_rows, max_histograms=max_histograms)
    history.open(LAYOUT)
    return history


def add(history: History, losses: list[float], beta: float = 0.9) -> None:
    """Rows in which every figure tells its step."""
    n, first = len(losses), history.last_step + 1
    rows = np.tile(np.arange(first, first + n, dtype=np.float32)[:, None], (1, len(LAYOUT.device_columns)))
    rows[:, 0] = losses
    hists = np.zeros((n, 1, COUNTS), np.int32)
    hists[:, 0, 0] = np.arange(first, first + n)
    history.append(rows, hists, np.full((n, 3), 0.5), [beta] * n)


def test_an_empty_record_has_its_columns() -> None:
    record = make().since(-1)
    assert record.steps.size == 0 and record.columns["std/conv1"].size == 0 and record.hists.shape == (0, 1, COUNTS)


def test_since_returns_only_later_rows() -> None:
    history = make()
    add(history, [1.0] * 10)
    record = history.since(6)
    assert record.steps.tolist() == [7, 8, 9]
    assert record.columns["mean/conv1"].tolist() == [7, 8, 9]
    assert record.hist_steps.tolist() == [7, 8, 9]
    assert history.since(9).steps.size == 0


def test_slices_put_together_are_the_whole() -> None:
    history = make(1000)
    seen, last = [], -1
    for count in (1, 7, 64, 3):
        add(history, [0.0] * count)
        piece = history.since(last).steps
        seen += piece.tolist()
        last = int(piece[-1])
    assert seen == history.since(-1).steps.tolist() == list(range(75))


def test_what_was_handed_out_is_never_written_again() -> None:
    history = make(64, 16)
    seen = []
    for count in (10, 1, 60, 100, 300):  # the storage grows, then thins several times
        add(history, list(np.arange(count) + 0.5))
        seen.append((history.since(-1), history.last_step))
        copies = [[*record.columns.values(), record.steps, record.hist_steps, record.hists] for record, _ in seen]
        before = [[array.copy() for array in arrays] for arrays in copies]
        add(history, [9.0] * 40)
        add(history, [8.0] * 40)
        for old, new in zip(before, copies, strict=True):
            for one, other in zip(old, new, strict=True):
                np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="read-only"):
        seen[0][0].columns["loss"][0] = 1.0


def test_a_column_is_one_piece_of_memory_and_no_copy() -> None:
    history = make(1000)
    add(history, [1.0] * 20)
    one, other = history.since(-1), history.since(9)
    for name, values in one.columns.items():
        assert values.flags.c_contiguous and np.shares_memory(values, other.columns[name])
    assert one.hists.flags.c_contiguous and np.shares_memory(one.hists, other.hists)


@pytest.mark.parametrize("chunk", [1, 7, 64, 200])
def test_thinning_keeps_multiples_of_the_stride(chunk: int) -> None:
    history = make(max_rows=64, max_histograms=16)
    for _ in range(0, 1000, chunk):
        add(history, [0.0] * chunk)
        assert len(history.since(-1).steps) <= 64
    record = history.since(-1)
    total = history.last_step + 1
    assert record.stride & (record.stride - 1) == 0, "a power of two"
    assert record.steps.tolist() == list(range(0, total, record.stride))
    assert record.columns["mean/conv1"].tolist() == record.steps.tolist(), "rows keep their values"
    assert record.hist_steps.tolist() == list(range(0, total, record.hist_stride))
    assert record.hists[:, 0, 0].tolist() == record.hist_steps.tolist()
    assert len(record.steps) > 32 or total <= 64, "no more is thinned than must be"


def test_memory_is_bounded() -> None:
    history = make(max_rows=64, max_histograms=16)
    add(history, [0.0] * 100)
    size = history._rows._rows.nbytes + history._hists._rows.nbytes
    add(history, [0.0] * 10_000)
    assert history._rows._rows.nbytes + history._hists._rows.nbytes == size


def test_the_moving_average_by_hand() -> None:
    history = make()
    add(history, [10.0, 20.0], beta=0.9)
    columns = history.since(-1).columns
    # From zero: .1 * 10 = 1, then .9 * 1 + .1 * 20 = 2.9; weights .1 and .19; 2.9 / .19 = 15.263.
    assert columns["loss_average"] == pytest.approx([1.0, 2.9])
    assert columns["loss_weight"] == pytest.approx([0.1, 0.19])
    assert columns["loss_average"][1] / columns["loss_weight"][1] == pytest.approx(15.263, abs=1e-3)


def test_the_moving_average_sees_thinned_rows_too() -> None:
    losses = np.random.default_rng(0).normal(size=500).tolist()
    whole, thinned = make(1000), make(16)
    add(whole, losses)
    for begin in range(0, 500, 50):
        add(thinned, losses[begin : begin + 50])
    record = thinned.since(-1)
    assert record.stride > 1
    np.testing.assert_array_equal(
        record.columns["loss_average"], whole.since(-1).columns["loss_average"][:: record.stride]
    )


def test_beta_may_change_on_the_way() -> None:
    history = make()
    add(history, [7.0], beta=0.9)
    add(history, [7.0], beta=0.5)
    columns = history.since(-1).columns
    assert columns["loss_weight"][1] == pytest.approx(1 - 0.9 * 0.5)
    assert columns["loss_average"][1] / columns["loss_weight"][1] == pytest.approx(7.0), "a constant stays itself"


def test_marks_and_validations_come_whole_with_every_slice() -> None:
    history = make(max_rows=8)
    mark, validation = Mark(3, "lr", 0.1, 0.2), Validation(9, 0, 0.5, 0.9, 0.6, 0.8)
    history.mark(mark)
    history.validate(validation)
    add(history, [0.0] * 100)
    record = history.since(10_000)
    assert record.marks == (mark,) and record.validations == (validation,)


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 100, 129, 1000])
def test_the_last_row_stays_however_the_record_was_thinned(rows: int) -> None:
    history = make(64, 16)
    add(history, list(range(rows)))
    history.finish()
    history.finish()
    record = history.since(-1)
    assert record.steps[-1] == record.hist_steps[-1] == rows - 1 == record.columns["loss"][-1] == record.hists[-1, 0, 0]
    assert np.all(np.diff(record.steps) > 0) and len(record.steps) <= 65 and len(record.hist_steps) <= 17


def test_the_accuracys_average_by_hand() -> None:
    history = make()
    rows = np.zeros((3, len(LAYOUT.device_columns)), np.float32)
    rows[:, 1] = 0.2, 0.6, 0.4
    for row in rows:
        history.append(row[None], np.zeros((1, 1, COUNTS), np.int32), np.zeros((1, 3)), [0.9])
    wanted = [0.02, 0.9 * 0.02 + 0.06, 0.9 * (0.9 * 0.02 + 0.06) + 0.04]
    np.testing.assert_allclose(history.since(-1).columns["accuracy_average"], wanted, rtol=1e-6)
