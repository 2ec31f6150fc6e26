"""Render the README beside every shipped card again.

python tests/render_card_readmes.py
"""

from ldpbench.core.resources import shipped_root
from ldpbench.data.cards import load_card
from ldpbench.data.dataset_readme import render_readme

if __name__ == "__main__":
    for path in sorted((shipped_root() / "datasets_cards").glob("*/card.yaml")):
        text = render_readme(load_card(path.parent.name))
        (path.parent / "README.md").write_text(text, encoding="utf-8")
