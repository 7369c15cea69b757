"""The command ``dossier``, and ``verify`` of a bundle by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

JSON = Annotated[bool, Parameter(name="--json", negative="", help="print JSON on standard output, and nothing else")]


def dossier(home: Annotated[Path, Parameter(help="the folder of the home")], file: Path, *, framework: str, subject: str = "",
            period: str | None = None, lang: str = "", place: list[str] | None = None, json: JSON = False) -> int:  # fmt: skip
    """Write the acceptance dossier: eight items as one PDF, and a bundle with all documents that verifies offline 验收材料.

    What is missing is said, in the file and here.

    Parameters
    ----------
    file
        FILE.pdf; the bundle is FILE.bundle beside it.
    framework
        sme2024, gbt39116/2020, …
    subject
        Whose; the home's own subject when left out.
    period
        The period; the newest with a level when left out.
    lang
        zh or en.
    place
        ITEM=DOCUMENT puts a document by hand: acceptance, application, finance, contracts, invoices, completion, effect, assessment.
    """
    from steelyard.cli.say import as_json, table
    from steelyard.cli.weighing import period_of
    from steelyard.dots.dossier import dossier as write
    from steelyard.errors import UsageError, language
    from steelyard.store.home import Home

    placed: dict[str, str] = {}
    for one in place or []:
        item, sign, document = one.partition("=")
        if not sign:
            raise UsageError("SY101", why=f"--place {one}")
        placed[item] = f"{placed[item]}+{document}" if item in placed else document
    with Home.open(home) as opened:
        span = period_of(period, opened.zone) if period else None
        made = write(opened, file, framework, subject=subject, period=span, lang=lang or language(), place=placed)
    facts = vars(made) | {
        "pdf": str(made.pdf),
        "bundle": str(made.bundle),
        "there": list(made.there),
        "missing": list(made.missing),
    }
    as_json(facts) if json else table([], [(k, ", ".join(v) if isinstance(v, list) else v) for k, v in facts.items()])
    return 0


def verify_file(file: Path, key: str, *, json: bool) -> int:
    """Verify a bundle by itself, with no home: print what was looked at, who signed it, and every fault."""
    from steelyard.cli.say import as_json, table
    from steelyard.trace.bundle import verify_bundle

    found = verify_bundle(file, key)
    if json:
        as_json({"holds": found.verdict.holds, "signer": found.signer, "provider": found.provider, "made": found.made,
                 "looked_at": found.verdict.looked_at, "faults": [fault.__dict__ for fault in found.verdict.faults]})  # fmt: skip
    else:
        table([], [("signer", found.signer), *((f"provider {k}", v) for k, v in found.provider.items()), ("made", found.made),
                   *found.verdict.looked_at.items()])  # fmt: skip
        for fault in found.verdict.faults:
            print(f"BROKEN {fault.kind} {fault.name}: {fault.why}")
        print("holds 全部核验通过" if found.verdict.holds else f"BROKEN {len(found.verdict.faults)}")
    return 0 if found.verdict.holds else 1
