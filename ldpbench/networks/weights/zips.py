"""Members of a zip archive, read with their checksums compared and their sizes bounded."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

from ldpbench.core.errors import IntegrityError
from ldpbench.networks.weights.faults import FETCH_AGAIN, refuse_sizes, refusing_damage, shown


class Archive:
    """A zip archive in memory.

    Args:
        data: The whole file.
        path: Where it came from, for messages.

    Raises:
        IntegrityError: If its directory is damaged, names a member twice, or claims more than such a file can hold.
    """

    def __init__(self, data: bytes, path: Path) -> None:
        with refusing_damage(path, "zip"):
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            members = self._zip.infolist()
        self._path = path
        self._members = {member.filename: member for member in members}
        if len(self._members) != len(members):
            raise IntegrityError(f"{path} holds two members of one name", hint=FETCH_AGAIN)
        packed = {member.compress_type for member in members} - {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
        if packed:
            raise IntegrityError(f"{path} is packed in an unusual way (method {packed.pop()})", hint="pack it again")
        refuse_sizes(path, sum(member.file_size for member in members), len(data), "its members")

    @property
    def names(self) -> Sequence[str]:
        """All members in the order of the archive's directory."""
        return tuple(self._members)

    def read(self, name: str) -> bytes:
        """One member, its CRC-32 compared.

        Raises:
            IntegrityError: If it is not there or damaged.
        """
        member = self._members.get(name)
        if member is None:
            raise IntegrityError(f"{self._path} lacks its member {shown(name)}", hint=FETCH_AGAIN)
        with refusing_damage(self._path, "zip"):
            data = self._zip.read(member)
        if len(data) != member.file_size:
            raise IntegrityError(
                f"{self._path}: its member {shown(name)} has {len(data)} of {member.file_size} bytes", hint=FETCH_AGAIN
            )
        return data
