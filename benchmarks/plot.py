"""The cost of a push against the size of the store, as SVG."""

from __future__ import annotations

import math
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 360, 64, 48, 24, 24


def push_cost(costs: dict[int, tuple[float, float]]) -> None:
    """Write push-cost.svg: both axes logarithmic, milliseconds of a push of 10 series over series stored."""
    points = {size: cost for size, cost in costs.items() if size}
    low_x, high_x = math.log10(min(points)), math.log10(max(points))
    figures = [figure for cost in points.values() for figure in cost]
    low_y, high_y = math.floor(math.log10(min(figures))), math.ceil(math.log10(max(figures)))

    def x(size: float) -> float:
        return LEFT + (math.log10(size) - low_x) / (high_x - low_x) * (WIDTH - LEFT - RIGHT)

    def y(figure: float) -> float:
        return HEIGHT - BOTTOM - (math.log10(figure) - low_y) / (high_y - low_y) * (HEIGHT - BOTTOM - TOP)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="sans-serif" font-size="12">',
        "<title>Cost of a push of 10 series against the number of series stored</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for exponent in range(low_y, high_y + 1):
        at = y(10**exponent)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{10**exponent:g} ms</text>')
    for size in points:
        parts.append(f'<text x="{x(size):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{size:,}</text>')
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">series stored</text>')
    for index, (label, colour) in enumerate((("pytest-pushgateway", "#e6522c"), ("Pushgateway 1.11 (Go)", "#00758f"))):
        line = " ".join(f"{x(size):.1f},{y(cost[index]):.1f}" for size, cost in points.items())
        last = max(points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.extend(
            f'<circle cx="{x(s):.1f}" cy="{y(c[index]):.1f}" r="3" fill="{colour}"/>' for s, c in points.items()
        )
        label_y = y(points[last][index]) - 10
        parts.append(f'<text x="{x(last):.1f}" y="{label_y:.1f}" text-anchor="end" fill="{colour}">{label}</text>')
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "push-cost.svg").write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")
