"""Guangdong's above-size industrial firms and what they answered: synthetic firms in the published numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.examples.pearl.answers import answer_rows, survey
from steelyard.examples.pearl.identity import FACTORY, GIVEN, given, identities
from steelyard.examples.pearl.places import CITIES, City, counts
from steelyard.examples.pearl.rows import local, stream, table, text_rows

LIST = "above_size"
LEAVING = 0.035  # of the firms of 2023 have left the list since
PARKS = (
    ("PK-440600-01", "440600", "顺德智能制造园（合成）", "Shunde smart manufacturing park (synthetic)"),
    ("PK-441900-01", "441900", "松山湖电子园（合成）", "Songshan Lake electronics park (synthetic)"),
)
CLUSTER = ("CL-440000-01", "cluster", "珠江口西岸智能家电集群（合成）", "West bank home-appliance cluster (synthetic)")
CLUSTER_CITIES = ("440400", "440600", "442000")
CLUSTER_INDUSTRY = "38"


def regions() -> pa.Table:
    """The ``subjects`` rows of the nation, the province and its 21 cities, which are real."""
    places = [("100000", "中国", "China"), ("440000", "广东省", "Guangdong")]
    places += [(city.code, f"{city.zh}市", city.en) for city in CITIES]
    return text_rows("subjects", [(f"CN-{code}", "region", zh, en, None, code) for code, zh, en in places])


def _months(draws: NDArray[np.float64], first: str, last: str) -> NDArray[np.datetime64]:
    """First days of months from ``first`` to ``last`` inclusive, evenly by draws in [0, 1)."""
    begin = np.datetime64(first, "M")
    span = (np.datetime64(last, "M") - begin).astype(int) + 1
    months = begin + (draws * span).astype("timedelta64[M]")
    return np.asarray(months, dtype="datetime64[s]")


def _membership(city: City, count: int, seed: int) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """Since when each firm stands on the list, and until when (NaT: it still does), (count,) each.

    All were on it at the end of 2023, so that the list of that day has the published numbers; those that left did so
    from April 2024 to February 2026.
    """
    draws = stream(seed, int(city.code), 5).random((count, 4))
    since = np.where(
        draws[:, 0] < 0.4, np.datetime64("2011-01-01T00:00:00"), _months(draws[:, 1], "2011-02", "2023-12")
    )
    until = _months(draws[:, 2], "2024-04", "2026-02")
    until[draws[:, 3] >= LEAVING] = np.datetime64("NaT")
    until[given(city, count)] = np.datetime64("NaT")
    return since, until


def _maybe(times: NDArray[np.datetime64]) -> pa.Array:
    """Times as text, empty where there is none."""
    return pa.array(local(times), pa.string(), mask=np.isnat(times))


def _roster(firms: pa.Array, since: NDArray[np.datetime64], until: NDArray[np.datetime64]) -> pa.Table:
    return pa.table(
        {
            "enterprise": firms,
            "list": pa.repeat(LIST, len(firms)),
            "since": pa.array(local(since), pa.string()),
            "until": _maybe(until),
        }
    )


def _city(city: City, count: int, seed: int) -> dict[str, pa.Table]:
    """The tables of one city's firms."""
    subjects = identities(city, count)
    firms = subjects["id"].combine_chunks()
    since, until = _membership(city, count, seed)
    answers = answer_rows(firms, survey(city, np.isnat(until), seed))
    return {"subjects": subjects, "roster": _roster(firms, since, until), "answers": answers}


def _members(of: str, firms: list[str], random: np.random.Generator) -> pa.Table:
    """Dated ``memberships`` of firms in a park or cluster; about one in twenty has left."""
    since = _months(random.random(len(firms)), "2016-01", "2024-12")
    until = _months(random.random(len(firms)), "2025-02", "2026-02")
    until[random.random(len(firms)) >= 0.05] = np.datetime64("NaT")
    until[[i for i, firm in enumerate(firms) if firm in GIVEN]] = np.datetime64("NaT")
    return table(
        {
            "subject": firms,
            "of": [of] * len(firms),
            "role": ["member"] * len(firms),
            "since": local(since),
        }
    ).append_column("until", _maybe(until))


def _pick(firms: list[str], most: int, share: float, random: np.random.Generator) -> list[str]:
    """Some of the firms: a share of them, at least 3 (if there are), at most ``most``; the factory among them."""
    size = min(len(firms), most, max(3, round(share * len(firms))))
    chosen = set(random.choice(len(firms), size, replace=False).tolist()) if size else set()
    return [firm for i, firm in enumerate(firms) if i in chosen or firm == FACTORY]


def _groups(subjects: dict[str, pa.Table], seed: int) -> tuple[pa.Table, pa.Table]:
    """The ``subjects`` rows of parks and the cluster, and the ``memberships`` in them. Keys: city codes."""
    random = stream(seed, 440_000, 6)
    rows = [(park, "park", zh, en, None, code) for park, code, zh, en in PARKS] + [(*CLUSTER, None, "440000")]
    members = [
        _members(park, _pick(subjects[code]["id"].to_pylist(), 180, 0.12, random), random) for park, code, _, _ in PARKS
    ]
    trade = [
        firm
        for code in CLUSTER_CITIES
        for firm, kind in zip(subjects[code]["id"].to_pylist(), subjects[code]["gbt4754"].to_pylist(), strict=True)
        if kind == CLUSTER_INDUSTRY
    ]
    members.append(_members(CLUSTER[0], _pick(trade, 400, 0.35, random), random))
    return text_rows("subjects", rows), pa.concat_tables(members)


def firms(scale: float = 0.02, seed: int = 1) -> dict[str, pa.Table]:
    """Tables ``subjects``, ``memberships``, ``roster`` and ``answers`` of the province.

    ``scale`` in (0, 1]: 1 makes all 71,996 firms and about 2.1 million answers. A firm of a small scale is the same
    firm, with the same answers, at a larger one. ValueError where the scale is too small for 21 cities.
    """
    cities = {city.code: _city(city, count, seed) for city, count in zip(CITIES, counts(scale).values(), strict=True)}
    groups, memberships = _groups({code: tables["subjects"] for code, tables in cities.items()}, seed)
    return {
        "subjects": pa.concat_tables([regions(), groups, *(tables["subjects"] for tables in cities.values())]),
        "memberships": memberships,
        "roster": pa.concat_tables([tables["roster"] for tables in cities.values()]),
        "answers": pa.concat_tables([tables["answers"] for tables in cities.values()]),
    }
