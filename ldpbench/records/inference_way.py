"""How a method sees a whole picture, as records and users write it."""

from typing import Literal

InferenceKind = Literal["whole", "tiled", "windows", "tlc", "crop"]
INFERENCE_PATTERN = r"^(whole|tiled:[1-9]\d*(\+\d+)?|windows:[1-9]\d*|tlc:[1-9]\d*|crop:[1-9]\d*)$"
"""``whole``; ``tiled:512+32``: overlapping tiles, the overlap blended; ``windows:512``: windows side by side, the last
ones flush with the border; ``tlc:256``: local averages for training patches of so many px; ``crop:8``: cut down to a
multiple."""
