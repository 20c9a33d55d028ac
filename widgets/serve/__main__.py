"""Serve the dashboards with voila: ``python -m widgets.serve``."""

import argparse
import logging
import os
import re
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from widgets.serve.token import TOKEN_VARIABLE, is_loopback, refusal

PORT = 8866


def dashboards_folder() -> Path:
    """Return the folder of the project's notebooks: in the installed package, or in the checkout."""
    installed = Path(__file__).resolve().parents[1] / "dashboards"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[2] / "dashboards"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line.

    Raises:
        SystemExit: with a message on stderr, for an address that others can reach without a token
            (or with a short one) or that is not this machine's, an invalid port or path, or a missing folder.
    """
    parser = argparse.ArgumentParser("python -m widgets.serve", description="Serve the dashboards of Foundations Lab.")
    add = parser.add_argument
    add(
        "folder",
        nargs="?",
        type=Path,
        default=dashboards_folder(),
        help="of notebooks, or one notebook; default: the project's dashboards",
    )
    add("--ip", default="127.0.0.1", help="address to listen on; default: %(default)s, for this machine only")
    add("--port", type=int, help=f"1 to 65535; default: {PORT}, or near it if that is taken")
    add("--base-url", default="/", help="what a proxy puts before every path, such as /lab/; default: %(default)s")
    add(
        "--name",
        action="append",
        default=[],
        help="a name by which others reach this server through a proxy that keeps the Host header; may be repeated",
    )
    add(
        "--token",
        default=os.environ.get(TOKEN_VARIABLE, ""),
        help="what a person must give to get in; by default a new one, which the printed address holds. "
        f"Better given as the environment variable {TOKEN_VARIABLE}: other users can see a command line",
    )
    add("--no-token", action="store_true", help="let everybody in who can reach it: every user of this machine")
    add("--theme", choices=("auto", "light", "dark"), default="auto", help="default: as the browser asks")
    add("--threads", type=int, help="of each kernel's arithmetic; default: half of the cores, at most 4")
    add(
        "--warm",
        type=int,
        default=0,
        metavar="N",
        help="kernels kept ready for each dashboard, so that its page need not wait; default: %(default)s",
    )
    add("--no-browser", action="store_true", help="do not open a browser")
    options = parser.parse_args(arguments)
    options.ip = "" if options.ip == "*" else options.ip
    if options.no_token and options.token:
        parser.error("--no-token and a token do not go together")
    if why := refusal(options.token, options.ip, options.name):
        parser.error(why)
    if not (options.token or options.no_token):
        options.token = secrets.token_urlsafe(24)
    if options.port is not None and not 1 <= options.port <= 65_535:
        parser.error(f"--port must be from 1 to 65535; got {options.port}")
    options.base_url = f"/{options.base_url.strip('/')}/".replace("//", "/")
    if not re.fullmatch(r"[\w./~-]+", options.base_url, re.ASCII):
        parser.error(f"--base-url must be a path such as /lab/; got {options.base_url!r}")
    if options.threads is not None and options.threads < 1:
        parser.error("--threads must be at least 1")
    if options.warm < 0:
        parser.error("--warm must be at least 0")
    options.notebook = ""
    if options.folder.is_file() and options.folder.suffix == ".ipynb":
        options.folder, options.notebook = options.folder.absolute().parent, options.folder.name
    if not options.folder.is_dir():
        parser.error(f"there is no folder or notebook {options.folder}; the dashboards are in the project's clone")
    return options


def set_environment(threads: int | None) -> None:
    """Set the variables that the kernels inherit, before they import torch.

    Several kernels share the cores: threads that spin while they wait make each other's steps
    ten times longer, and a small net gains little from more than a few threads.
    """
    os.environ["OMP_WAIT_POLICY"] = "passive"
    if threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(threads)
    else:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        os.environ.setdefault("OMP_NUM_THREADS", str(min(4, max(1, cores // 2))))
    # The kernel "python3" is this environment's, even if the user has another of that name.
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    # The kernels do not need the token.
    os.environ.pop(TOKEN_VARIABLE, None)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted."""
    options = parse(arguments)
    set_environment(options.threads)
    # Imported late, so that a command-line error is reported at once.
    from widgets.serve.server import Server, settings

    # Jupyter sets a ping timeout that tornado has to shorten, with a warning on every first page.
    logging.getLogger("tornado.general").setLevel(logging.ERROR)

    server = Server(
        config=settings(is_loopback(options.ip), options.warm),
        ip=options.ip,
        port=options.port or PORT,
        port_retries=0 if options.port else 50,
        token=options.token,
        base_url=options.base_url,
        notebook=options.notebook,
        names=options.name,
        open_page=not options.no_browser,
    )
    server.config.VoilaConfiguration.theme = options.theme
    server.initialize([str(options.folder)])
    server.start()


if __name__ == "__main__":
    main(sys.argv[1:])
