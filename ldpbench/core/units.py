"""Numbers for people."""


def human_bytes(count: int) -> str:
    """A size as people say it: 1 GB is 10^9 bytes."""
    if count < 1000:
        return f"{count} bytes"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5:  # else three digits would round it to the next unit
            return f"{value:.3g} {unit}"
    return f"{value:.0f} TB"


def human_seconds(seconds: float) -> str:
    """A duration as people say it: ``45 s``, ``12 min``, ``3.5 h``, ``9.2 days``."""
    for unit, size, below in (("s", 1, 90), ("min", 60, 90 * 60), ("h", 3600, 48 * 3600)):
        if seconds < below:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 86400:,.1f} days"
