"""HTTP through fsspec: ranges, validators, refusals and broken connections told apart."""

import contextlib
import email.utils
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
from fsspec.asyn import sync
from fsspec.implementations.http import HTTPFileSystem

from ldpbench.data.fetch.address import AddressError, detail_of, scheme_of, without_secrets
from ldpbench.data.fetch.body import CHUNK_BYTES, Body
from ldpbench.data.fetch.hub import hub_request
from ldpbench.data.fetch.pages import PAGE_BYTES, describe_page, speaks_of_quota
from ldpbench.data.fetch.settings import FetchSettings

SCHEMES = frozenset({"http", "https", "hf"})
_WORTH_RETRYING = frozenset({408, 425, 429})
"""With every 5xx."""
_SIZE_PATIENCE_S = 10.0
_CONTENT_RANGE = re.compile(r"bytes (?:(?P<first>\d{1,18})-\d{1,18}|\*)/(?P<total>\d{1,18}|\*)")

_BROKEN: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, bool], ...] = (
    (TimeoutError, "no byte came for {stall_s:g} s", True),
    (aiohttp.ClientPayloadError, "the connection broke before the end", True),
    (aiohttp.ClientHttpProxyError, "the proxy refuses: {detail}", False),
    ((aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError), "no secure connection: {detail}", False),
    (aiohttp.InvalidURL, "it is not a valid address", False),
    (aiohttp.TooManyRedirects, "it redirects too often", False),
)
"""What a broken connection is called, and whether asking again may help."""


class _HttpFiles(HTTPFileSystem):  # type: ignore[misc]  # fsspec has no types
    """fsspec's HTTP, except for refusals and for the end of its session."""

    _session: aiohttp.ClientSession | None

    def _raise_not_found_for_status(self, response: aiohttp.ClientResponse, url: str) -> None:
        """Hand refusals over instead: their headers and pages say what to do."""
        del response, url

    async def set_session(self) -> aiohttp.ClientSession:
        """Make the session once, for its owner to close.

        fsspec would close it from the garbage collector and wait there, which can block the very loop it waits for.
        """
        if self._session is None:
            self._session = await self.get_client(loop=self.loop, **self.client_kwargs)
        return self._session


class HttpClient:
    """Bodies by HTTP. Proxies (``HTTPS_PROXY`` ...) and ``.netrc`` are respected. Safe with threads."""

    def __init__(self, settings: FetchSettings) -> None:
        self._stall_s = settings.stall_s
        self._reading: set[Any] = set()
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=settings.stall_s, sock_read=settings.stall_s)
        self._filesystem: Any = _HttpFiles(
            block_size=0,  # streams
            client_kwargs={"trust_env": True, "timeout": timeout, "auto_decompress": False},
            skip_instance_cache=True,
        )

    def interrupt(self) -> None:
        """Give whoever still reads an error."""
        for stream in tuple(self._reading):
            stream.close()

    def close(self) -> None:
        """Close all connections. Readers must have ended: nobody would wake them."""
        sync(self._filesystem.loop, self._close)

    async def _close(self) -> None:
        session = await self._filesystem.set_session()
        await session.close()

    def size(self, uri: str) -> int | None:
        """The size that the server states, or None if it cannot be had quickly."""
        try:
            url, headers = _request_of(uri)
            patience_s = min(_SIZE_PATIENCE_S, self._stall_s)
            size = self._filesystem.info(url, headers=headers, timeout=patience_s)["size"]
        except (AddressError, OSError, aiohttp.ClientError, ValueError):
            return None
        return None if size is None else int(size)

    @contextlib.contextmanager
    def open(self, uri: str, offset: int, validator: str | None) -> Iterator[Body]:
        """The body of an address from ``offset`` on, or from zero if the server cannot or the file has changed.

        Raises:
            AddressError: If it cannot be had.
        """
        url, headers = _request_of(uri)
        headers["Accept-Encoding"] = "identity"  # else sizes and offsets are those of a packed form
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if validator is not None:
                headers["If-Range"] = validator
        try:
            # Any size but None or zero keeps fsspec from asking for it with a request of its own.
            stream = self._filesystem.open(url, "rb", size=1, headers=headers)
        except Exception as error:  # whatever aiohttp, yarl or ssl raise
            raise self._broken(error) from error
        self._reading.add(stream)
        try:
            yield self._body(stream, offset, validator)
        finally:
            self._reading.discard(stream)
            stream.close()

    def _body(self, stream: Any, offset: int, validator: str | None) -> Body:
        response: aiohttp.ClientResponse = stream.r
        headers = response.headers
        range_first, range_total = _content_range(headers)
        if response.status == 416 and offset and range_total == offset:
            return Body(iter(()), start=offset, total=offset)  # all of it had arrived
        if response.status == 416 and offset:
            raise AddressError(f"it has no bytes from {offset} on", retry=True, ranges_broken=True)
        if response.status not in (200, 206):
            raise _refusal(response, self._page(stream))
        encoding = headers.get("Content-Encoding", "identity").lower()
        if encoding not in ("", "identity"):
            raise AddressError(f"the server sends it packed ({encoding}) although it was asked not to")
        found = _validator(headers)
        if response.status == 206:
            if range_first != offset:
                described = headers.get("Content-Range", "no Content-Range")
                raise AddressError(
                    f"asked for bytes from {offset} on, found {described}", retry=True, ranges_broken=True
                )
            if validator is not None and found is not None and found != validator:
                raise AddressError("the file has changed since its first part came", retry=True, ranges_broken=True)
            total = range_total
            if total is None and response.content_length is not None:
                total = offset + response.content_length
        else:
            offset, total = 0, response.content_length
        return Body(
            self._chunks(stream),
            start=offset,
            total=total,
            validator=found,
            content_type=headers.get("Content-Type", ""),
            end_is_marked=total is not None or headers.get("Transfer-Encoding", "").lower() == "chunked",
        )

    def _chunks(self, stream: Any) -> Iterator[bytes]:
        while True:
            try:
                chunk: bytes = stream.read(CHUNK_BYTES)
            except Exception as error:  # whatever aiohttp, its parsers or ssl raise
                if rest := sync(self._filesystem.loop, _left_over, stream.r.content):
                    yield rest
                raise self._broken(error) from error
            if not chunk:
                return
            yield chunk

    def _page(self, stream: Any) -> str:
        """What a refusal says, as far as it comes."""
        page = b""
        with contextlib.suppress(AddressError):
            for chunk in self._chunks(stream):
                page += chunk
                if len(page) >= PAGE_BYTES:
                    break
        return page.decode("utf-8", errors="replace")

    def _broken(self, error: Exception) -> AddressError:
        for kinds, sentence, retry in _BROKEN:
            if isinstance(error, kinds):
                return AddressError(sentence.format(stall_s=self._stall_s, detail=detail_of(error)), retry=retry)
        return AddressError(detail_of(error), retry=True)


def refused(status: int, phrase: str, *, wait_s: float = 0.0, said: str = "") -> AddressError:
    """The error for a status that is not a success."""
    retry = status >= 500 or status in _WORTH_RETRYING
    reason = f"HTTP {status}{f' {phrase}' if phrase else ''}"
    if status in (401, 403):
        reason += ": it wants a login or a token, or does not let you in"
    return AddressError(f"{reason}{f' ({said})' if said else ''}", retry=retry, wait_s=wait_s)


def _refusal(response: aiohttp.ClientResponse, page: str) -> AddressError:
    said = " ".join(without_secrets(response.headers.get("X-Error-Message", "")).split())[:200]
    if speaks_of_quota(page):
        said = describe_page(page)
    wait_s = _seconds(response.headers.get("Retry-After", ""))
    return refused(response.status, response.reason or "", wait_s=wait_s, said=said)


async def _left_over(content: Any) -> bytes:
    """What came before a connection broke. aiohttp's readers withhold it once there is an error."""
    return bytes(content._read_nowait(-1))


def _request_of(uri: str) -> tuple[str, dict[str, str]]:
    return hub_request(uri) if scheme_of(uri) == "hf" else (uri, {})


def _content_range(headers: Mapping[str, str]) -> tuple[int | None, int | None]:
    """First byte and total of a Content-Range, None where it does not tell."""
    found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if found is None:
        return None, None
    first, total = found["first"], found["total"]
    return (None if first is None else int(first)), (None if total == "*" else int(total))


def _validator(headers: Mapping[str, str]) -> str | None:
    """A strong ETag or else the modification time: what If-Range accepts."""
    etag = headers.get("ETag", "")
    if etag.startswith('"'):
        return etag
    return headers.get("Last-Modified")


def _seconds(retry_after: str) -> float:
    """Retry-After as seconds from now: it is either that or a date."""
    try:
        if retry_after.strip().isdigit():
            return float(retry_after)
        return max(0.0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0
