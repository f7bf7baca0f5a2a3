"""The page's JavaScript, and its main charts as SVG and PNG in report/figures; vl-convert makes both.

vl-convert includes Vega, Vega-Lite and Vega-Embed, and draws without a browser or a network.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from slingshot.files.storage.atomic import atomic
from slingshot.files.storage.json_files import write_text
from slingshot.report.page.charts import Chart
from slingshot.report.page.theme import CONFIG, resolved

WIDTH = 560
"""Width of a chart's SVG, in pixels; its PNG is twice as wide."""


@cache
def bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, which defines `window.vegaEmbed`."""
    import vl_convert

    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def drawn(chart: Chart) -> dict[str, Any]:
    """The chart outside the page: on white, with a fixed width, in the colours of the light page."""
    spec = {
        **chart.spec,
        "width": WIDTH,
        "config": {**CONFIG, "background": "white", "font": "sans-serif"},
    }
    return resolved(spec)


def write(charts: Iterable[Chart], folder: Path) -> None:
    """Write NAME.svg and NAME.png of every chart, each of them completely or not at all."""
    import vl_convert

    for chart in charts:
        svg = vl_convert.vegalite_to_svg(drawn(chart))
        write_text(folder / f"{chart.name}.svg", svg)
        with atomic(folder / f"{chart.name}.png") as temporary:
            temporary.write_bytes(vl_convert.svg_to_png(svg, scale=2))
