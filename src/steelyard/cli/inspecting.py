"""The commands below ``inspect``: key, trust, revoke, assessors, draw, seal, in, compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

app = App(name="inspect", help="An assessor's own sealed answers, on site 现场核查.", help_format="plaintext")
JSON = Annotated[bool, Parameter(name="--json", negative="", help="print JSON on standard output, and nothing else")]
HomePath = Annotated[Path, Parameter(help="the folder of the home")]
Out = Annotated[Path, Parameter(name=("--out", "-o"))]


@app.command
def key(*, out: Out) -> int:
    """Make an assessor's own key; the file stays with the assessor, its public half is told 生成核查密钥."""
    from steelyard.cli.say import table
    from steelyard.errors import UsageError
    from steelyard.evidence.seal import Key
    from steelyard.take.draw import write_key

    made = Key.new()
    try:
        write_key(out, made)
    except OSError as error:
        raise UsageError("SY101", why=f"--out {out}: {error.strerror}") from error
    table([], [("key", made.public.hex())])
    return 0


@app.command
def trust(home: HomePath, key: str, *, name: str) -> int:
    """Trust an assessor's public key from now on 信任评估人员.

    Parameters
    ----------
    key
        64 hex digits, told by a second way.
    name
        Who it is.
    """
    from steelyard.store.home import Home
    from steelyard.take.inspection import trust_assessor

    with Home.open(home) as opened:
        trust_assessor(opened, key, name)
    return 0


@app.command
def revoke(home: HomePath, key: str) -> int:
    """Trust an assessor's key no longer; what it inspected stays 不再信任."""
    from steelyard.store.home import Home
    from steelyard.take.inspection import revoke_assessor

    with Home.open(home) as opened:
        revoke_assessor(opened, key)
    return 0


@app.command
def assessors(home: HomePath, *, json: JSON = False) -> int:
    """List the assessors whose keys a home trusts, or trusted 评估人员."""
    from steelyard.cli.say import as_json, table
    from steelyard.model.period import iso
    from steelyard.store.home import Home
    from steelyard.take.inspection import assessors_of

    with Home.open(home) as opened:
        rows = [vars(one) | {"at": iso(one.at)} for one in assessors_of(opened)]
    as_json(rows) if json else table(("key", "name", "state", "at"), [list(row.values()) for row in rows])
    return 0


@app.command
def draw(home: HomePath, framework: str, *, items: int, seed: str, out: Out, subject: str = "", form: Path | None = None,
         lang: str = "", json: JSON = False) -> int:  # fmt: skip
    """Draw a sample of items, constrained ones first, and seal the draw; who knows the seed can draw it again 抽题.

    Parameters
    ----------
    items
        How many.
    seed
        A text that neither side chose, such as a lottery's result of the day.
    out
        The file of the draw.
    subject
        Who is inspected; the home's own subject when left out.
    form
        Where a blank form of the items drawn is written, too: .xlsx, .docx or .csv.
    lang
        The language of the form: zh or en.
    """
    from steelyard.cli.say import as_json, table
    from steelyard.dots.forms import blank_form, whose
    from steelyard.errors import language
    from steelyard.store.home import Home
    from steelyard.store.lake import write_bytes
    from steelyard.take.draw import read_draw
    from steelyard.take.inspection import draw_items

    with Home.open(home) as opened:
        data = draw_items(opened, framework, whose(opened, subject), items, seed)
        drawn, _ = read_draw(data, str(out))
        if form:
            blank_form(opened, framework, drawn.items, form, subject=drawn.subject, lang=lang or language())
    write_bytes(out, data)
    as_json(vars(drawn)) if json else table(("item",), [(item,) for item in drawn.items])
    return 0


@app.command
def seal(file: Path, *, draw: Path, key: Path, out: Out, assessor: str = "", at: str | None = None, zone: str = "Asia/Shanghai",
         json: JSON = False) -> int:  # fmt: skip
    """Seal the answers found on site with the assessor's own key; needs no home 封存核查结果.

    Parameters
    ----------
    file
        A form with the columns item, answer, document: CSV, XLSX or DOCX.
    draw
        The file of the draw.
    key
        The assessor's private key.
    assessor
        The assessor's name.
    at
        When on site; now when left out.
    zone
        The time zone of --at.
    """
    from steelyard.cli.documents import instant_of
    from steelyard.cli.say import as_json, table
    from steelyard.model.period import iso
    from steelyard.store.lake import write_bytes
    from steelyard.take.draw import now_micros, read_draw, read_file, read_key
    from steelyard.take.inspection import seal_inspection, visited

    place = _zone(zone)
    when = iso(instant_of(at, place) if at else now_micros())
    drawn = read_file(draw)
    visited(read_draw(drawn, str(draw))[0], when, place, now_micros(), str(file))
    data = seal_inspection(file, drawn, read_key(key), assessor, when)
    write_bytes(out, data)
    facts = {"file": str(out), "bytes": len(data)}
    as_json(facts) if json else table([], list(facts.items()))
    return 0


def _zone(name: str) -> ZoneInfo:
    """A time zone by name; raises UsageError."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from steelyard.errors import UsageError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError("SY107", name=name) from error


@app.command(name="in")
def in_(home: HomePath, file: Path, *, synthetic: bool = False, json: JSON = False) -> int:
    """Take an inspection: verified first, then kept beside what was answered before; the grade counts 录入核查.

    Parameters
    ----------
    file
        The file that the assessor sealed.
    synthetic
        It is made up.
    """
    from steelyard.cli.say import as_json, table
    from steelyard.store.home import Home
    from steelyard.take.inspection import take_inspection

    with Home.open(home) as opened:
        taken = take_inspection(opened, file, synthetic=synthetic)
    found = taken.inspection
    facts = {"subject": found.subject, "framework": found.framework, "assessor": found.assessor, "key": found.signer, "at": found.at,
             "answers": len(found.answers), "leaf": taken.leaf.digest.hex(), "already": taken.already}  # fmt: skip
    as_json(facts) if json else table([], list(facts.items()))
    return 0


@app.command
def compare(home: HomePath, subject: str, framework: str, *, json: JSON = False) -> int:
    """Show item by item what was said before the visit and what was found 比对承诺与核查."""
    from steelyard.cli.say import as_json, table
    from steelyard.dots.compare import compare as compare_answers
    from steelyard.errors import language
    from steelyard.model.period import iso, local_day
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        found = compare_answers(opened, subject, framework)
        zone = opened.zone
        labels = {one.item: opened.catalog.items[one.item]["label"].get(language(), "") for one in found.items}
    facts = {"differences": found.differences} | {
        name: found.count(name) for name in ("overstated", "understated", "other", "same", "not_said")
    }
    if json:
        as_json({"subject": subject, "framework": framework, "inspected": len(found.items), "among": found.among, **facts, "items": [
            vars(one) | {"said_at": iso(one.said_at) if one.said_at is not None else None, "found_at": iso(one.found_at)}
            for one in found.items]})  # fmt: skip
        return 0
    table(("item", "", "said", "grade", "found", "at", ""), [(one.item, labels[one.item], one.said or "–", one.grade or "–", one.found,
          local_day(one.found_at, zone), one.verdict) for one in found.items])  # fmt: skip
    table([], [("inspected", f"{len(found.items)}/{found.among}"), *facts.items()])
    return 0
