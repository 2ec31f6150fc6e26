"""The README that lies in a prepared dataset: its card in words."""

from typing import TYPE_CHECKING

from ldpbench.records import DatasetCard

if TYPE_CHECKING:
    from ldpbench.data.prepared import PreparedInfo


def render_readme(card: DatasetCard, info: "PreparedInfo") -> str:
    """A Hugging Face dataset card, with front matter."""
    present, whole = sum(info.counts.values()), sum(info.whole.values())
    state = "complete" if info.complete else f"partial: {present} of {whole} scenes"
    splits = "\n".join(f"| {name} | {info.counts[name]} | {card.splits[name]} |" for name in card.splits)
    issues = "\n".join(f"- {issue}" for issue in card.known_issues) or "- none known"
    licence = "other" if card.licence == "none stated" else card.licence.lower()
    return f"""---
pretty_name: {card.title}
license: {licence}
task_categories:
- image-to-image
tags:
- dual-pixel
- defocus-deblurring
---

# {card.title}

{card.summary}

- Licence: {card.licence}
- Source: {info.source}
- State: {state}
- Fingerprint: `{info.fingerprint}`

The image columns hold the publisher's encoded bytes. Read them with `ldpbench.api.load_dataset("{card.id}")`, or decode
the bytes with a reader that keeps 16 bits; `datasets.Image()` does not.

| split | scenes here | scenes of the whole set |
|---|---|---|
{splits}

## Known issues

{issues}

## Citation

```
{card.citation or "none"}
```
"""
