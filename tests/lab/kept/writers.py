"""Processes that keep runs, for tests that kill them or let them race: ``python -m tests.lab.kept.writers WHAT …``."""

import resource
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from lab.kept import Library, file
from tests.lab.kept.fakes import QUICK, FakeSession, keep_ended, keep_live, until


def say(text: object) -> None:
    print(text, flush=True)


def many(folder: str, count: str, seed: str) -> None:
    """Keep so many runs, four at a time, once told to begin."""
    library = Library(folder)

    def one(number: int) -> None:
        session = FakeSession()
        session.start()
        writer = library.keep(session, f"{seed}/{number}", every=QUICK)
        session.grow(number + 1, seed=int(seed))
        if number % 4 == 0:
            until(lambda: writer._kept)  # a flush of the live run, too
        session.end()
        writer.close()
        assert not writer.error, writer.error

    say("ready")
    sys.stdin.readline()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(int(count))))
    say("done")


def endless(folder: str) -> None:
    """Tell the steps that are kept, until killed."""
    library = Library(folder)
    session, writer = keep_live(library)
    say(writer.id)
    while True:
        session.grow(10)
        step = session.history.last_step
        until(lambda step=step: writer._last >= step)
        say(step + 1)


def half(folder: str) -> None:
    """Be killed between the writing of a flush and its being put in place."""
    library = Library(folder)
    session, writer = keep_live(library)
    say(writer.id)

    def stand_still(*paths: object) -> None:
        say("written")
        threading.Event().wait()

    file.os.replace = stand_still
    session.grow(10)
    threading.Event().wait()


def little_room(folder: str) -> None:
    """A run that grows until its file does not fit, as on a full disk."""
    library = Library(folder)
    session, writer = keep_live(library)
    small = keep_ended(library, name="small")
    session.grow(100)
    until(lambda: library.get(writer.id).steps == 103)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    session.grow(5000)
    until(lambda: writer.error)
    say(writer.error)
    assert library.get(writer.id).outcome == "running" and library.open(writer.id).steps.size == 103
    assert library.open(small.id).steps.size == 3 and library.problems() == []
    session.grow(10)
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    session.end()
    writer.close()
    say(f"{library.get(writer.id).outcome} {library.open(writer.id).steps.size} {writer.error!r}")


def leaves(folder: str) -> None:
    """A process that ends by itself in mid-run, between two flushes."""
    session = FakeSession()
    session.start()
    writer = Library(folder).keep(session)
    until(lambda: writer._kept)
    session.grow(20)
    say(writer.id)


if __name__ == "__main__":
    assert "torch" not in sys.modules
    {one.__name__: one for one in (many, endless, half, little_room, leaves)}[sys.argv[1]](*sys.argv[2:])
