"""The switch for what is shown and not entered."""

import pytest

from widgets.quiet import Quiet


def test_it_is_on_within_its_blocks_only_whatever_happens_in_them() -> None:
    quiet = Quiet()
    assert not quiet
    with pytest.raises(ZeroDivisionError), quiet:
        with quiet:
            assert quiet
        assert quiet, "the outer block goes on"
        raise ZeroDivisionError
    assert not quiet
