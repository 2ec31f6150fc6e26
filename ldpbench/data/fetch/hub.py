"""Addresses of the Hugging Face Hub: ``hf://datasets/<owner>/<name>@<revision>/<path>``."""

import os
import re
from urllib.parse import unquote

from ldpbench.data.fetch.address import AddressError, detail_of

_ADDRESS = re.compile(
    r"hf://(?:(?P<kind>dataset|space|model)s/)?(?P<repo>[^/@]+/[^/@]+)"
    r"(?:@(?P<revision>refs/(?:pr|convert)/[^/]+|[^/]+))?/(?P<path>.+)"
)


def hub_request(uri: str) -> tuple[str, dict[str, str]]:
    """The HTTP address and headers of a Hub file, as the Hub's own library makes them.

    ``HF_ENDPOINT`` and the token (``HF_TOKEN`` or a login) are those of this moment.

    Raises:
        AddressError: If it is no address of a file on the Hub.
    """
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # public by its documentation

    found = _ADDRESS.fullmatch(uri)
    if found is None:
        raise AddressError("it is not of the form hf://datasets/<owner>/<name>@<revision>/<path>")
    revision = found["revision"]
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or None
    try:
        url = hf_hub_url(
            found["repo"],
            found["path"],
            repo_type=found["kind"] or "model",
            revision=unquote(revision) if revision else None,
            endpoint=endpoint,
        )
        headers = build_hf_headers(library_name="ldpbench")
    except ValueError as error:  # the library's own checks of names and tokens
        raise AddressError(detail_of(error)) from error
    return url, {name: value for name, value in headers.items() if value}
