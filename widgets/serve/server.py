"""voila, set up for the lab: front page, local files only, compression, and kernels that end with their page."""

import os
import sys
import webbrowser
from pathlib import Path
from typing import Any, ClassVar

from jinja2 import ChoiceLoader, FileSystemLoader
from jupyter_client.session import utcnow
from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from jupyter_server.utils import url_path_join
from tornado import web
from traitlets import Bool
from traitlets.config import Config
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.contentshandler import VoilaContentsHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.treehandler import TornadoVoilaTreeHandler

FRONT_PAGE = "index.ipynb"
TEMPLATE = Path(__file__).parent / "templates"
EXTENSIONS = ["@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "anywidget"]
"""The JupyterLab extensions that a page needs: of those installed, no other is sent."""

PAGE_GONE = 15 * 60
"""Seconds after which a kernel without a page is ended; by then its run has long been stopped."""


class PageKernels(AsyncMappingKernelManager):
    """Counts a kernel as idle from the moment its page is gone."""

    def track_message_type(self, message_type: str | None) -> bool:
        # A run goes on sending when nobody is there to see it: its messages are no sign of life.
        # From a thread they come without a parent, so None is one of them.
        if message_type is None or message_type.startswith("comm_"):
            return False
        return bool(super().track_message_type(message_type))  # type: ignore[no-untyped-call]

    def notify_disconnect(self, kernel_id: str) -> None:
        super().notify_disconnect(kernel_id)  # type: ignore[no-untyped-call]
        if kernel_id in self._kernels:
            self._kernels[kernel_id].last_activity = utcnow()


class FrontPage(JupyterHandler):
    """Redirects / to the index of the dashboards, and keeps the address's token and theme."""

    @web.authenticated
    def get(self) -> None:
        page = url_path_join(self.base_url, "voila/render", FRONT_PAGE)
        self.redirect(f"{page}?{self.request.query}" if self.request.query else page)


class NoKernel:
    """Stands in for the kernel manager of a page that runs no code."""

    notebook_data: ClassVar[dict[str, Any]] = {}

    def get_pool_size(self, _: str) -> int:
        return 0

    def start_kernel(self, **_: Any) -> str:
        return ""

    def get_kernel(self, _: str) -> None:
        return None


class Page(TornadoVoilaHandler):
    """Serves a dashboard; one that is all text gets no kernel."""

    all_text = False

    @property
    def kernel_manager(self) -> Any:
        return NoKernel() if self.all_text else super().kernel_manager

    @web.authenticated
    async def get(self, path: str) -> None:
        model = await ensure_async(self.contents_manager.get(path=path))
        if model["type"] != "notebook":
            raise web.HTTPError(404)
        self.all_text = all(cell.cell_type == "markdown" for cell in model["content"].cells)
        await super().get(path)


class Shutdown(VoilaShutdownKernelHandler):
    """Ends a page's kernel when the page closes.

    The page tells it by `navigator.sendBeacon`, which cannot carry the header of tornado's
    check against requests from other sites; voila's own handler answers it with 403, and the
    kernel stays. A browser states the origin of such a request itself, so that is checked.
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
    remote_names = Bool(False, help="Whether requests may name a host other than localhost.").tag(config=True)

    def setup_template_dirs(self) -> None:
        super().setup_template_dirs()
        self.template_paths.insert(0, str(TEMPLATE))

    def init_settings(self) -> dict[str, Any]:
        settings = {**super().init_settings(), "compress_response": True, "allow_remote_access": self.remote_names}
        # The login has a template of the Jupyter server's; an error page is ours there too.
        templates = settings["jinja2_env"]
        templates.loader = ChoiceLoader([FileSystemLoader(TEMPLATE), templates.loader])
        return settings

    def init_handlers(self) -> list[Any]:
        # No file browser: what there is stands on the front page.
        dropped = (TornadoVoilaTreeHandler, VoilaContentsHandler, VoilaShutdownKernelHandler)
        own = [
            (self.server_url, FrontPage),
            (url_path_join(self.server_url, r"/voila/api/shutdown/(.*)"), Shutdown),
        ]
        rest = [handler for handler in super().init_handlers() if handler[1] not in dropped]
        return own + [
            (handler[0], Page, *handler[2:]) if handler[1] is TornadoVoilaHandler else handler for handler in rest
        ]

    def launch_browser(self) -> None:
        """Print the address, and open it if asked to; voila calls this once it listens."""
        url = self.connection_url
        print(f"Foundations Lab: {url}  (Ctrl+C ends it)", flush=True)
        has_screen = (
            sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        )
        if self.open_page and has_screen:
            webbrowser.open(f"{url}?token={self.token}" if self.token else url)


def settings(only_this_machine: bool, warm: int = 0) -> Config:
    """Return the settings of voila and the Jupyter server; ``warm``: kernels kept ready for each dashboard."""
    config = Config()
    config.Voila.config_file_paths = []  # only what stands here
    config.Voila.log_level = "ERROR"  # below it, voila reports that a notebook without outputs is "not trusted"
    # A page of another site must not reach in by a name that it points at this machine.
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
        # Sockets that are files: no other user of the machine can listen, and no kernel warns of it.
        config.KernelManager.transport = "ipc"
    config.MappingKernelManager.cull_idle_timeout = PAGE_GONE
    config.MappingKernelManager.cull_interval = 60
    return config
