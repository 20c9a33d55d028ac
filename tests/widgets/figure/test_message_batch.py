"""Several figures' messages as one."""

import threading
from typing import Any

import pytest

from widgets.figure.message_batch import KERNEL, one_message, post


class Sender:
    def __init__(self) -> None:
        self.sent: list[Any] = []

    def send(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        self.sent.append((content, buffers))


@pytest.fixture
def two() -> tuple[Sender, Sender]:
    return Sender(), Sender()


def test_what_is_posted_in_the_block_is_one_message_at_its_end(two: tuple[Sender, Sender]) -> None:
    first, second = two
    with one_message():
        post(first, 1, {"a": 1}, b"12345678")
        with one_message():
            post(second, 2, {"b": 2}, b"")
        post(first, 1, {"c": 3}, b"abcd")
        assert first.sent == second.sent == []
    parts = [(1, {"a": 1}, 8), (2, {"b": 2}, 0), (1, {"c": 3}, 4)]
    assert first.sent == [({"type": "many", "kernel": KERNEL, "parts": parts}, [b"12345678abcd"])]
    assert second.sent == []


def test_one_alone_goes_as_it_is(two: tuple[Sender, Sender]) -> None:
    first, second = two
    with one_message():
        post(first, 1, {"a": 1}, b"1234")
    post(second, 2, {"b": 2}, b"")
    with one_message():
        pass
    assert first.sent == [({"a": 1}, [b"1234"])] and second.sent == [({"b": 2}, None)]


def test_another_thread_does_not_wait_for_it(two: tuple[Sender, Sender]) -> None:
    first, second = two
    with one_message():
        post(first, 1, {"a": 1}, b"")
        other = threading.Thread(target=post, args=(second, 2, {"b": 2}, b""))
        other.start()
        other.join()
        assert second.sent == [({"b": 2}, None)]


def test_what_was_posted_before_an_error_is_sent(two: tuple[Sender, Sender]) -> None:
    first, second = two
    with pytest.raises(ZeroDivisionError), one_message():
        post(first, 1, {"a": 1}, b"")
        post(second, 2, {"b": 2}, b"")
        raise ZeroDivisionError
    assert len(first.sent) == 1
    post(second, 2, {"b": 2}, b"")
    assert second.sent == [({"b": 2}, None)]
