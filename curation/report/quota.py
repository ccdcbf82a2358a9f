"""The quotas of a release: what was asked for, what was there, what was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# A page can show so many rows; stats.json has them all.
_ROWS = 500
_NUMBERS = ("asked", "available", "given", "repeated", "short")


def quota_numbers(cells: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the report says about quotas, as JSON values.

    Args:
        cells: rows of `curation.quota.plan.PLAN_SCHEMA`, as `stats.json` holds them.
        options: the section `balance` of the release's config.

    Returns:
        `method`, `budget`, the sums of all cells, and up to 500 `cells`: those that are most short first, then by
        language, task and source.
    """
    shown = sorted(cells, key=lambda cell: (-cell["short"], cell["language"], cell["task"], cell["source"]))
    return {
        "method": options.get("method"),
        "budget": options.get("budget"),
        **{name: sum(cell[name] for cell in cells) for name in _NUMBERS},
        "count": len(cells),
        "cells": [dict(cell) for cell in shown[:_ROWS]],
    }
