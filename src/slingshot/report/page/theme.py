"""Colours and shapes of the page and of its charts.

A chart names a colour as a CSS variable, `var(--ink)`, so that light, dark and print change it without drawing the
chart again. For SVG and PNG files, `resolved` replaces the variables by the light colours.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

COLOURS = {
    # name: (light, dark). Text keeps a contrast of 4.5 and marks one of 3 against `page` and `card`.
    "page": ("#fdfdfc", "#16181b"),
    "card": ("#f4f4f1", "#202327"),
    "ink": ("#1d1f21", "#e8e8e6"),
    "soft": ("#5b6066", "#a8aeb4"),
    "line": ("#d9dad6", "#3a3f45"),
    "accent": ("#0b62b8", "#6cb2ff"),
    "other": ("#a84300", "#ff9d5c"),
    "warn": ("#7a4a00", "#ffcf80"),
    "warn-page": ("#fff5e0", "#33291a"),
}
SERIES = (
    # (light, dark): Okabe and Ito's colours, which colour-blind people can distinguish, with the contrast of marks.
    ("#0072b2", "#5db4ec"),
    ("#c75000", "#f39a5b"),
    ("#00805d", "#35c79b"),
    ("#a84a80", "#e29cc4"),
    ("#8f6a00", "#e9b94a"),
    ("#2f7fae", "#9bd3f5"),
    ("#4a4a4a", "#d6d6d6"),
    ("#7b5a3c", "#cdb08e"),
)
SHAPES = (
    "circle",
    "square",
    "triangle-up",
    "diamond",
    "cross",
    "triangle-down",
    "triangle-right",
    "triangle-left",
)
CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": "system-ui, 'Segoe UI', sans-serif",
    "view": {"stroke": None},
    "axis": {
        "domainColor": "var(--line)",
        "gridColor": "var(--line)",
        "gridOpacity": 0.7,
        "labelColor": "var(--soft)",
        "labelFontSize": 12,
        "tickColor": "var(--line)",
        "titleColor": "var(--soft)",
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "legend": {
        "labelColor": "var(--ink)",
        "labelFontSize": 12,
        "labelLimit": 300,
        "orient": "bottom",
        "symbolSize": 80,
        "title": None,
    },
    "text": {"color": "var(--ink)", "fontSize": 12},
    "rule": {"color": "var(--soft)"},
}
"""Vega-Lite's configuration of all charts."""
DEEPEST = 0.52
"""The highest opacity of a coloured cell, so that `ink` keeps its contrast on it, light and dark."""


def series(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Contestant -> its colour and its shape, the same in every chart. Up to 64 contestants, no two share both."""
    return {
        name: (f"var(--series-{i % 8})", SHAPES[(i + i // len(SERIES)) % len(SHAPES)])
        for i, name in enumerate(names)
    }


def variables(dark: bool) -> str:
    """The CSS declarations of the colours, dark or light."""
    pairs = {**COLOURS, **{f"series-{i}": pair for i, pair in enumerate(SERIES)}}
    return " ".join(f"--{name}: {pair[dark]};" for name, pair in pairs.items())


def resolved(spec: dict[str, Any]) -> dict[str, Any]:
    """A Vega-Lite specification with the light colours in place of the CSS variables."""
    text = json.dumps(spec)
    for name, pair in {**COLOURS, **{f"series-{i}": pair for i, pair in enumerate(SERIES)}}.items():
        text = text.replace(f"var(--{name})", pair[0])
    plain: dict[str, Any] = json.loads(text)
    return plain
