"""Seeds that depend only on what they should depend on."""

import hashlib


def derive_seed(base: int, *parts: str | int) -> int:
    """A seed in [0, 2^63) from a base seed and the names of what it is for.

    ``derive_seed(0, "noise", "left")`` never changes when another consumer is added.
    """
    text = "\x1f".join([str(base), *map(str, parts)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % (1 << 63)
