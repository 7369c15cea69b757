"""A document that changed after it was sealed proves nothing: answers that rest on it count as pledged."""

from __future__ import annotations

from steelyard.store.documents import broken, names_any
from steelyard.store.home import Home
from steelyard.store.lake import Engine
from steelyard.weigh.exact import quoted


def distrust(home: Home, opened: Engine) -> None:
    """Lower the grade of the named ``answers`` whose documents were lost or changed; nothing is done where all are whole."""
    lost = broken(home)
    if not lost:
        return
    said = [row[0] for row in opened.rows("SELECT DISTINCT document FROM answers WHERE document IS NOT NULL")]
    named = ", ".join(quoted(one) for one in said if names_any(one, lost))
    if not named:
        return
    columns = [name for name in home.catalog.table("answers").names if name != "grade"]
    listed = ", ".join(f'"{name}"' for name in (*columns, "row", "leaf"))
    lowered = f"CASE WHEN grade = 'documented' AND document IN ({named}) THEN 'pledged' ELSE grade END AS grade"
    opened.hold("answers__said", f"SELECT {listed}, {lowered} FROM answers")
    opened.view("answers", "SELECT * FROM answers__said")
