"""Servers and a browser for the tests of the dashboards, started here on free loopback ports and ended here.

``voila_server``, ``lab_server`` and ``notebook_server`` have ``.url``, without a slash at its end; ``page`` is a page
of a browser that fails the test if an error is on its console or it asks anything of another host, and ``traffic``
is what that page has transferred.
"""

import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect, sync_playwright

DASHBOARDS = Path(__file__).resolve().parents[2] / "dashboards"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
START_SECONDS = 60
RUNNING: list["Server"] = []
# Notebook 7.6 throws this once on every page of its own, with or without us.
NOTEBOOK_ITSELF = r"reading 'schema'.*/static/notebook/notebook_core\."
# A page waits for a kernel, and the machine may be small.
expect.set_options(timeout=30_000)


@dataclass
class Server:
    """A server's address, its process, what it has printed so far, and the notebooks' folder of a Jupyter server."""

    url: str
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    folder: Path | None = None

    @property
    def log(self) -> str:
        return "".join(self.lines)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def serving(home: Path, command: list[str], port: int, **environment: str) -> Generator[Server]:
    """Run ``command`` with all of Jupyter's folders in ``home``, from when it listens to the end."""
    home.mkdir(parents=True, exist_ok=True)
    isolated = {name: str(home / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    env = {**os.environ, **isolated, "HOME": str(home), "PYTHONUNBUFFERED": "1", "OMP_WAIT_POLICY": "passive"}
    # The server decides about its kernels' threads by itself.
    for name in ("JUPYTER_RUNTIME_DIR", "OMP_NUM_THREADS"):
        env.pop(name, None)
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        env={**env, **environment},
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    server = Server(f"http://127.0.0.1:{port}", process)
    ended = threading.Event()

    def listen() -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                server.lines.append(line)
        ended.set()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not is_listening(port):
            assert not ended.wait(0.05), f"{command} ended at once:\n{server.log}"
            assert time.monotonic() < deadline, f"{command} did not start:\n{server.log}"
        RUNNING.append(server)
        yield server
    finally:
        if server in RUNNING:
            RUNNING.remove(server)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        listener.join(10)


Serve = Callable[..., Server]


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Start ``python -m widgets.serve`` with more arguments; all that were started end with the tests."""
    with ExitStack() as stack:

        def start(*arguments: str, **environment: str) -> Server:
            port = free_port()
            guarded = "FOUNDATIONS_TOKEN" in environment or "--token" in arguments
            command = ["widgets.serve", *arguments, "--port", str(port), "--no-browser"]
            command += [] if guarded else ["--no-token"]
            home = tmp_path_factory.mktemp("voila")
            return stack.enter_context(serving(home, command, port, **environment))

        yield start


@pytest.fixture(scope="session")
def voila_server(serve: Serve) -> Server:
    """The dashboards as `make lab` serves them."""
    return serve()


@contextmanager
def jupyter(app: str, home: Path) -> Generator[Server]:
    """JupyterLab or Notebook on a copy of the dashboards, so that nothing is saved into the clone."""
    notebooks = home / "notebooks"
    shutil.copytree(DASHBOARDS, notebooks)
    port = free_port()
    command = [
        app, "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={notebooks}", "--IdentityProvider.token=", "--LabApp.news_url=None",
        "--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.extension_manager=readonly",
    ]  # fmt: skip
    with serving(home / "home", command, port) as server:
        server.folder = notebooks
        yield server


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """JupyterLab; a notebook is at ``.url + "/lab/tree/NAME"``."""
    with jupyter("jupyterlab", tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture(scope="session")
def notebook_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Notebook 7; a notebook is at ``.url + "/notebooks/NAME"``."""
    with jupyter("notebook", tmp_path_factory.mktemp("notebook")) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium. Of a module: while Playwright's event loop runs, no other can in this process."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        reason = "there is no Chromium here; on Debian: apt-get install chromium"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


class Traffic:
    """What a page has transferred, whom it has asked, and what went wrong on it."""

    def __init__(self, page: Page, session: CDPSession) -> None:
        self.http_bytes = 0
        self.socket_bytes = 0
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.expected = [NOTEBOOK_ITSELF]
        session.send("Network.enable")
        session.on("Network.loadingFinished", self._finished)
        session.on("Network.webSocketFrameReceived", self._frame)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda socket: self.requests.append(socket.url))
        page.on("pageerror", lambda error: self.errors.append(" ".join((error.stack or str(error)).split("\n")[:2])))
        page.on("console", lambda message: self._logged(message.type, f"{message.text} ({message.location['url']})"))

    def _finished(self, event: dict[str, Any]) -> None:
        self.http_bytes += int(event["encodedDataLength"])

    def _frame(self, event: dict[str, Any]) -> None:
        frame = event["response"]
        binary = frame["opcode"] == 2
        self.socket_bytes += len(base64.b64decode(frame["payloadData"]) if binary else frame["payloadData"].encode())

    def _logged(self, kind: str, text: str) -> None:
        if kind == "error":
            self.errors.append(text)

    @property
    def bytes(self) -> int:
        """Bytes received so far: bodies and headers as they travelled, and the content of socket messages."""
        return self.http_bytes + self.socket_bytes

    @property
    def outside(self) -> list[str]:
        """Requests to another host than this one."""
        inside = ("data", "blob", "about", "chrome")
        return [
            url for url in self.requests if urlsplit(url).scheme not in inside and urlsplit(url).hostname != "127.0.0.1"
        ]

    def expect_error(self, pattern: str) -> None:
        """Errors that match the regular expression ``pattern`` belong to this test."""
        self.expected.append(pattern)

    @property
    def unexpected(self) -> list[str]:
        return [error for error in self.errors if not any(re.search(pattern, error) for pattern in self.expected)]


@pytest.fixture
def watched(browser: Browser) -> Iterator[tuple[Page, Traffic]]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    traffic = Traffic(page, context.new_cdp_session(page))
    yield page, traffic
    outside, errors = traffic.outside, traffic.unexpected
    if not page.is_closed():
        page.close(run_before_unload=True)
    context.close()
    assert not outside, f"asked of other hosts: {outside}"
    assert not errors, f"errors on the page: {errors}"


@pytest.fixture
def page(watched: tuple[Page, Traffic]) -> Page:
    """A fresh page, 1440 x 900."""
    return watched[0]


@pytest.fixture
def traffic(watched: tuple[Page, Traffic]) -> Traffic:
    """What ``page`` has transferred."""
    return watched[1]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """A failed test shows what the servers have printed."""
    report = yield
    if report.failed:
        report.sections += [(f"log of {server.url}", "".join(server.lines[-50:])) for server in RUNNING]
    return report
