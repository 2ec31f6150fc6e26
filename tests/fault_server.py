"""A loopback web server that misbehaves on purpose: dropped connections, ignored ranges, pages instead of files."""

import hashlib
import random
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from ldpbench.records.dataset_source import RemoteFile

QUOTA_PAGE = (
    b"<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head><body>Sorry, you can't view or "
    b"download this file at this time. Too many users have viewed or downloaded this file recently.</body></html>"
)
LOGIN_PAGE = b"<html><head><title>Sign in</title></head><body><form><input type='password'></form></body></html>"
PLAIN_PAGE = b"<!doctype html><html><head><title>Welcome &amp; hello</title></head><body>hello</body></html>"

KINDS = (
    "drop",
    "no-range",
    "page",
    "wrong-bytes",
    "stall",
    "too-many",
    "unavailable",
    "wrong-range",
    "no-length",
    "cut-chunks",
    "not-found",
    "redirect",
    "longer",
    "hang-up",
)
"""The faults a seeded schedule draws from."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request."""

    kind: str
    """One of ``KINDS``, ``status``, ``packed`` or ``unmarked`` (HTTP/1.0 without a length)."""
    at: float = 0.5
    """Where in the body it happens, as a share of it."""
    status: int = 0
    """The status of ``status``."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of the answer, such as ``Retry-After``; ``Location`` of a redirect."""
    page: bytes = PLAIN_PAGE
    """The body of ``page`` and ``status``."""


@dataclass
class Request:
    """What a client asked, and how much of a body it was sent."""

    method: str
    path: str
    """Without the query; of a proxied request, without the host too."""
    target: str
    """As the client wrote it: the whole address if this server was used as a proxy."""
    headers: dict[str, str]
    """Names in lower case."""
    fault: Fault | None = None
    sent: int = 0

    @property
    def start(self) -> int | None:
        """The first byte of the asked range, None without one."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        return int(found[1]) if found else None


Schedule = Sequence[Fault | None] | Callable[[Request], Fault | None]


def seeded_schedule(seed: int, *, length: int, share: float = 0.7, kinds: Sequence[str] = KINDS) -> list[Fault | None]:
    """``length`` answers, of which about ``share`` are faults."""
    rng = random.Random(seed)
    faults: list[Fault | None] = []
    for _ in range(length):
        if rng.random() > share:
            faults.append(None)
            continue
        page = rng.choice((QUOTA_PAGE, LOGIN_PAGE, PLAIN_PAGE))
        faults.append(Fault(rng.choice(kinds), at=rng.random(), page=page))
    return faults


def remote_file(name: str, content: bytes, *uris: str, **known: Any) -> RemoteFile:
    """A record of ``content`` with its size and SHA-256, unless ``known`` says otherwise."""
    checksum = f"sha256:{hashlib.sha256(content).hexdigest()}"
    facts = {"bytes": len(content), "checksum": checksum, "checksum_from": "publisher"} | known
    if facts["checksum"] is None:
        facts["checksum_from"] = None
    return RemoteFile(name=name, uris=uris, **facts)


class FaultServer:
    """Serves ``files`` by path, with ranges and ETags, and with a fault for every GET that the schedule names.

    Args:
        files: Bodies by path without a leading slash; may be replaced while the server runs.
        schedule: Faults of the first, second, ... GET; or what gives one for a request. After its end all is well.
        etags: Whether to send ETags.
        pause_s: A pause after every 8 kB, to make a transfer slow enough to be interrupted.
        stall_s: How long a stalled connection is held.
    """

    def __init__(
        self,
        files: Mapping[str, bytes],
        schedule: Schedule = (),
        *,
        etags: bool = True,
        pause_s: float = 0.0,
        stall_s: float = 5.0,
    ) -> None:
        self.files = dict(files)
        self.schedule = schedule
        self.etags = etags
        self.pause_s = pause_s
        self.stall_s = stall_s
        self.log: list[Request] = []
        self.ending = threading.Event()
        self._lock = threading.Lock()
        self._n_gets = 0

    def __enter__(self) -> "FaultServer":
        owner = self

        class Handler(_Handler):
            server_of = owner

        self._server = _QuietServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, path: str, *, host: str = "127.0.0.1") -> str:
        """The address of a file."""
        return f"http://{host}:{self.port}/{path}"

    @property
    def gets(self) -> list[Request]:
        """The GET requests so far."""
        return [request for request in self.log if request.method == "GET"]

    @property
    def bytes_sent(self) -> int:
        """Bytes of bodies so far."""
        return sum(request.sent for request in self.log)

    def note(self, request: Request) -> None:
        """Log a request and draw its fault."""
        with self._lock:
            self.log.append(request)
            if request.method != "GET":
                return
            if callable(self.schedule):
                request.fault = self.schedule(request)
            elif self._n_gets < len(self.schedule):
                request.fault = self.schedule[self._n_gets]
            self._n_gets += 1


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_of: FaultServer

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        request = self._noted()
        content = self.server_of.files.get(request.path)
        if content is None:
            self._answer(404, b"")
        else:
            self._head(200, {"Content-Length": str(len(content))})

    def do_GET(self) -> None:
        request = self._noted()
        fault = request.fault
        if fault is not None and fault.kind in _REFUSALS:
            _REFUSALS[fault.kind](self, request, fault)
            return
        content = self.server_of.files.get(request.path)
        if content is None:
            self._answer(404, b"no such file")
            return
        self._serve(content, request, fault)

    def _noted(self) -> Request:
        target = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, unquote(target.path).lstrip("/"), self.path, headers)
        self._request = request
        self.server_of.note(request)
        return request

    def _serve(self, content: bytes, request: Request, fault: Fault | None) -> None:
        kind = fault.kind if fault else ""
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        headers = {"ETag": etag} if self.server_of.etags else {}
        headers |= dict(fault.headers) if fault else {}
        start = request.start if kind != "no-range" else None
        if request.headers.get("if-range", etag) != etag:
            start = None
        if start is not None and start >= len(content):
            self._answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            return
        body = content[start or 0 :]
        if kind == "wrong-bytes":
            body = bytes(byte ^ 0x5A for byte in body)
        if kind == "longer":
            body += b"more" * 1000
        if kind == "packed":
            headers["Content-Encoding"] = "gzip"
        if start is not None:
            first = max(start - 7, 0) if kind == "wrong-range" else start
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        self._send(206 if start is not None else 200, headers, body, fault)

    def _send(self, status: int, headers: dict[str, str], body: bytes, fault: Fault | None) -> None:
        kind = fault.kind if fault else ""
        cut = int(len(body) * fault.at) if fault else len(body)
        if kind in ("no-length", "cut-chunks"):
            self._head(status, headers | {"Transfer-Encoding": "chunked"})
            sent = body[:cut] if kind == "cut-chunks" else body
            for begin in range(0, len(sent), 16384):
                self._write(b"%x\r\n%b\r\n" % (len(sent[begin : begin + 16384]), sent[begin : begin + 16384]))
            if kind == "no-length":
                self._write(b"0\r\n\r\n")
            else:
                self.close_connection = True
            return
        if kind == "unmarked":
            self.protocol_version = "HTTP/1.0"
            self._head(status, headers)
            self._write(body)
            self.close_connection = True
            return
        self._head(status, headers | {"Content-Length": str(len(body))})
        if kind in ("drop", "stall"):
            self._write(body[:cut])
            if kind == "stall":
                self.server_of.ending.wait(self.server_of.stall_s)
            self.close_connection = True
            return
        self._write(body)

    def _refuse(self, request: Request, fault: Fault) -> None:
        status = {"too-many": 429, "unavailable": 503, "not-found": 404}.get(fault.kind, fault.status)
        extra = {"Retry-After": "0"} if status in (429, 503) else {}
        self._answer(status, fault.page if fault.kind == "status" else b"no", extra | dict(fault.headers))

    def _page(self, request: Request, fault: Fault) -> None:
        self._answer(200, fault.page, {"Content-Type": "text/html; charset=utf-8"} | dict(fault.headers))

    def _redirect(self, request: Request, fault: Fault) -> None:
        self._answer(302, b"", {"Location": f"/{request.path}"} | dict(fault.headers))

    def _hang_up(self, request: Request, fault: Fault) -> None:
        self.close_connection = True

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self._head(status, {"Content-Length": str(len(body))} | dict(headers or {}))
        if self.command != "HEAD":
            self._write(body)

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _write(self, data: bytes) -> None:
        for begin in range(0, len(data), 8192):
            piece = data[begin : begin + 8192]
            try:
                self.wfile.write(piece)
            except OSError:
                self.close_connection = True
                return
            self._request.sent += len(piece)
            if self.server_of.pause_s and self.server_of.ending.wait(self.server_of.pause_s):
                return


_REFUSALS = {
    "too-many": _Handler._refuse,
    "unavailable": _Handler._refuse,
    "not-found": _Handler._refuse,
    "status": _Handler._refuse,
    "page": _Handler._page,
    "redirect": _Handler._redirect,
    "hang-up": _Handler._hang_up,
}
"""Faults that send no file."""
