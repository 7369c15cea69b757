"""Posts are acknowledged when durable, once, with a reason for every row that is not taken; nobody without a token gets in."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import re
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pyarrow as pa
import pytest
import yaml
from arrows import stream
from inlet import Recorder, running

import steelyard
from steelyard.connect.base import Connection
from steelyard.connect.http import Connector, server
from steelyard.connect.http.samples import topic
from steelyard.errors import InputError, UsageError
from steelyard.model.period import micros

HERE = Path(steelyard.__file__).parent / "connect" / "http"
TOKEN = "a token of a press line"  # noqa: S105
AT = "2026-03-14T08:00:00Z"
US = micros(dt.datetime(2026, 3, 14, 8, tzinfo=dt.UTC))
ONE = {"subject": "press 7", "signal": "PartCount", "at": AT, "value": 12}


def connector(folder: Path, port: int, **given) -> Connector:
    (folder / "token").write_text(f"an old token, still good\n{TOKEN}\n")
    url = given.pop("url", f"http://127.0.0.1:{port}")
    return Connector(Connection("push", "http", url, {"token_file": "token", **given}, folder))


class Post:
    """A listener over an inlet, and posts to it."""

    def __init__(self, url: str, inlet: Recorder, verify=True) -> None:
        self.inlet = inlet
        self.client = httpx.Client(
            base_url=url, headers={"authorization": f"Bearer {TOKEN}"}, verify=verify, timeout=10, trust_env=False
        )

    def __call__(self, path: str, content, media="application/json", **headers):
        data = content if isinstance(content, bytes | str) else json.dumps(content)
        return self.client.post(path, content=data, headers={"content-type": media, **headers})


@contextmanager
def listening(folder: Path, port: int, inlet: Recorder | None = None, **given):
    inlet = inlet or Recorder()
    verify = given.pop("verify", True)
    made = connector(folder, port, **given)
    with running(made, inlet) as failed:
        scheme = "https" if made.settings.certificate else "http"
        post = Post(f"{scheme}://127.0.0.1:{port}", inlet, verify)
        for _ in range(200):
            assert not failed
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield post
        post.client.close()
    assert not failed


@pytest.fixture
def post(tmp_path, free_port):
    with listening(tmp_path, free_port) as post:
        yield post


def test_a_sample_is_kept_and_acknowledged(post):
    answer = post("/samples", ONE)
    assert (answer.status_code, answer.json()) == (200, {"received": 1, "stored": 1, "refused_count": 0, "refused": []})
    assert post.inlet.samples == [("press 7", "PartCount", US, 12.0, None, 0)]


def test_a_list_keeps_what_is_good_and_names_what_is_not_by_its_row(post):
    wrong = [
        {**ONE, "at": "yesterday"}, {**ONE, "at": "2026-03-14 08:00"}, {**ONE, "at": 1_773_475_200_000}, {**ONE, "subject": ""},
        {**ONE, "quality": "splendid"}, {**ONE, "value": {"a": 1}}, {**ONE, "at": "2999-01-01T00:00:00Z"},
        {**ONE, "at": "2150-01-01T00:00:00Z"}, {"subject": "x"}, 5, {**ONE, "value": "x" * 40_000}, {**ONE, "signal": "a\x00b"},
    ]  # fmt: skip
    answer = post(
        "/samples",
        [ONE, *wrong, {**ONE, "value": "Held", "quality": "uncertain"}, {**ONE, "value": None}, {**ONE, "value": True}],
    )
    assert answer.status_code == 200
    found = answer.json()
    assert (found["received"], found["stored"], found["refused_count"]) == (16, 4, 12)
    codes = {one["row"]: one["code"] for one in found["refused"]}
    assert codes == {2: "SY319", 3: "SY668", 4: "SY319", 5: "SY318", 6: "SY317", 7: "SY676", 8: "SY322", 9: "SY323", 10: "SY318",
                     11: "SY676", 12: "SY305", 13: "SY318"}  # fmt: skip
    assert all(one["why"] for one in found["refused"])
    assert sum(count for _, _, count in post.inlet.refusals) == 12
    assert [row[3:] for row in post.inlet.samples] == [
        (12.0, None, 0),
        (None, "Held", 1),
        (None, None, 2),
        (1.0, None, 0),
    ]


def test_values_of_a_unified_namespace_come_by_topic_or_by_query(post):
    tick = {"timestamp_ms": US // 1000, "value": 20.5}
    assert post("/samples", {**tick, "topic": "umh.v1.acme.sz.line1.press._raw.motor.temperature"}).status_code == 200
    assert post("/samples?topic=umh/v1/acme/sz/line1/press/_raw/motor/temperature", [tick]).status_code == 200
    assert post("/samples?subject=press&signal=temp", tick).status_code == 200
    name = ("acme/sz/line1/press", "motor/temperature")
    assert [row[:4] for row in post.inlet.samples] == [
        (*name, US, 20.5),
        (*name, US, 20.5),
        ("press", "temp", US, 20.5),
    ]
    assert topic("a/b/c") == ("a/b", "c")


def test_json_lines_and_arrow_say_the_same_as_json(post):
    records = [ONE, {**ONE, "value": 13}]
    assert post("/samples", "\n".join(map(json.dumps, records)), "application/x-ndjson").json()["stored"] == 2
    table = pa.table({
        "subject": pa.array(["press 7"] * 2).dictionary_encode(), "signal": ["PartCount"] * 2,
        "at": pa.array([US, US], pa.timestamp("us", "UTC")), "value": pa.array([12, 13]), "quality": pa.nulls(2, pa.string()),
    })  # fmt: skip
    assert post("/samples", stream(table), "application/vnd.apache.arrow.stream").json()["stored"] == 2
    assert post.inlet.samples[:2] == post.inlet.samples[2:]


def test_rows_of_a_table_come_as_they_were_written(post):
    answers = [
        post(
            "/tables/production_counts",
            '[{"unit":"press 7","produced":12.50,"product":"轴"},{"unit":"press 8","x":true}]'.encode(),
        ),
        post(
            "/tables/production_counts",
            '{"unit":"press 7","produced":12.50,"product":"轴"}\n\n{"unit":"press 8","x":true}\n',
            "application/jsonl",
        ),
        post(
            "/tables/production_counts",
            "\ufeffunit,produced,product,x\r\npress 7,12.50,轴,\r\npress 8,,,true\r\n",
            "text/csv; charset=utf-8",
        ),
        post(
            "/tables/production_counts",
            stream(pa.table({"unit": ["press 7", "press 8"]})),
            "application/vnd.apache.arrow.stream",
        ),
    ]
    good = {"received": 2, "stored": 2, "refused_count": 0, "refused": []}
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, good)] * 4
    first, second, third, fourth = (rows.to_pylist() for _, rows in post.inlet.tables)
    assert first == [{"unit": "press 7", "produced": "12.50", "product": "轴", "x": None},
                     {"unit": "press 8", "produced": None, "product": None, "x": "true"}]  # fmt: skip
    assert first == second == third
    assert fourth == [{"unit": "press 7"}, {"unit": "press 8"}]


def test_what_the_table_refuses_is_told_in_the_senders_rows_and_repeats_are_counted(post):
    def rows(table, rows, *, position=None, then=None):
        assert rows.num_rows == 3
        then(1, ["2: SY311 produced: no number", "2: SY315 good: too small"])

    post.inlet.rows = rows
    answer = post(
        "/tables/production_counts", '{"unit":"a"}\nnonsense\n{"unit":"b"}\n{"unit":"c"}', "application/x-ndjson"
    ).json()
    assert (answer["received"], answer["stored"], answer["repeated"], answer["refused_count"]) == (4, 1, 1, 2)
    assert [(one["row"], one["code"]) for one in answer["refused"]] == [(2, "SY676"), (3, "SY311"), (3, "SY315")]


def test_a_table_that_is_not_there_is_told(post):
    def rows(*_, **__):
        raise UsageError("SY104", name="nonsense", near="samples")

    post.inlet.rows = rows
    answer = post("/tables/nonsense", {"a": 1}, **{"accept-language": "zh-CN"})
    assert (answer.status_code, answer.json()["code"]) == (404, "SY104")
    assert "没有" in answer.json()["why"]
    assert answer.json()["remedy"]


@pytest.mark.parametrize(("path", "content", "media", "status", "code"), [
    ("/samples", "{", "application/json", 422, "SY676"), ("/samples", "[1,", "application/json", 400, "SY674"),
    ("/samples", "", "application/json", 422, "SY676"), ("/samples", "[" * 100_000, "application/json", 400, "SY674"),
    ("/samples", "[]", "application/json", 200, None), ("/samples", '{"a":' * 100_000, "application/json", 422, "SY676"),
    ("/samples", "a,b", "text/csv", 415, "SY673"), ("/samples", "<x/>", "text/xml", 415, "SY673"),
    ("/tables/t", "a,b\n1,2,3\n", "text/csv", 422, "SY676"), ("/tables/t", "a,a\n1,2\n", "text/csv", 400, "SY674"),
    ("/tables/t", b"\xff\xfe\xfa", "text/csv", 400, "SY674"), ("/tables/t", '[{"a":"\\ud800"}]', "application/json", 400, "SY674"),
    ("/tables/t", json.dumps([{f"c{n}": 1} for n in range(300)]), "application/json", 400, "SY674"),
    ("/tables/t", b"ARROW1", "application/vnd.apache.arrow.stream", 400, "SY674"),
    ("/samples", '[{"subject":"a","signal":"b","at":"2026-03-14T08:00:00Z","value":"\\ud800"}]', "application/json", 400, "SY674"),
    ("/samples", '[{"subject":"\\ud800","signal":"b","at":"2026-03-14T08:00:00Z","value":1}]', "application/json", 400, "SY674"),
    ("/tables/t", '[{"\\ud800":1}]', "application/json", 400, "SY674"),
    ("/tables/t", '[{"a":{}}]', "application/json", 422, "SY676"), ("/nowhere", "{}", "application/json", 404, "SY677"),
])  # fmt: skip
def test_what_cannot_be_read_is_answered_with_a_code_and_a_remedy(post, path, content, media, status, code):
    answer = post(path, content, media)
    found = answer.json()
    assert answer.status_code == status
    assert found.get("code", (found.get("refused") or [{}])[0].get("code")) == code
    assert post.inlet.samples == post.inlet.tables == []
    assert post("/samples", ONE).status_code == 200


def test_no_one_gets_in_without_the_token_and_the_body_is_not_read(post):
    for header in ("", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"bearer {TOKEN[:-1]}"):
        answer = post("/samples", ONE, authorization=header)
        assert (answer.status_code, answer.json()["code"], answer.headers["www-authenticate"]) == (
            401,
            "SY670",
            "Bearer",
        )
    assert post("/samples", ONE, authorization="Bearer an old token, still good").status_code == 200
    assert post.client.get("/samples").status_code == 405
    assert post.client.get("/health", headers={"authorization": ""}).status_code == 204
    assert len(post.inlet.samples) == 1
    assert post.inlet.refusals == []


def test_what_is_too_large_is_refused_whether_it_says_so_or_not(tmp_path, free_port):
    with listening(tmp_path, free_port, max_bytes=10_000, max_rows=50) as post:
        assert post("/samples", " " * 10_001).status_code == 413
        chunked = post.client.post(
            "/samples", content=(b" " * 1000 for _ in range(50)), headers={"content-type": "application/json"}
        )
        assert (chunked.status_code, chunked.json()["code"]) == (413, "SY671")
        assert post("/samples", [{}] * 60).status_code == 413
        assert post("/tables/t", "a\n" * 60, "text/csv").status_code == 413
        many = stream(pa.table({"a": pa.array(range(60), pa.int8())}))
        assert post("/tables/t", many, "application/vnd.apache.arrow.stream").status_code == 413
        assert post("/samples", ONE, **{"x-long": "x" * 40_000}).status_code in (400, 413)
        packed = post("/samples", gzip.compress(b"{}"), **{"content-encoding": "gzip"})
        assert (packed.status_code, packed.json()["code"]) == (415, "SY673")
        assert post("/samples", ONE).status_code == 200


def test_who_brings_more_signals_than_there_is_room_for_is_told(tmp_path, free_port):
    with listening(tmp_path, free_port, max_signals=2) as post:
        assert post("/samples", [{**ONE, "signal": str(n)} for n in range(3)]).json()["code"] == "SY674"
        assert post("/samples", [{**ONE, "signal": str(n)} for n in range(2)]).status_code == 200
        assert len(post.inlet.names) == 2


def test_an_answer_waits_until_what_was_posted_is_durable(tmp_path, free_port):
    inlet = Recorder(hold=True)
    with listening(tmp_path, free_port, inlet) as post:
        answers = []
        thread = threading.Thread(target=lambda: answers.append(post("/samples", ONE)))
        thread.start()
        inlet.wait(lambda it: it.waiting)
        time.sleep(0.1)
        assert answers == []
        inlet.waiting.pop()()
        thread.join(5)
        assert answers[0].status_code == 200


def test_where_the_home_is_full_the_sender_is_told_to_come_again(tmp_path, free_port):
    inlet = Recorder()
    full, keep = threading.Event(), inlet.keep

    def slow(*parts, **more):
        full.wait(10)
        keep(*parts, **more)

    inlet.keep = slow
    with listening(tmp_path, free_port, inlet, wait_seconds=0.3) as post:
        first, second = post("/samples", ONE), post("/samples", ONE)
        assert (first.status_code, second.status_code, first.json()["code"]) == (503, 503, "SY675")
        assert int(first.headers["retry-after"]) > 0
        full.set()
        assert post("/samples", ONE).status_code == 200
        assert len(inlet.samples) == 2  # the first was under way; the second was given up before it began


def test_posts_beyond_the_memory_that_is_theirs_wait_outside(tmp_path, free_port):
    inlet = Recorder(hold=True)
    with listening(tmp_path, free_port, inlet, max_bytes=1000, max_waiting=1000) as post:
        large, answers = json.dumps(ONE) + " " * 800, []
        threads = [threading.Thread(target=lambda: answers.append(post("/samples", large))) for _ in range(2)]
        for thread in threads:
            thread.start()
        inlet.wait(lambda it: it.waiting)
        time.sleep(0.2)
        assert len(inlet.samples) == 1
        for _ in threads:
            inlet.wait(lambda it: it.waiting)
            inlet.waiting.pop()()
        for thread in threads:
            thread.join(5)
        assert [answer.status_code for answer in answers] == [200, 200]


def test_a_slow_sender_is_not_waited_for(tmp_path, free_port, monkeypatch):
    monkeypatch.setattr(server, "HEADER_SECONDS", 0.4)
    with listening(tmp_path, free_port, body_seconds=0.3) as post:
        with socket.create_connection(("127.0.0.1", free_port), 5) as slow:
            slow.sendall(f"POST /samples HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n"
                         "content-length: 100\r\n\r\n{".encode())  # fmt: skip
            assert b" 408 " in slow.recv(4096)
        for said in (b"", b"POST /samples HTT", b"POST /samples HTTP/1.1\r\nhost: x\r\n"):
            with socket.create_connection(("127.0.0.1", free_port), 5) as slow:
                slow.sendall(said)
                slow.settimeout(5)
                assert slow.recv(4096) == b""
        assert post("/samples", ONE).status_code == 200


def test_many_senders_at_once_lose_nothing(post):
    def work(who: int) -> None:
        for number in range(20):
            answer = post("/samples", [{**ONE, "signal": f"{who}", "value": number}])
            assert answer.status_code == 200

    threads = [threading.Thread(target=work, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for who in range(8):
        assert post.inlet.values("press 7", str(who)) == list(range(20))


def test_a_port_that_is_taken_is_no_end(tmp_path, free_port):
    with socket.create_server(("127.0.0.1", free_port)), pytest.raises(OSError):
        connector(tmp_path, free_port).run(Recorder())


def test_tls_by_certificate_files(tmp_path, free_port):
    certificate(tmp_path)
    trusted = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    given = {"url": f"https://127.0.0.1:{free_port}", "certificate": "cert.pem", "key": "key.pem", "verify": trusted}
    with listening(tmp_path, free_port, **given) as post:
        assert post("/samples", ONE).status_code == 200


def certificate(folder: Path) -> None:
    from ipaddress import ip_address  # noqa: PLC0415

    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "press line")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now, now + dt.timedelta(days=1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.mark.parametrize("given", [
    {"token_file": None}, {"token_env": "A", "token_file": "token"}, {"token_file": "none"}, {"token_file": "short"},
    {"url": "ftp://127.0.0.1"}, {"url": "http://0.0.0.0:1"}, {"url": "http://plant.example:1"}, {"url": "https://127.0.0.1:1"},
    {"url": "http://127.0.0.1:99999"}, {"url": "http://127.0.0.1:1/x"}, {"certificate": "cert.pem"}, {"max_bytes": 0},
    {"wait_seconds": -1}, {"zone": "x"},
])  # fmt: skip
def test_it_does_not_start_without_a_token_nor_in_the_open_without_tls(tmp_path, given):
    (tmp_path / "short").write_text("1234")
    with pytest.raises(InputError) as refused:
        connector(tmp_path, 1, **given)
    assert refused.value.code == "SY601"


def test_a_token_may_come_from_the_environment_and_plain_http_in_the_open_must_be_meant(tmp_path, monkeypatch):
    given = {"token_file": None, "token_env": "PUSH_TOKEN", "url": "http://0.0.0.0:1", "plain": True}
    with pytest.raises(InputError) as refused:
        connector(tmp_path, 1, **given)
    assert refused.value.code == "SY660"
    monkeypatch.setenv("PUSH_TOKEN", TOKEN)
    made = connector(tmp_path, 1, **given)
    assert made.settings.allows(f"Bearer {TOKEN}")
    assert TOKEN not in repr(made.settings)


def test_bad_certificates_are_no_matter_of_trying_again(tmp_path, free_port):
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("no certificate")
    made = connector(tmp_path, free_port, url=f"https://127.0.0.1:{free_port}", certificate="cert.pem", key="key.pem")
    with pytest.raises(InputError):
        made.run(Recorder())


def test_the_sample_connections_and_the_manifest_name_the_same_settings():
    manifest = yaml.safe_load((HERE / "manifest.yaml").read_text(encoding="utf-8"))
    for path in (HERE / "sample").glob("*.yaml"):
        sample = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert set(sample) - {"connector", "url"} <= set(manifest["settings"]), path.name
    source = (HERE / "settings.py").read_text(encoding="utf-8")
    asked = set(re.findall(r"\(connection, \"(\w+)\"", source)) | {"certificate", "key", "zone"}
    assert asked == set(manifest["settings"])
