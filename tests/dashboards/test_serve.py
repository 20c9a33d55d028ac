"""widgets.serve: who is let in, what a page is made of, and what is left when it has closed."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from jupyter_client.session import utcnow
from playwright.sync_api import Page, expect

from widgets.serve import __main__ as command_line

TOKEN = "correct-horse-battery"


def get(server: Any, path: str, **headers: str) -> HTTPResponse:
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=20)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    response.body = response.read().decode()  # type: ignore[attr-defined]
    connection.close()
    return response


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)


def kernels(server: Any) -> set[psutil.Process]:
    return set(psutil.Process(server.process.pid).children())


class TestCommandLine:
    @pytest.mark.parametrize("ip", ["0.0.0.0", "", "::", "*"])
    def test_others_can_reach_it_only_with_a_token_of_ones_own(
        self, ip: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for more in ([], ["--no-token"]):
            with pytest.raises(SystemExit, match="2"):
                command_line.parse(["--ip", ip, *more])
            assert "give a token of at least 12 characters with --token or FOUNDATIONS_TOKEN" in capsys.readouterr().err
        assert command_line.parse(["--ip", ip, "--token", TOKEN]).token == TOKEN

    @pytest.mark.parametrize("ip", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
    def test_on_this_machine_it_makes_a_token_unless_told_not_to(self, ip: str) -> None:
        made = {command_line.parse(["--ip", ip]).token for _ in range(3)}
        assert len(made) == 3 and min(map(len, made)) >= 32
        assert command_line.parse(["--ip", ip, "--no-token"]).token == ""

    def test_a_name_for_others_needs_a_token(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            command_line.parse(["--name", "lab.example.org"])
        assert "others can reach lab.example.org" in capsys.readouterr().err
        assert command_line.parse(["--name", "lab.example.org", "--token", TOKEN]).name == ["lab.example.org"]

    @pytest.mark.parametrize(
        ("given", "base_url"), [("/", "/"), ("lab", "/lab/"), ("/a/b/", "/a/b/"), ("", "/"), ("/~me/lab", "/~me/lab/")]
    )
    def test_a_base_url(self, given: str, base_url: str) -> None:
        assert command_line.parse(["--base-url", given]).base_url == base_url

    def test_one_notebook(self, tmp_path: Path) -> None:
        (tmp_path / "my own.ipynb").write_text("{}")
        options = command_line.parse([str(tmp_path / "my own.ipynb")])
        assert (options.folder, options.notebook) == (tmp_path, "my own.ipynb")

    def test_a_token_may_come_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FOUNDATIONS_TOKEN", TOKEN)
        assert command_line.parse(["--ip", "0.0.0.0"]).token == TOKEN

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--token", "short"], "at least 12 characters"),
            (["--ip", "0.0.0.0", "--token", "short"], "at least 12 characters"),
            (["--threads", "0"], "at least 1"),
            (["--warm", "-1"], "--warm must be at least 0"),
            (["/no/such/folder"], "there is no folder or notebook /no/such/folder"),
            (["--port", "70000"], "--port must be from 1 to 65535; got 70000"),
            (["--port", "0"], "--port must be from 1 to 65535; got 0"),
            (["--ip", "no.such.host.invalid"], "--ip must be an address or name of this machine"),
            (["--ip", "192.0.2.1", "--token", TOKEN], "--ip must be an address of this machine; got '192.0.2.1'"),
            (["--base-url", "/a b/"], "--base-url must be a path such as /lab/"),
            (["--no-token", "--token", TOKEN], "do not go together"),
        ],
    )
    def test_nonsense_is_refused(self, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            command_line.parse(arguments)
        assert said in capsys.readouterr().err

    def test_threads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Set first, so that monkeypatch puts all of them back.
        for name in ("OMP_WAIT_POLICY", "OMP_NUM_THREADS", "JUPYTER_PREFER_ENV_PATH"):
            monkeypatch.setenv(name, "")
        monkeypatch.delenv("OMP_NUM_THREADS")
        command_line.set_environment(None)
        assert 1 <= int(os.environ["OMP_NUM_THREADS"]) <= 4
        monkeypatch.setenv("OMP_NUM_THREADS", "7")
        command_line.set_environment(None)
        assert os.environ["OMP_NUM_THREADS"] == "7"
        command_line.set_environment(3)
        assert os.environ["OMP_NUM_THREADS"] == "3"


@pytest.fixture(scope="module")
def guarded(serve: Callable[..., Any]) -> Any:
    return serve(FOUNDATIONS_TOKEN=TOKEN)


class TestWhoIsLetIn:
    @pytest.mark.parametrize("query", ["", "?token=wrong-wrong-wrong"])
    @pytest.mark.parametrize("path", ["/", "/voila/render/index.ipynb", "/voila/render/training.ipynb"])
    def test_without_the_token_a_page_leads_to_the_login(self, guarded: Any, path: str, query: str) -> None:
        response = get(guarded, path + query)
        assert response.status == 302
        assert response.getheader("Location", "").startswith("/login?")
        assert not kernels(guarded)

    def test_without_the_token_nothing_else_answers(self, guarded: Any) -> None:
        kernel = "/api/kernels/00000000-0000-0000-0000-000000000000"
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        assert get(guarded, kernel).status == 403
        assert get(guarded, f"{kernel}/channels", **upgrade, **{"Sec-WebSocket-Key": "A" * 22 + "=="}).status == 403
        assert get(guarded, "/voila/files/picture.png").status == 403

    def test_with_the_token_the_front_page_opens_and_stays_open(self, guarded: Any) -> None:
        response = get(guarded, f"/?token={TOKEN}")
        assert response.getheader("Location") == "/voila/render/index.ipynb", "the token is not in the history"
        sent = get(guarded, f"/voila/render/training.ipynb?lr=0.5&token={TOKEN}")
        assert (sent.status, sent.getheader("Location")) == (302, "/voila/render/training.ipynb?lr=0.5")
        assert not kernels(guarded)
        cookies = "; ".join(value.split(";")[0] for value in response.headers.get_all("Set-Cookie"))
        page = get(guarded, "/voila/render/index.ipynb", Cookie=cookies)
        assert page.status == 200
        assert "Foundations Lab" in page.body  # type: ignore[attr-defined]

    def test_the_login_page(self, guarded: Any, page: Page) -> None:
        page.goto(guarded.url)
        page.fill("input[type=password]", TOKEN)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Foundations Lab")).to_be_visible()

    def test_no_other_name_for_this_machine_is_answered(self, voila_server: Any) -> None:
        assert get(voila_server, "/").status == 302
        refused = get(voila_server, "/", Host="attacker.example")
        assert refused.status == 403
        assert "start it with --name attacker.example" in refused.body  # type: ignore[attr-defined]
        assert get(voila_server, "/voila/render/index.ipynb", Host="attacker.example:8866").status == 403

    def test_a_proxys_name_is_answered(self, serve: Callable[..., Any], folder: Path) -> None:
        server = serve(str(folder), "--name", "lab.example.org", "--base-url", "/lab", "--token", TOKEN)
        page = "/lab/voila/render/stand_in.ipynb"
        response = get(server, f"/lab/?token={TOKEN}", Host="lab.example.org")
        assert (response.status, response.getheader("Location")) == (302, page), "the only notebook of the folder"
        assert get(server, "/lab/", Host="other.example.org").status == 403

    def test_another_site_starts_no_kernel(self, stand_in: Any, page: Page, traffic: Any) -> None:
        before = kernels(stand_in)
        response = get(stand_in, "/voila/render/stand_in.ipynb", **{"Sec-Fetch-Site": "cross-site"})
        assert response.status == 403 and kernels(stand_in) == before
        body: str = response.body  # type: ignore[attr-defined]
        assert '<a href="/voila/render/stand_in.ipynb">stand_in.ipynb</a>' in body
        traffic.expect_error("403")
        page.goto("data:text/html,another site")
        page.evaluate("(url) => { location = url }", f"{stand_in.url}/voila/render/stand_in.ipynb")
        expect(page.get_by_role("heading", name="A page of another site led here")).to_be_visible()
        assert kernels(stand_in) == before

    def test_a_kernel_is_not_ended_from_another_site(self, stand_in: Any, page: Page, go: Callable[[], None]) -> None:
        before = kernels(stand_in)
        page.goto(f"{stand_in.url}/voila/render/stand_in.ipynb", wait_until="commit")
        go()
        expect(page.get_by_role("button", name="Press")).to_be_visible()
        kernel = json.loads(page.locator("#jupyter-config-data").inner_text())["kernelId"]
        connection = HTTPConnection(stand_in.url.removeprefix("http://"), timeout=20)
        for headers in ({}, {"Origin": "http://attacker.example"}):
            connection.request("POST", f"/voila/api/shutdown/{kernel}", headers=headers)
            response = connection.getresponse()
            response.read()
            assert response.status == 403
        connection.close()
        (running,) = kernels(stand_in) - before
        assert running.is_running()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page whose code waits until ``go`` is called, then shows a button and what its kernel has been given."""
    source = f"""import os, sys, ipywidgets
open({str(tmp_path_factory.getbasetemp() / "go")!r}).close()
facts = ["torch" in sys.modules, sys.executable, *map(os.environ.get, ["OMP_WAIT_POLICY", "FOUNDATIONS_TOKEN"])]
tall = ipywidgets.Box(layout={{"height": "3000px"}})
ipywidgets.VBox([ipywidgets.Button(description="Press", icon="play"), ipywidgets.Label(repr(facts)), tall])"""
    cells = [
        {"cell_type": "markdown", "id": "text", "metadata": {}, "source": "# A stand-in\n\n[All](index.ipynb)"},
        {"cell_type": "code", "id": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None},
    ]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    place = tmp_path_factory.mktemp("pages")
    (place / "stand_in.ipynb").write_text(json.dumps(notebook))
    return place


@pytest.fixture(scope="session")
def stand_in(serve: Callable[..., Any], folder: Path) -> Any:
    return serve(str(folder))


@pytest.fixture
def go(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Let the page's code go on; a pipe, because opening one end waits for the other."""
    path = tmp_path_factory.getbasetemp() / "go"
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    return lambda: path.open("w").close()


class TestPage:
    def test_text_first_then_the_kernel_then_nothing(self, stand_in: Any, page: Page, go: Callable[[], None]) -> None:
        before = kernels(stand_in)
        page.goto(f"{stand_in.url}/voila/render/stand_in.ipynb", wait_until="commit")
        expect(page.get_by_role("heading", name="A stand-in")).to_be_visible()
        expect(page.get_by_text("Starting Python")).to_be_visible()
        expect(page.get_by_role("button", name="Press")).to_have_count(0)
        go()
        expect(page.get_by_role("button", name="Press")).to_be_visible()
        expect(page.get_by_text("Starting Python")).to_be_hidden()
        expect(page.get_by_text(repr([False, sys.executable, "passive", None]))).to_be_visible()
        running = kernels(stand_in) - before
        assert len(running) == 1
        with page.expect_event("close"):
            page.close(run_before_unload=True)
        _, alive = psutil.wait_procs(running, timeout=20)
        assert not alive, "the page has closed, and its kernel runs on"

    def test_first_load_is_small_and_the_next_smaller(
        self, stand_in: Any, page: Page, traffic: Any, go: Callable[[], None]
    ) -> None:
        page.goto(f"{stand_in.url}/voila/render/stand_in.ipynb", wait_until="commit")
        go()
        expect(page.get_by_role("button", name="Press")).to_be_visible()
        page.wait_for_load_state("networkidle")
        first = traffic.bytes
        # 4 MB is what the training page may take, with 1.4 MB of plotly and its own data.
        assert 200_000 < first < 1_800_000
        page.reload(wait_until="commit")
        go()
        expect(page.get_by_role("button", name="Press")).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert traffic.bytes - first < first / 5

    @pytest.mark.parametrize(("width", "margin"), [(400, 12), (1440, 40), (2400, 440)])
    def test_it_scrolls_as_a_whole(
        self, stand_in: Any, page: Page, go: Callable[[], None], width: int, margin: int
    ) -> None:
        page.set_viewport_size({"width": width, "height": 700})
        page.goto(f"{stand_in.url}/voila/render/stand_in.ipynb", wait_until="commit")
        go()
        expect(page.get_by_role("button", name="Press")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.mouse.move(200, 400)
        page.mouse.wheel(0, 2000)
        page.wait_for_function("scrollY > 1900")
        heading = page.get_by_role("heading", name="A stand-in").bounding_box()
        assert heading is not None
        assert heading["x"] == pytest.approx(margin, abs=1)
        assert heading["y"] < -1800

    def test_an_error_page(self, voila_server: Any, page: Page, traffic: Any) -> None:
        traffic.expect_error("404")
        page.goto(f"{voila_server.url}/voila/render/nothing.ipynb")
        expect(page.get_by_role("heading", name="404")).to_be_visible()
        page.get_by_role("link", name="All dashboards").click()
        expect(page.get_by_role("heading", name="Foundations Lab")).to_be_visible()

    def test_no_file_is_served_but_as_a_page(self, voila_server: Any) -> None:
        assert get(voila_server, "/voila/files/index.ipynb").status == 403
        assert get(voila_server, "/voila/tree").status == 404
        assert get(voila_server, "/voila/api/contents").status == 404


class TestPageWhosePythonHasGone:
    def test_it_says_so_and_acts_no_more(
        self, serve: Callable[..., Any], folder: Path, page: Page, traffic: Any, go: Callable[[], None]
    ) -> None:
        traffic.expect_error("404|ERR_CONNECTION|WebSocket|Failed to fetch|Canceled|Kernel")
        server = serve(str(folder))
        page.goto(f"{server.url}/voila/render/stand_in.ipynb", wait_until="commit")
        go()
        button = page.get_by_role("button", name="Press")
        expect(button).to_be_visible()
        expect(page.get_by_role("alert")).to_have_count(0)
        (kernel,) = kernels(server)
        kernel.kill()
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("The Python process of this page has ended", timeout=5000)
        assert page.evaluate("document.getElementById('rendered_cells').inert")
        os.kill(server.process.pid, signal.SIGSTOP)
        expect(alert).to_contain_text("The server does not answer", timeout=15_000)
        os.kill(server.process.pid, signal.SIGCONT)
        expect(alert).to_contain_text("has ended", timeout=15_000)
        server.process.kill()
        expect(alert).to_contain_text("The server does not answer", timeout=5000)
        expect(alert.get_by_role("button", name="Reload the page")).to_be_visible()


class TestFrontPage:
    def test_a_folder_without_an_index_lists_its_notebooks(self, serve: Callable[..., Any], tmp_path: Path) -> None:
        for name in ("one", "two & three"):
            (tmp_path / f"{name}.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
        body: str = get(serve(str(tmp_path)), "/").body  # type: ignore[attr-defined]
        assert '<a href="/voila/render/one.ipynb">one.ipynb</a>' in body
        assert '<a href="/voila/render/two%20%26%20three.ipynb">two &amp; three.ipynb</a>' in body
        own = get(serve(str(tmp_path / "one.ipynb")), "/")
        assert own.getheader("Location") == "/voila/render/one.ipynb"

    @pytest.mark.parametrize(
        ("ip", "host"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("", "localhost"), ("::", "localhost")]
    )
    def test_the_printed_address_can_be_opened(self, ip: str, host: str) -> None:
        from widgets.serve.server import address

        assert address(ip, 8866, "/lab/", "") == f"http://{host}:8866/lab/"
        assert address(ip, 8866, "/", TOKEN) == f"http://{host}:8866/?token={TOKEN}"


class TestKernelsReadyBeforeTheirPage:
    @pytest.fixture
    def ready(self, serve: Callable[..., Any], tmp_path: Path) -> Any:
        """A server that keeps one kernel ready for its one dashboard; its front page needs none."""
        source = "import os, ipywidgets\nipywidgets.Label(f'made by {os.getpid()}')"
        code = {
            "cell_type": "code",
            "id": "c",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        text = {"cell_type": "markdown", "id": "t", "metadata": {}, "source": "# Text"}
        spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        for name, cells in (("index", [text]), ("ready", [text, code])):
            notebook = {"cells": cells, "metadata": spec, "nbformat": 4, "nbformat_minor": 5}
            (tmp_path / f"{name}.ipynb").write_text(json.dumps(notebook))
        return serve(str(tmp_path), "--warm", "1")

    def test_a_page_takes_one_and_another_is_made_ready(self, ready: Any, page: Page) -> None:
        until(lambda: len(kernels(ready)) == 1)
        (first,) = kernels(ready)
        page.goto(f"{ready.url}/voila/render/ready.ipynb?lr=0.1")
        expect(page.get_by_text(f"made by {first.pid}")).to_be_visible()
        until(lambda: len(kernels(ready)) == 2)
        with page.expect_event("close"):
            page.close(run_before_unload=True)
        until(lambda: not first.is_running())
        assert len(kernels(ready)) == 1


class TestKernelsWithoutAPage:
    @pytest.fixture
    def pages(self) -> Any:
        from widgets.serve.server import PAGE_GONE, PageKernels

        manager = PageKernels(cull_idle_timeout=PAGE_GONE)
        long_ago = utcnow() - timedelta(hours=2)
        spec = SimpleNamespace(metadata={})
        manager._kernels["k"] = SimpleNamespace(last_activity=long_ago, execution_state="idle", kernel_spec=spec)
        manager._kernel_connections["k"] = 1
        return manager

    def test_idle_from_the_moment_the_page_has_gone(self, pages: Any) -> None:
        pages.notify_disconnect("k")
        assert utcnow() - pages._kernels["k"].last_activity < timedelta(minutes=1)
        pages.notify_disconnect("gone already")

    def test_what_a_run_sends_is_no_sign_of_life(self, pages: Any) -> None:
        assert not pages.track_message_type("comm_msg")
        assert not pages.track_message_type(None)
        assert pages.track_message_type("execute_request")
        assert not pages.track_message_type("kernel_info_request")
