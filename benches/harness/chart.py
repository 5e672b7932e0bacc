"""The chart: CPU per event of every contestant, one panel a scenario, as an SVG without dependencies.

Dots on a logarithmic axis, because the contestants lie three powers of ten apart and a bar has no
honest beginning there. Colours are legible on white and on black; where the reader's system
prefers dark, the text turns lighter.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from harness.results import OURS, Results
from harness.scenario import CPU, Scenario
from harness.tables import format_figure

_LABEL_WIDTH: Final = 210
_PANEL_WIDTH: Final = 190
_PANEL_GAP: Final = 44
_ROW_HEIGHT: Final = 22
_TOP: Final = 64
_BOTTOM: Final = 34

_STYLE: Final = """
  text { font: 12px system-ui, sans-serif; fill: #6e7781; }
  .title { font-size: 14px; font-weight: 600; }
  .ours { fill: #0b6bcb; font-weight: 600; }
  .value { font-size: 11px; }
  .grid { stroke: #8c959f; stroke-opacity: .3; }
  .dot { fill: #8c959f; }
  .dot.ours { fill: #0b6bcb; }
  @media (prefers-color-scheme: dark) {
    text { fill: #adbac7; } .ours, .dot.ours { fill: #4aa3ff; }
  }
"""


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn: whose CPU, and in which scenarios, from left to right."""

    whose: str
    panels: tuple[str, ...]


def draw_chart(
    chart: Chart, scenarios: Sequence[Scenario], results: Results, titles: Mapping[str, str], caption: str
) -> str | None:
    """The chart as SVG text, rows in the order of ``titles``; ``None`` where no panel was measured."""
    panels = {name: results.medians(name) for name in chart.panels if results.rounds.get(name)}
    if not panels:
        return None
    rows = [name for name in titles if any(name in medians for medians in panels.values())]
    values = [m[CPU] for medians in panels.values() for m in medians.values() if m.get(CPU, 0) > 0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    width = _LABEL_WIDTH + len(panels) * (_PANEL_WIDTH + _PANEL_GAP)
    height = _TOP + len(rows) * _ROW_HEIGHT + _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(caption)}</title><style>{_STYLE}</style>",
        _text(0, 18, f"{chart.whose} CPU per event, microseconds (less is better; logarithmic)", "title"),
    ]
    for row, contestant in enumerate(rows):
        kind = "ours" if contestant.startswith(OURS) else ""
        parts.append(_text(_LABEL_WIDTH - 12, _row_y(row) + 4, titles[contestant], kind, anchor="end"))
    short_titles = {scenario.name: scenario.short_title for scenario in scenarios}
    for column, (name, medians) in enumerate(panels.items()):
        left = _LABEL_WIDTH + column * (_PANEL_WIDTH + _PANEL_GAP)
        parts.append(_text(left, _TOP - 22, short_titles[name], "title"))
        for power in range(low, high + 1):
            x = left + (power - low) / (high - low) * _PANEL_WIDTH
            bottom = _TOP + len(rows) * _ROW_HEIGHT
            parts.append(f'<path class="grid" d="M{x:.1f} {_TOP - 8}V{bottom}"/>')
            parts.append(_text(x, bottom + 14, f"{10.0**power:g}", "value", anchor="middle"))
        for row, contestant in enumerate(rows):
            value = medians.get(contestant, {}).get(CPU, 0)
            if value > 0:
                x = left + (math.log10(value) - low) / (high - low) * _PANEL_WIDTH
                parts.append(_dot(x, _row_y(row), left, value, is_ours=contestant.startswith(OURS)))
    parts.append(_text(0, height - 4, caption, "value"))
    return "\n".join([*parts, "</svg>", ""])


def _row_y(row: int) -> float:
    return _TOP + (row + 0.5) * _ROW_HEIGHT


def _dot(x: float, y: float, left: float, value: float, *, is_ours: bool) -> str:
    kind = " ours" if is_ours else ""
    # The figure stands on the side of the dot that has room.
    is_right = x - left < _PANEL_WIDTH * 0.75
    label = _text(
        x + (8 if is_right else -8),
        y + 4,
        format_figure(value),
        f"value{kind}",
        anchor="start" if is_right else "end",
    )
    return f'<circle class="dot{kind}" cx="{x:.1f}" cy="{y:.1f}" r="5"/>{label}'


def _text(x: float, y: float, text: str, kind: str = "", *, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
