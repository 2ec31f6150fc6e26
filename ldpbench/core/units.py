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
