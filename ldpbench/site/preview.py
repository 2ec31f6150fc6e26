"""A look at a site over HTTP, on this machine."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ldpbench.core.errors import UsageError


def serve(root: Path, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Hand out the files of a folder until somebody interrupts.

    Args:
        root: The site.
        host: Address to listen on.
        port: 0 for any that is free.
        ready: Told the address as soon as requests are answered.

    Raises:
        UsageError: If the port is taken, or may not be used.
    """
    try:
        server = ThreadingHTTPServer((host, port), partial(_Handler, directory=str(root)))
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host}:{port}: {error.strerror or error}", hint="choose another one with --port"
        ) from error
    with server:
        ready(f"http://{host}:{server.server_port}/")
        server.serve_forever()


class _Handler(SimpleHTTPRequestHandler):
    """Files below the folder, always fresh; no listings, nothing by way of a link out of it."""

    server_version = "ldpbench"
    sys_version = ""
    error_message_format = (
        '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>%(code)d</title>'
        '<p>%(message)s. <a href="/">To the first page</a></p></html>\n'
    )

    def send_head(self) -> Any:
        """As the library does it, but for folders without a page and for files outside."""
        path = Path(self.translate_path(self.path))
        if path.is_dir():
            path /= "index.html"
        root = Path(self.directory).resolve()
        if not path.is_file() or path.name.startswith(".") or root not in path.resolve().parents:
            self.send_error(HTTPStatus.NOT_FOUND, "There is no such page")
            return None
        return super().send_head()

    def end_headers(self) -> None:
        """Whoever looks at a preview wants to see the last build."""
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing: the terminal belongs to the command."""
