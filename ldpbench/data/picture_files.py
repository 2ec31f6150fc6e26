"""What a picture file says of itself, and whether it is whole, without decoding it."""

import struct
import zlib
from dataclasses import dataclass

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xDA)})
"""Markers without a length."""
_TIFF_TYPES = {1: "B", 3: "H", 4: "I"}


@dataclass(frozen=True)
class PictureHeader:
    """What the first bytes of a picture promise."""

    kind: str
    """``PNG``, ``JPEG``, ``TIFF`` or ``PFM``."""
    width_px: int
    height_px: int
    bits: int
    """Bits per channel."""
    channels: int


def looks_like_html(data: bytes) -> bool:
    """Whether the bytes are a web page, as when a download page was saved under a picture's name."""
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return head.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml", b"<script", b"<body"))


def picture_header(data: bytes) -> PictureHeader | None:
    """The header of a picture, or None if the bytes do not start like one."""
    try:
        if data.startswith(_PNG_MAGIC):
            return _png_header(data)
        if data.startswith(_JPEG_START):
            return _jpeg_header(data)
        if data[:4] in (b"II*\0", b"MM\0*"):
            return _tiff_header(data)
        if data[:2] in (b"Pf", b"PF"):
            return _pfm_header(data)
    except (struct.error, IndexError, ValueError):
        return None
    return None


def container_fault(data: bytes) -> str | None:
    """What is wrong with a file before anything is decoded, or None.

    Decoders fill what is missing of a cut or damaged picture with zeros or grey and say nothing.
    """
    if not data:
        return "the file is empty"
    if looks_like_html(data):
        return "it is a web page (HTML), not a picture: the download was redirected or refused"
    if data.startswith(_PNG_MAGIC):
        return _png_fault(data)
    if data.startswith(_JPEG_START) and _JPEG_END not in data[-64:]:
        return f"the JPEG is truncated: it ends after {len(data)} bytes without its end mark"
    return None


def _png_fault(data: bytes) -> str | None:
    """Walk the chunks to the end mark and compare the checksum that each brings."""
    view = memoryview(data)
    position = len(_PNG_MAGIC)
    while position + 12 <= len(data):
        length = int.from_bytes(view[position : position + 4], "big")
        kind = bytes(view[position + 4 : position + 8])
        end = position + 12 + length
        if end > len(data):
            break
        if zlib.crc32(view[position + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            return f"the PNG is damaged: the checksum of its {kind.decode('latin-1')} chunk at byte {position} is wrong"
        if kind == b"IEND":
            return None
        position = end
    return f"the PNG is truncated: it ends after {len(data)} bytes without its end mark"


def _png_header(data: bytes) -> PictureHeader | None:
    if data[12:16] != b"IHDR":
        return None
    width, height, bits, colour = struct.unpack(">IIBB", data[16:26])
    return PictureHeader("PNG", width, height, bits, _PNG_CHANNELS.get(colour, 0))


def _jpeg_header(data: bytes) -> PictureHeader | None:
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF or marker in _JPEG_BARE:
            position += 1 if marker == 0xFF else 2
            continue
        if marker in _JPEG_FRAMES:
            bits, height, width, channels = struct.unpack(">BHHB", data[position + 4 : position + 10])
            return PictureHeader("JPEG", width, height, bits, channels)
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return None


def _tiff_header(data: bytes) -> PictureHeader | None:
    order = "<" if data[:2] == b"II" else ">"
    (directory,) = struct.unpack(order + "I", data[4:8])
    (count,) = struct.unpack(order + "H", data[directory : directory + 2])
    tags: dict[int, int] = {}
    for index in range(count):
        entry = directory + 2 + 12 * index
        tag, kind, _ = struct.unpack(order + "HHI", data[entry : entry + 8])
        if kind in _TIFF_TYPES:
            (tags[tag],) = struct.unpack_from(order + _TIFF_TYPES[kind], data, entry + 8)
    channels = tags.get(277, 1)
    # Bits per sample lie in the entry itself only for one channel; for more they are listed elsewhere, all equal.
    bits = tags.get(258, 1) if channels == 1 else struct.unpack_from(order + "H", data, tags[258])[0]
    return PictureHeader("TIFF", tags[256], tags[257], bits, channels)


def _pfm_header(data: bytes) -> PictureHeader | None:
    magic, width, height, _ = data[:64].split(maxsplit=3)
    return PictureHeader("PFM", int(width), int(height), 32, 3 if magic == b"PF" else 1)
