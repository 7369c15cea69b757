"""A forecast drawn as SVG: a panel a region, history with its low…high, the curve with its band, targets, and published claims as marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

Document = dict[str, Any]
WIDTH, HEIGHT, ACROSS = 300, 190, 3
LEFT, RIGHT, TOP, BOTTOM = 38, 10, 26, 22
INK, CURVE, BAND, AIM, CLAIM = "#1f2d3d", "#0b6e4f", "#0b6e4f33", "#b3261e", "#8a6d00"
HEAD = 62


def draw(found: Document, lang: str) -> str:
    """The whole picture; the first panel is all regions together."""
    panels = [_whole(found, lang), *found["regions"]]
    down = -(-len(panels) // ACROSS)
    wide, high = WIDTH * ACROSS, HEAD + HEIGHT * down
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" '
            f'font-family="sans-serif" font-size="11" fill="{INK}">'
        ),
        f'<rect width="{wide}" height="{high}" fill="#ffffff"/>',
        *_head(found, lang),
    ]
    for place, panel in enumerate(panels):
        x, y = WIDTH * (place % ACROSS), HEAD + HEIGHT * (place // ACROSS)
        parts += [f'<g transform="translate({x} {y})">', *_panel(panel, found, lang, first=place == 0), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _whole(found: Document, lang: str) -> Document:
    words = (
        f"合计 {found['whole']['regions']} 个地区" if lang == "zh" else f"{found['whole']['regions']} regions together"
    )
    return {
        "name": {lang: words},
        "history": [],
        "years": found["whole"]["years"],
        "chances": found["whole"]["chances"],
    }


def _head(found: Document, lang: str) -> Iterator[str]:
    zh, back = lang == "zh", found["backtest"]
    made_up = ("（含合成数据）" if zh else " (synthetic data)") if found["synthetic"] else ""
    yield f'<text x="10" y="20" font-size="15">{escape(found["label"][lang])}{made_up}</text>'
    held = "–" if back["realised"] is None else f"{back['realised']:.0%}"
    level = f"{found['level']:.0%}"
    words = (f"预测（估算）至 {found['to']}；带为 {level} 区间，回测实际覆盖 {held}；点与竖线为已知值与 low…high；虚线为目标；△ 为他人公布的说法，分母不同"
             if zh else
             f"forecast (estimated) to {found['to']}; band: {level} interval, held {held} on the back-test; dots and bars: known values, low…high; "
             "dashed: targets; △: claims of others, with another denominator")  # fmt: skip
    yield f'<text x="10" y="40">{escape(words)}</text>'


def _panel(panel: Document, found: Document, lang: str, *, first: bool) -> Iterator[str]:
    first_year, last_year = int(found["years"][0]), int(found["to"])

    def x(year: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (year - first_year) / (last_year - first_year), 1)

    def y(share: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - share), 1)

    yield f'<text x="{LEFT}" y="{TOP - 10}" font-weight="bold">{escape(panel["name"][lang])}</text>'
    for share in (0.0, 0.5, 1.0):
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(share)}" y2="{y(share)}" stroke="#d5dbe1"/>'
        yield f'<text x="{LEFT - 5}" y="{y(share) + 4}" text-anchor="end">{share:.0%}</text>'
    for year in dict.fromkeys((first_year, found["years"][-1], last_year)):
        anchor = "end" if year == last_year else "middle"
        yield f'<text x="{x(year)}" y="{HEIGHT - 6}" text-anchor="{anchor}">{year}</text>'
    ahead = panel["years"]
    start = [one for one in panel["history"] if one["year"] == found["years"][-1]]
    points = [(one["year"], one["value"]) for one in [*start, *ahead]]
    low = [(one["year"], one["low"]) for one in ahead]
    high = [(one["year"], one["high"]) for one in ahead]
    origin = [(one["year"], one["value"]) for one in start]
    yield f'<path d="{_line([*origin, *high, *reversed(low)], x, y)} Z" fill="{BAND}"/>'
    yield f'<path d="{_line(points, x, y)}" fill="none" stroke="{CURVE}" stroke-width="2"/>'
    for one in panel["history"]:
        at = x(one["year"])
        yield f'<line x1="{at}" x2="{at}" y1="{y(one["low"])}" y2="{y(one["high"])}" stroke="{INK}" stroke-opacity="0.4"/>'
        yield f'<circle cx="{at}" cy="{y(one["value"])}" r="2.5"/>'
    for chance in panel["chances"]:
        at = x(int(chance["by"][:4]))
        yield f'<line x1="{LEFT}" x2="{at}" y1="{y(chance["goal"])}" y2="{y(chance["goal"])}" stroke="{AIM}" stroke-dasharray="4 3"/>'
    if first:
        yield from _claims(found, x, y)


def _claims(found: Document, x: Any, y: Any) -> Iterator[str]:
    """Published shares as open triangles, each with its own words on hovering."""
    for claim in found["published"]:
        year = int(claim["as_of"][:4])
        if claim["unit"] == "%" and found["years"][0] <= year <= found["to"]:
            at, up = x(year), y(claim["value"] / 100)
            words = escape(f"{claim['indicator']} {claim['value']:g} % · {claim['subject']} · {claim['scope']}")
            yield (f'<path d="M{at} {up - 5} L{at + 5} {up + 4} L{at - 5} {up + 4} Z" fill="none" stroke="{CLAIM}" stroke-width="1.5">'
                   f"<title>{words}</title></path>")  # fmt: skip


def _line(points: Sequence[tuple[float, float]], x: Any, y: Any) -> str:
    return " ".join(f"{'L' if at else 'M'}{x(year)} {y(value)}" for at, (year, value) in enumerate(points))
