"""The processes that a benchmark starts: what they inherit, what memory they hold, and that none is left."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

PATIENCE = 60.0
"""Seconds to wait for what takes a few of them on a quiet machine."""

PROC = Path("/proc")


class Server(NamedTuple):
    """A server that listens: its address without a slash at the end, its process id, and the seconds until then."""

    url: str
    pid: int
    seconds: float


class Memory(NamedTuple):
    """Of one process, in MB (10^6 bytes).

    Attributes:
        pss: proportional set size: its own pages, and its share of those that it shares with others.
        anonymous: the part of it that no file is behind: what the process itself has written. Other
            processes do not change it, as they do the share of a library that all of them map.
    """

    pss: float
    anonymous: float


def parse_memory(rollup: str) -> Memory:
    """From the text of ``/proc/PID/smaps_rollup``.

    Raises:
        ValueError: where a field is missing.
    """
    return Memory(_field(rollup, "Pss"), _field(rollup, "Anonymous"))


def _field(rollup: str, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB$", rollup, re.MULTILINE)
    if not found:
        raise ValueError(f"smaps_rollup has no {name}")
    return int(found[1]) * 1024 / 1e6


def memory(pid: int) -> Memory:
    """Of a process now.

    Raises:
        RuntimeError: where the system does not tell (it is Linux's).
    """
    try:
        return parse_memory((PROC / str(pid) / "smaps_rollup").read_text())
    except OSError as error:
        raise RuntimeError(f"memory is read from /proc/{pid}/smaps_rollup, which Linux has: {error}") from error


def descendants(pid: int) -> list[int]:
    """The processes that ``pid`` has started, and that those have."""
    parents = {}
    for stat in PROC.glob("[0-9]*/stat"):
        with suppress(OSError):  # one that has just ended
            # The name in brackets may hold anything.
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found, generation = [], [pid]
    while generation:
        generation = [child for child, parent in parents.items() if parent in generation]
        found += generation
    return found


def busy_seconds(pids: list[int]) -> float:
    """Processor time that ``pids`` have used; one that has ended counts no more."""
    ticks = 0
    for pid in pids:
        with suppress(OSError):
            ticks += sum(map(int, (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def connection_file(pid: int) -> str | None:
    """The connection file of a kernel; None for another process."""
    with suppress(OSError):
        words = (PROC / str(pid) / "cmdline").read_text().split("\0")
        if "ipykernel_launcher" in words:
            return words[words.index("-f") + 1]
    return None


def wait_until(what: str, condition: Callable[[], bool], timeout: float = PATIENCE, every: float = 0.02) -> float:
    """Look at ``condition`` again and again; the seconds until it was true.

    Raises:
        TimeoutError: naming ``what`` did not happen.
    """
    began = time.perf_counter()
    while not condition():
        if time.perf_counter() - began > timeout:
            raise TimeoutError(f"waited {timeout:.0f} s in vain: {what}")
        time.sleep(every)
    return time.perf_counter() - began


def environment(home: Path) -> dict[str, str]:
    """For what is started: this environment, with Jupyter's folders and the kept runs in ``home``.

    Kernels can import ``benchmarks``.
    """
    own = {name: str(home / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    runs = str(home / "runs")
    kept = {name: value for name, value in os.environ.items() if name != "JUPYTER_RUNTIME_DIR"}
    code = str(Path(__file__).parent.parent)
    path = os.pathsep.join([code, *filter(None, [os.environ.get("PYTHONPATH")])])
    fixed = {"HOME": str(home), "FOUNDATIONS_LAB_RUNS": runs, "OMP_WAIT_POLICY": "passive", "PYTHONPATH": path}
    return {**kept, **own, **fixed}


@contextmanager
def serving(home: Path, *arguments: str) -> Iterator[Server]:
    """``python -m widgets.serve`` with these arguments on a free port, from when it listens; ended with all it started.

    Raises:
        RuntimeError: when it ends at once, with what it said.
        TimeoutError: when it does not listen.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = home / "server.log"
    command = [sys.executable, "-m", "widgets.serve", "--no-browser", "--no-token", "--port", str(port), *arguments]
    with log.open("w") as out, ended_by_sigterm():
        server = subprocess.Popen(command, env=environment(home), stdout=out, stderr=subprocess.STDOUT)

        def listens() -> bool:
            if server.poll() is not None:
                raise RuntimeError(f"the server ended at once:\n{log.read_text()}")
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", port)) == 0

        try:
            seconds = wait_until("the server listens", listens, every=0.005)
            yield Server(f"http://127.0.0.1:{port}", server.pid, seconds)
        finally:
            end(server)


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it has started, whatever they do."""
    started = descendants(process.pid)
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in started:
        # Another process may have got the number of one that has ended.
        if connection_file(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """While it lasts, SIGTERM raises SystemExit: what was started is then ended too."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
