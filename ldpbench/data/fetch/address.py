"""Addresses: what may be shown of one, and why one did not work."""

import re


class AddressError(Exception):
    """An address did not give the file.

    Args:
        reason: Why, as part of a sentence, without secrets.
        retry: Whether asking again may help.
        content: Whether the address gave something, and it was wrong.
        ranges_broken: Whether the next try should ask for the whole file.
        wait_s: The wait that the server asked for, in seconds.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry: bool = False,
        content: bool = False,
        ranges_broken: bool = False,
        wait_s: float = 0.0,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.content = content
        self.ranges_broken = ranges_broken
        self.wait_s = wait_s


class StoppedError(Exception):
    """Nothing more is wanted."""


def without_secrets(text: str) -> str:
    """Text with passwords, tokens and signed queries taken out."""
    text = re.sub(r"//[^/@\s]*@", "//", text)
    text = re.sub(r"\?[^\s'\")]+", "?…", text)
    return re.sub(r"\bhf_\w+|(?i:\b(?:bearer|basic) +\S+)", "…", text)


def scheme_of(uri: str) -> str:
    """The protocol of an address in lower case; ``file`` for a plain path."""
    scheme, mark, _ = uri.partition("://")
    return scheme.lower() if mark else "file"


def detail_of(error: BaseException) -> str:
    """What another library's error says, in one short line without secrets."""
    text = without_secrets(" ".join(str(error).split()))
    return text[:200] or type(error).__name__
