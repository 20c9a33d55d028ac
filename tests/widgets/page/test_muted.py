"""The switch for what is shown and not entered."""

import threading

import pytest

from widgets.page.muted import Muted


def test_it_is_on_within_its_blocks_only_whatever_happens_in_them() -> None:
    quiet = Muted()
    assert not quiet
    with pytest.raises(ZeroDivisionError), quiet:
        with quiet:
            assert quiet
        assert quiet, "the outer block goes on"
        raise ZeroDivisionError
    assert not quiet


def test_what_a_person_enters_while_another_thread_shows_something_counts() -> None:
    quiet, heard = Muted(), []
    with quiet:
        person = threading.Thread(target=lambda: heard.append(bool(quiet)))
        person.start()
        person.join()
    assert heard == [False]
