"""A JSON document: the text of every cell as shown, and the number behind it with every digit."""

import math
from typing import Any

from ldpbench.site.exports.shown import ShownTable


def to_document(table: ShownTable) -> dict[str, Any]:
    """``value`` is null where there is no finite number; the text says why."""
    return {
        "schema": 1,
        "caption": table.caption,
        "columns": [{"title": column.title, "unit": column.unit, "better": column.better} for column in table.columns],
        "rows": [
            {
                "group": group,
                "cells": [
                    {
                        "text": cell.text,
                        "value": cell.value if cell.value is not None and math.isfinite(cell.value) else None,
                        "mark": cell.mark,
                        "note": cell.note,
                    }
                    for cell in row
                ],
            }
            for group, row in table.rows
        ],
    }
