"""Google Drive, through gdown: it knows the confirmation pages and the many ways in which Drive says no."""

import threading
from collections.abc import Callable

from ldpbench.data.fetch.address import AddressError, StoppedError, detail_of
from ldpbench.data.fetch.http import refused
from ldpbench.data.fetch.pages import PAGE_BYTES, describe_page, is_page, speaks_of_quota
from ldpbench.data.fetch.part import Part
from ldpbench.data.fetch.settings import FetchSettings
from ldpbench.records.dataset_source import RemoteFile

SCHEME = "gdrive"
_RANGE_NOT_HONOURED = "did not honor the requested byte range"
"""In gdown's words; it has no error of its own for this."""


def receive_from_drive(
    uri: str,
    part: Part,
    file: RemoteFile,
    settings: FetchSettings,
    stop: threading.Event,
    advance: Callable[[int], None],
) -> None:
    """Add to a part file what Drive has; on return the part is as long as Drive's file.

    Args:
        uri: ``gdrive://<file id>``.
        part: Where it goes. What it holds already is continued.
        file: What is expected.
        settings: How long to wait for a byte.
        stop: Ends it when set.
        advance: Told of every change of the part's size.

    Raises:
        AddressError: If Drive does not give it or gives something else.
        OSError: If it cannot be written.
    """
    import gdown

    size = part.size

    def on_bytes(arrived: int, total: int | None) -> None:
        nonlocal size
        advance(arrived - size)
        size = arrived
        found = max(arrived, total or 0)
        if file.bytes is not None and found > file.bytes:
            raise AddressError(f"expected {file.bytes} bytes, found at least {found}", content=True)

    part.lend_to_drive()
    try:
        gdown.download(
            id=uri.partition("://")[2].strip("/"),
            output=str(part.drive_output),
            quiet=True,
            use_cookies=False,
            resume=True,
            timeout=settings.stall_s,
            progress=on_bytes,
            cancel=stop,
        )
    except (AddressError, StoppedError):
        raise
    except Exception as error:  # gdown's, requests' and urllib3's
        if _is_about_the_disk(error):
            raise
        raise _reason(error) from error
    finally:
        part.take_back_from_drive()
    _refuse_page(part, file)


def _refuse_page(part: Part, file: RemoteFile) -> None:
    with part.path.open("rb") as stream:
        page = stream.read(PAGE_BYTES)
    if is_page(page, "", file.name):
        part.discard()
        raise AddressError(describe_page(page.decode("utf-8", errors="replace")))


def _is_about_the_disk(error: Exception) -> bool:
    """Errors of requests are OSErrors too, but without a number."""
    return (
        isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError | TimeoutError)
    )


def _reason(error: Exception) -> AddressError:
    from gdown.exceptions import FileURLRetrievalError

    text = detail_of(error)
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status == 416 or _RANGE_NOT_HONOURED in text:
        return AddressError("it cannot be continued", retry=True, ranges_broken=True)
    if isinstance(status, int):
        return refused(status, "")
    if isinstance(error, FileURLRetrievalError):
        if speaks_of_quota(text):
            return AddressError("its download quota on Google Drive is used up for now; try again in a day")
        return AddressError(
            "Google Drive does not hand it out: it is not shared with everyone, or its quota is used up"
        )
    return AddressError(text, retry=True)
