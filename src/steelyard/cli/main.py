"""The commands. Exit status: 0 done, 1 a check or a trace failed, 2 wrong use, 3 bad input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter

from steelyard import __version__
from steelyard.cli import (
    advising,
    auditing,
    comparing,
    connecting,
    documents,
    dossiers,
    forms,
    inspecting,
    planting,
    sharing,
)
from steelyard.cli.choosing import plan
from steelyard.cli.effects import effect
from steelyard.cli.facts import facts
from steelyard.cli.hearing import heard, pull, push
from steelyard.cli.parks import park
from steelyard.cli.say import complain, table
from steelyard.errors import SteelyardError, UsageError

app = App(
    name="steelyard",
    version=__version__,
    help="杆秤 Steelyard: every number of a digital-transformation programme, traceable to sealed evidence.\n\n"
    "take → weigh → seal → share → trace",
    help_format="plaintext",
)
app.command(sharing.app)
app.command(connecting.app)
app.command(planting.plant)
app.command(advising.diagnose)
app.command(advising.roadmap)
app.command(effect)
app.command(facts)
app.command(documents.app)
app.command(forms.app)
app.command(inspecting.app)
app.command(auditing.app)
app.command(dossiers.dossier)
app.command(pull)
app.command(push)
app.command(heard)
app.command(park)
app.command(comparing.region)
app.command(comparing.cluster)
app.command(comparing.compare)
app.command(plan)

JSON = Annotated[bool, Parameter(name="--json", negative="", help="print JSON on standard output, and nothing else")]
HomePath = Annotated[Path, Parameter(help="the folder of the home")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    try:
        status = app(list(arguments) if arguments is not None else sys.argv[1:], exit_on_error=False, print_error=False)
    except CycloptsError as error:
        wrong = UsageError("SY101", why=str(error))
        complain(wrong.code, "", wrong.say(), wrong.remedy())
        status = wrong.exit_status
    except SteelyardError as error:
        complain(error.code, error.where, error.say(), error.remedy())
        status = error.exit_status
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        sys.stderr.close()
        status = 0
    sys.exit(status or 0)


@app.command
def init(home: HomePath, *, name: str, kind: str, zone: str = "Asia/Shanghai", subject: str = "") -> int:
    """Make a new home 建立本地库.

    Parameters
    ----------
    name
        What people call it.
    kind
        factory, leader, park or region.
    zone
        The time zone in which local times and periods are read.
    subject
        The id of the subject that this home is (an enterprise, a park, a region).
    """
    from steelyard.store.home import Home

    with Home.create(home, name=name, kind=kind, zone=zone, subject=subject) as made:
        table([], [("home", str(home)), ("id", made.id), ("key", made.public_key.hex())])
    return 0


@app.command
def take(home: HomePath, *files: Path, table_name: Annotated[str | None, Parameter(name="--table")] = None,
         subject: str | None = None, mapping: str | None = None, sheet: str | None = None, grade: str | None = None,
         synthetic: bool = False, follow: bool = False, json: JSON = False) -> int:  # fmt: skip
    """Take files: CSV, Excel, JSON lines, Parquet, MTConnect logs; or follow the home's connections 取数.

    Prints read = stored + refused for each file. Exit status 3 when any row was refused.

    Parameters
    ----------
    table_name
        The table, where file name and columns do not tell it.
    subject
        Fills the subject column; the machine of a log.
    mapping
        Turns a log's signals into machine states: a file, or the name of a shipped mapping.
    sheet
        The sheet of a workbook, by name or by number from 1.
    grade
        The grade of evidence of the rows: declared, pledged, documented, inspected, measured.
    synthetic
        The rows are made up; every Figure made of them says so.
    follow
        Run the connections of the home (connections/*.yaml) until interrupted.
    """
    from steelyard.cli import taking

    if follow:
        return connecting.follow(home)

    return taking.take_files(home, files, json=json, table=table_name, subject=subject, mapping=mapping, sheet=sheet,
                             grade=grade, synthetic=synthetic)  # fmt: skip


@app.command
def weigh(home: HomePath, *measures: str, period: str, subject: str | None = None, each: str | None = None,
          every: Annotated[bool, Parameter(name="--all", negative="")] = False, engine: str | None = None,
          always: bool = False, json: JSON = False) -> int:  # fmt: skip
    """Weigh measures for a period: make and seal Figures 计量.

    Without names, or with --all, every measure that the home's data allow is weighed, lower ones first.

    Parameters
    ----------
    period
        2026, 2026Q1, 2026-03, 2026-03-14 or START/END in ISO 8601.
    subject
        Only this subject.
    each
        Weigh each day, month, quarter or year of the period by itself, or each shift that the table shifts plans in it.
    engine
        Where the sums are made: duckdb (here), or a Spark: spark://host:7077, local[2].
    always
        Use that engine for every later weighing of this home, too.
    """
    from steelyard.cli import weighing

    return weighing.weigh_measures(home, [] if every else measures, period, subject, each, json=json, at=engine,
                                   always=always)  # fmt: skip


@app.command
def show(home: HomePath, *, measure: str | None = None, subject: str | None = None, period: str | None = None,
         as_known_on: str | None = None, most: int | None = None, json: JSON = False) -> int:  # fmt: skip
    """Show current Figures 查看数据.

    Parameters
    ----------
    measure
        A measure's id; a * at its end matches any rest.
    subject
        A subject's id; a * at its end matches any rest.
    period
        Exactly this period.
    as_known_on
        As it was known at the end of this day, or at this time.
    most
        At most so many (200 on a terminal, all as JSON).
    """
    from steelyard.cli import reading

    return reading.show_figures(home, measure, subject, period, as_known_on, most, json=json)


@app.command
def trace(home: HomePath, digest: str, *, most: int = 20, leaf_bytes: bool = True, json: JSON = False) -> int:
    """Trace a Figure down to its leaves; exit status 1 when anything is BROKEN 溯源.

    Parameters
    ----------
    digest
        The Figure's digest, or its first hex digits.
    most
        How many inputs of a node are listed; all are verified.
    leaf_bytes
        Whether the bytes of leaves are read and verified too.
    """
    from steelyard.cli import reading

    return reading.trace_figure(home, digest, most, leaf_bytes=leaf_bytes, json=json)


@app.command
def verify(home: HomePath, *, key: str = "", json: JSON = False) -> int:
    """Verify everything in a home, or in a bundle by itself; exit status 1 when anything is BROKEN 全库核验.

    Parameters
    ----------
    home
        The folder of a home, or the file of a bundle.
    key
        Of a bundle: the only signer's public key that is accepted.
    """
    from steelyard.cli import reading

    if home.is_file():
        return dossiers.verify_file(home, key, json=json)
    return reading.verify_home(home, json=json)


@app.command
def check(
    folder: Annotated[Path | None, Parameter(help="a standards folder, or a home")] = None, *, engine: str = "",
    json: JSON = False,
) -> int:  # fmt: skip
    """Check standards and run their golden cases; exit status 1 when one fails 检查标准.

    Without a folder the shipped standards are checked.

    Parameters
    ----------
    engine
        Run the golden cases on a Spark, spark://host:7077 or local[2], and name the measures that it does not run.
    """
    from steelyard.cli import checking

    return checking.check_standards(folder, json=json, at=engine)


@app.command
def tables(home: HomePath | None = None, *, json: JSON = False) -> int:
    """List tables and their columns 数据表."""
    from steelyard.cli import reading

    return reading.list_tables(home, json=json)


@app.command
def measures(home: HomePath | None = None, *, json: JSON = False) -> int:
    """List measures 指标."""
    from steelyard.cli import reading

    return reading.list_measures(home, json=json)


@app.command
def serve(
    home: HomePath, *, port: int = 8080, host: str = "127.0.0.1", lang: str = "zh", connections: bool = True,
    peers: str | None = None, certificate: Path | None = None, private_key: Path | None = None,
) -> int:  # fmt: skip
    """Serve the console, run the connections of the home, and pull and push bundles when due 打开控制台，运行连接，自动收发数据包.

    Parameters
    ----------
    port
        The port to listen at.
    host
        The address to listen at; anything but loopback opens the home to the network without a login.
    lang
        The language of pages: zh or en.
    connections
        Whether the connections in connections/*.yaml run beside the pages.
    peers
        HOST:PORT of the door for other homes, over TLS with the home's own key; there is nothing but bundles to be had.
    certificate
        A certificate (PEM) for that door instead of the home's own; others pin it in their subscriptions.
    private_key
        The private key (PEM) of that certificate.
    """
    from contextlib import nullcontext

    from steelyard.cli import hearing
    from steelyard.console import serve as run
    from steelyard.dots.live import Live
    from steelyard.store.home import Home

    Home.open(home).close()
    live = Live(home) if connections and any((home / "connections").glob("*.yaml")) else nullcontext()
    with live, hearing.beside(home, peers, certificate, private_key):
        print(f"http://{host}:{port}", file=sys.stderr)
        run(home, host, port, lang)
    return 0


@app.command
def example(name: str, folder: Path, *, scale: float = 0.02, seed: int = 1, json: JSON = False) -> int:
    """Build an example world of synthetic homes 示例.

    Parameters
    ----------
    name
        pearl, the Pearl River delta.
    folder
        Where the homes are made.
    scale
        The share of Guangdong's 71,996 firms.
    seed
        The same seed makes the same world.
    """
    from steelyard.cli import examples

    return examples.build_example(name, folder, scale, seed, json=json)


@app.command
def doctor(home: HomePath | None = None, *, json: JSON = False) -> int:
    """Look at the machine and a home, and say what to mend; exit status 1 when something must be 体检."""
    from steelyard.cli import checking

    return checking.examine(home, json=json)


@app.command
def explain(code: str | None = None, *, json: JSON = False) -> int:
    """Explain an error code, or list them all 解释错误代码."""
    from steelyard.cli import checking

    return checking.explain_code(code, json=json)


__all__: list[Any] = ["app", "main"]
