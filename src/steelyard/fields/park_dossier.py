"""A park's dossier: the four highs with their evidence as one PDF, and a bundle with the Figures and documents, verified offline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from steelyard.errors import InputError, UsageError
from steelyard.fields.park_clauses import FRAMEWORK
from steelyard.fields.park_pages import Pages
from steelyard.fields.park_words import WORDS
from steelyard.fields.parks import WEAK, standing
from steelyard.model.period import Period
from steelyard.paper.setting import set_pdf
from steelyard.paper.show import Show
from steelyard.share.enclose import check_whole, enclose, to_anyone
from steelyard.store.home import Home
from steelyard.take.documents import documents_of, leaves_of


@dataclass(frozen=True)
class ParkDossier:
    """What was written: the PDF, the bundle, what is not met or not known, and how many documents and Figures it holds."""

    pdf: Path
    bundle: Path
    missing: tuple[str, ...]
    documents: int
    figures: int
    synthetic: bool


def park_dossier(home: Home, path: Path, park: str = "", period: Period | None = None, *, lang: str = "zh", floor: str = WEAK,
                 most: int = 100) -> ParkDossier:  # fmt: skip
    """Write ``path`` (.pdf) and the bundle beside it for a park; of each ratio at most so many lacking firms are listed.

    The bundle holds the park's own Figures and documents, and none of a firm's. Raises UsageError on a name that does not end in .pdf
    and on a park that is none, InputError where a firm is counted in two parks, and on a document that is not what was sealed.
    """
    if path.suffix.lower() != ".pdf":
        raise UsageError("SY794", name=path.name)
    if lang not in WORDS:
        raise UsageError("SY101", why=f"--lang {lang}: {', '.join(WORDS)}")
    found = standing(home, park, period, floor=floor, most=most)
    if found.faults:
        firms = ", ".join(dict.fromkeys(one.firm for one in found.faults[:5]))
        raise InputError(
            "SY824", str(path), name=found.park.id, count=len({one.firm for one in found.faults}), firms=firms
        )
    shelf = documents_of(home, found.park.id)
    check_whole(home, path, [one.document for one in shelf])
    pages = Pages(Show(home, lang, WORDS[lang], home.catalog), found, shelf, floor)
    pdf = set_pdf(pages.content(), home.now())
    figures = home.figures(None, found.park.id).to_pylist()
    offer = to_anyone(home, found.park.id, figures, found.period, f"dossier {FRAMEWORK}")
    packed = enclose(home, path, pdf, offer, leaves_of(home, [one.document for one in shelf]))
    missing = [
        clause.item
        for clause in (found.eligibility.clause, *(one for high in found.highs for one in high.clauses))
        if clause.state != "met"
    ]
    missing += [ratio.measure.id for high in found.highs for ratio in high.ratios if ratio.state != "met"]
    return ParkDossier(path, packed.path, tuple(missing), len(shelf), packed.figures, found.synthetic)
