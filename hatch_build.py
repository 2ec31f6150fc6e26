"""Ship the three record folders inside the wheel as ``ldpbench/_shipped/``.

Only standard wheels are touched: an editable install reads the folders of the checkout.
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShipFolders(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            for name in ("datasets_cards", "baselines", "leaderboard"):
                build_data["force_include"][name] = f"ldpbench/_shipped/{name}"
