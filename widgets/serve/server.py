"""voila server for the lab: front page, local files only, compression, and kernels that end with their page."""

import atexit
import html
import os
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

from jinja2 import ChoiceLoader, FileSystemLoader
from jupyter_client.session import utcnow
from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.escape import url_escape
from traitlets import Bool, List, Unicode
from traitlets.config import Config
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.contentshandler import VoilaContentsHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.treehandler import TornadoVoilaTreeHandler

FRONT_PAGE = "index.ipynb"
TEMPLATE = Path(__file__).parent / "templates"
EXTENSIONS = ["@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "anywidget"]
"""JupyterLab extensions that a page needs; other installed ones are not sent."""

PAGE_GONE, LOOK_EVERY = 90, 10
"""Seconds without a page until a kernel is ended, and between two looks for such kernels. The kernel of a
killed browser lives that long; a page with a brief connection loss reconnects in time."""


class PageKernels(AsyncMappingKernelManager):
    """Kernel manager that counts a kernel as idle from the moment its page disconnects."""

    def track_message_type(self, message_type: str | None) -> bool:
        # A run sends messages even when no page is connected, so they do not count as activity.
        # Those from a thread have no parent, so their type is None.
        if message_type is None or message_type.startswith("comm_"):
            return False
        return bool(super().track_message_type(message_type))  # type: ignore[no-untyped-call]

    def notify_disconnect(self, kernel_id: str) -> None:
        super().notify_disconnect(kernel_id)  # type: ignore[no-untyped-call]
        if kernel_id in self._kernels:
            self._kernels[kernel_id].last_activity = utcnow()


class Guarded(JupyterHandler):
    """Base handler of pages: explains a refused Host name, and removes the token from addresses."""

    def check_host(self) -> bool:
        if super().check_host():
            return True
        name = (self.request.host.rpartition(":")[0] or self.request.host)[:80]
        self.current_user = self._jupyter_current_user = None
        words = "This server does not know the name %s. Behind a proxy that keeps it, start it with --name %s"
        raise web.HTTPError(403, words, name, name)

    def redirected_without_token(self) -> bool:
        """Redirect to the address without the token, now held in a cookie; return whether it had one.

        Otherwise the token would be in the browser's history, and in the environment of the page's kernel.
        """
        query = [(name, value) for name, value in parse_qsl(self.request.query, True) if name != "token"]
        if not self.get_query_argument("token", ""):
            return False
        self.redirect(self.request.path + (f"?{urlencode(query)}" if query else ""))
        return True


class FrontPage(Guarded):
    """Handler of /: redirects to the index of the dashboards or to the only notebook, else lists the notebooks."""

    @web.authenticated
    async def get(self) -> None:
        notebooks = await _notebooks(self.contents_manager)
        asked = self.settings["front_notebook"] or (FRONT_PAGE if FRONT_PAGE in notebooks else "")
        if not asked and len(notebooks) == 1:
            asked = notebooks[0]
        query = urlencode([(name, value) for name, value in parse_qsl(self.request.query, True) if name != "token"])
        pages = {name: url_path_join(self.base_url, "voila/render", url_escape(name, plus=False)) for name in notebooks}
        if asked:
            page = url_path_join(self.base_url, "voila/render", url_escape(asked, plus=False))
            self.redirect(f"{page}?{query}" if query else page)
        else:
            self.finish(self.render_template("list.html", pages=pages))  # type: ignore[no-untyped-call]


async def _notebooks(contents: Any) -> list[str]:
    """Return the names of the notebooks in the served folder."""
    folder = await ensure_async(contents.get("", content=True))
    return sorted(entry["name"] for entry in folder["content"] if entry["type"] == "notebook")


class NoKernel:
    """Stub of a kernel manager, for a page that runs no code."""

    notebook_data: ClassVar[dict[str, Any]] = {}

    def get_pool_size(self, _: str) -> int:
        return 0

    def start_kernel(self, **_: Any) -> str:
        return ""

    def get_kernel(self, _: str) -> None:
        return None


class Alive(JupyterHandler):
    """Handler that reports whether a page's kernel is alive: 204, or 404."""

    @web.authenticated
    async def get(self, kernel_id: str) -> None:
        known = kernel_id in self.kernel_manager
        alive = known and await ensure_async(self.kernel_manager.get_kernel(kernel_id).is_alive())
        self.set_status(204 if alive else 404)


class Page(Guarded, TornadoVoilaHandler):
    """Handler that serves a dashboard; a text-only one gets no kernel."""

    all_text = False

    @property
    def kernel_manager(self) -> Any:
        return NoKernel() if self.all_text else super().kernel_manager

    @web.authenticated
    async def get(self, path: str) -> None:
        if self.redirected_without_token():
            return
        model = await ensure_async(self.contents_manager.get(path=path))  # type: ignore[no-untyped-call]
        if model["type"] != "notebook":
            raise web.HTTPError(404)
        self.all_text = all(cell.cell_type == "markdown" for cell in model["content"].cells)
        if not self.all_text and self.request.headers.get("Sec-Fetch-Site") == "cross-site":
            # Otherwise any web site could start kernels on this machine by a hidden frame or a script.
            self._ask_first(path)
            return
        await super().get(path)  # type: ignore[misc]

    def _ask_first(self, path: str) -> None:
        self.set_status(403)
        page = {path: self.request.uri}
        self.finish(self.render_template("list.html", pages=page, elsewhere=True))  # type: ignore[no-untyped-call]


class Shutdown(VoilaShutdownKernelHandler):
    """Handler that ends a page's kernel when the page closes.

    The page reports that by `navigator.sendBeacon`, which cannot carry the header of tornado's
    check against requests from other sites; voila's own handler answers it with 403, and the
    kernel stays. The browser itself sets the Origin header of such a request, so that is checked.
    """

    def check_xsrf_cookie(self) -> None:
        if not self.request.headers.get("Origin") or not self.check_origin():
            raise web.HTTPError(403)

    @web.authenticated
    async def post(self, kernel_id: str) -> None:
        if kernel_id in self.kernel_manager:
            await ensure_async(self.kernel_manager.shutdown_kernel(kernel_id))
        self.set_status(204)


class Server(Voila):
    """voila with the lab's front page and template."""

    open_page = Bool(True, help="Whether to open a browser once the server listens.")
    notebook = Unicode(help="The notebook to which the front page leads; by default the index.")
    names = List(Unicode(), help="Names by which a proxy passes on requests.")
    remote_names = Bool(False, help="Whether requests may name a host other than localhost.").tag(config=True)

    def setup_template_dirs(self) -> None:
        super().setup_template_dirs()
        self.template_paths.insert(0, str(TEMPLATE))

    def init_settings(self) -> dict[str, Any]:
        settings = {**super().init_settings(), "compress_response": True, "allow_remote_access": self.remote_names}
        settings["front_notebook"] = self.notebook
        settings["local_hostnames"] = ["localhost", *self.names]
        # The login page uses the Jupyter server's templates, with our error page.
        templates = settings["jinja2_env"]
        templates.loader = ChoiceLoader([FileSystemLoader(TEMPLATE), templates.loader])
        return settings

    def init_handlers(self) -> list[Any]:
        # No file browser: the front page lists all notebooks.
        dropped = (TornadoVoilaTreeHandler, VoilaContentsHandler, VoilaShutdownKernelHandler)
        own = [
            (self.server_url, FrontPage),
            (url_path_join(self.server_url, r"/voila/api/shutdown/(.*)"), Shutdown),
            (url_path_join(self.server_url, r"/voila/api/alive/([\w-]+)"), Alive),
        ]
        rest = [handler for handler in super().init_handlers() if handler[1] not in dropped]
        return own + [
            (handler[0], Page, *handler[2:]) if handler[1] is TornadoVoilaHandler else handler for handler in rest
        ]

    def launch_browser(self) -> None:
        """Print the address, and open it if asked to; voila calls this once it listens."""
        url = address(self.ip, self.port, self.base_url, self.token)
        print(f"Foundations Lab: {url}  (Ctrl+C ends it)", flush=True)
        has_screen = (
            sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        )
        if self.open_page and has_screen:
            # Through a file that only this user can read: other users can see a browser's command line.
            handle, name = tempfile.mkstemp(suffix=".html")
            atexit.register(Path(name).unlink, missing_ok=True)
            with open(handle, "w", encoding="utf-8") as file:
                file.write(f'<!DOCTYPE html><meta http-equiv="refresh" content="0; url={html.escape(url)}">')
            webbrowser.open(Path(name).as_uri())


def address(ip: str, port: int, base_url: str, token: str) -> str:
    """Return the URL that opens, from this machine, a server that listens on ``ip``."""
    host = "localhost" if ip in ("", "::", "0.0.0.0") else f"[{ip}]" if ":" in ip else ip
    return f"http://{host}:{port}{base_url}" + (f"?token={token}" if token else "")


def settings(only_this_machine: bool, warm: int = 0) -> Config:
    """Return the settings of voila and the Jupyter server; ``warm``: kernels kept ready for each dashboard."""
    config = Config()
    config.Voila.config_file_paths = []  # only the settings below
    config.Voila.log_level = "ERROR"  # below it, voila reports that a notebook without outputs is "not trusted"
    # Against DNS rebinding: another site must not reach this server by a name that it points at this machine.
    config.Server.remote_names = not only_this_machine
    config.VoilaConfiguration.file_allowlist = []  # voila would serve pictures without asking for the token
    config.VoilaConfiguration.extension_allowlist = EXTENSIONS
    config.VoilaConfiguration.extension_denylist = []
    config.VoilaConfiguration.show_tracebacks = only_this_machine
    config.VoilaConfiguration.allow_template_override = "NO"
    config.VoilaConfiguration.multi_kernel_manager_class = PageKernels
    config.VoilaConfiguration.preheat_kernel = warm > 0
    config.VoilaConfiguration.default_pool_size = warm
    config.VoilaKernelManager.preheat_denylist = [FRONT_PAGE]  # it needs no kernel
    if sys.platform == "linux":
        # Sockets that are files: no other user of the machine can listen, and no kernel warns about that.
        config.KernelManager.transport = "ipc"
    config.MappingKernelManager.cull_idle_timeout = PAGE_GONE
    config.MappingKernelManager.cull_interval = LOOK_EVERY
    # A killed kernel is not restarted: its page reports it, and a new kernel would have no panel.
    config.KernelManager.autorestart = False
    return config
