"""The HTTP API: figures by page, a trace, bundles by exact name; nothing else."""

from __future__ import annotations

import threading

import pytest

from steelyard.api import Homes


def test_figures_are_filtered_and_paged(api):
    first = api.get("/api/figures?measure=coverage/*&limit=3").json()
    assert len(first["figures"]) == 3
    rest = api.get("/api/figures", params={"measure": "coverage/*", "limit": 1000, "skip": first["next"]}).json()
    assert rest["next"] is None
    digests = [figure["digest"] for figure in first["figures"] + rest["figures"]]
    assert len(set(digests)) == len(digests) == 8
    one = api.get("/api/figures?subject=440100&period=2025").json()["figures"]
    assert [(figure["value"], figure["unit"], figure["period"]) for figure in one] == [(0.31, "1", "2025")]


def test_a_figure_keeps_the_fields_of_the_shape_and_every_digit(api):
    figure = api.get("/api/figures?subject=E-2").json()["figures"][0]
    assert figure["value"] == 20.000000000000004
    assert {
        "digest",
        "subject",
        "measure",
        "start",
        "end",
        "value",
        "low",
        "high",
        "heard",
        "among",
        "grade",
        "estimated",
        "flags",
        "method",
        "inputs",
        "replaces",
    } <= set(figure)


@pytest.mark.parametrize("query", ["limit=-1", "limit=1e3", "skip=x", "period=yesterday", "period=2026-13"])
def test_an_unreadable_question_is_refused(api, query):
    assert api.get(f"/api/figures?{query}").status_code == 400


def test_the_limit_is_a_thousand(api):
    assert api.get("/api/figures?limit=99999").json()["limit"] == 1000


def test_a_trace_is_a_document(api):
    digest = api.get("/api/figures?subject=E-1").json()["figures"][0]["digest"]
    tree = api.get(f"/api/trace/{digest}").json()
    assert (tree["digest"], tree["state"]) == (digest, "BROKEN")
    assert api.get("/api/trace/not-a-digest").status_code == 404
    assert api.get("/api/trace/" + "0" * 64).status_code == 404


def test_a_bundle_is_served_by_its_exact_name(api):
    answer = api.get("/bundles/park-2026.zip")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert answer.content.startswith(b"PK")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../ledger.db",
        "..%2fledger.db",
        "%2e%2e/keys/home.pem",
        "link.zip",
        "a/b",
        "none.zip",
        "park-2026.zip%00",
        ".hidden",
        "/etc/passwd",
        "park-2026.zip/",
    ],
)
def test_no_other_file_is_served(api, name):
    assert api.get(f"/bundles/{name}").status_code == 404


def test_a_home_is_lent_to_one_thread_at_a_time(home_path):
    homes, out, peak, lock = Homes(home_path, most=2), [], [], threading.Lock()

    def use():
        with homes.lend() as home:
            with lock:
                out.append(home)
                peak.append(len(out))
            home.figures(most=1)
            with lock:
                out.remove(home)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    homes.close()
    assert max(peak) <= 2
