"""What benchmarks ask of processes, and that they leave none."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from benchmarks import kernel, processes, reader

ROLLUP = """556dc9f4c000-7ffc5568a000 ---p 00000000 00:00 0                          [rollup]
Rss:              172000 kB
Pss:               27700 kB
Pss_Anon:          11200 kB
Pss_File:          16500 kB
Anonymous:         11300 kB
AnonHugePages:         0 kB
"""

needs_proc = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="/proc is Linux's")


def test_memory_is_read_in_megabytes() -> None:
    assert processes.parse_memory(ROLLUP) == (27700 * 1024 / 1e6, 11300 * 1024 / 1e6)
    with pytest.raises(ValueError, match="smaps_rollup has no Anonymous"):
        processes.parse_memory(ROLLUP.replace("Anonymous", "Anon"))


@needs_proc
def test_memory_follows_what_a_process_writes() -> None:
    before = processes.memory(os.getpid())
    held = np.ones(50_000_000, np.uint8)
    after = processes.memory(os.getpid())
    assert after.anonymous - before.anonymous == pytest.approx(held.nbytes / 1e6, abs=5)
    assert after.pss >= after.anonymous
    with pytest.raises(RuntimeError, match="which Linux has"):
        processes.memory(2**22 + 1)


@needs_proc
def test_descendants() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout and child.stdin
        child.stdout.readline()
        found = processes.descendants(os.getpid())
        (grandchild,) = psutil.Process(child.pid).children()
        assert {child.pid, grandchild.pid} <= set(found)
        assert processes.connection_file(child.pid) is None
        child.stdin.write(b"\n")
        child.stdin.close()


def test_what_does_not_happen_is_named() -> None:
    with pytest.raises(TimeoutError, match="waited 0 s in vain: pigs fly"):
        processes.wait_until("pigs fly", lambda: False, timeout=0)


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match=r"(?s)ended at once.*--threads must be at least 1"),
        processes.serving(tmp_path, "--threads", "0"),
    ):
        pass


@needs_proc
def test_a_kernel_and_its_reader(tmp_path: Path) -> None:
    """The way between them is the real one: comm messages, with all that a panel sends."""
    with kernel.started(tmp_path) as started, reader.reading(started.file) as page:
        started.run("import lab.warm; lab.warm.warm = lambda *_: None")  # no torch: it is not needed here
        started.run("from benchmarks.inside import Updates\nupdates = Updates()\nupdates.prepare(100)")
        page.quiet()
        loss = page.figures["Training and validation loss over time"]
        assert loss.drawn >= 1 and page.bytes > 1_000_000
        before = loss.drawn
        # More than a figure sends without an answer.
        started.run("updates.start(100, 8)")
        processes.wait_until("the updates are done", lambda: started.value("updates.cost is not None"))
        page.quiet()
        page.check()
        assert loss.drawn - before == 8
        assert min(started.value("updates.cost")) > 0
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            started.run("1 / 0")
        with pytest.raises(RuntimeError, match="NameError"):
            started.value("nothing")
        assert started.pid in processes.descendants(os.getpid())
        assert processes.connection_file(started.pid) == started.file
    assert not psutil.pid_exists(started.pid)
