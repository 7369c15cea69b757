"""From the SQL of standards, in DuckDB's dialect, to Spark's: a closed subset that both engines read alike, and nothing else.

What is outside it is refused with its reason: because the engines would answer differently, or because a formula that anybody may
have written must not reach a function that reads files, the environment or the network.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.optimizer.scope import traverse_scope

FRAME: tuple[type[exp.Expression], ...] = (
    exp.Select, exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.With, exp.CTE,
    exp.Subquery, exp.Union, exp.Except, exp.Intersect, exp.Table, exp.TableAlias, exp.Alias, exp.Column, exp.Identifier,
    exp.Star, exp.Literal, exp.Null, exp.Boolean, exp.Parameter, exp.Placeholder, exp.Var, exp.Paren, exp.Tuple, exp.Distinct,
    exp.Window, exp.WindowSpec, exp.Filter, exp.DataType, exp.DataTypeParam,
    exp.Neg, exp.Not, exp.Is, exp.In, exp.Exists, exp.Between, exp.Like, exp.DPipe, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE,
    exp.NullSafeEQ, exp.NullSafeNEQ, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.BitwiseLeftShift,
)  # fmt: skip
FUNCTIONS: tuple[type[exp.Expression], ...] = (
    exp.And, exp.Or, exp.Case, exp.If, exp.Cast, exp.TryCast, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least,
    exp.Count, exp.Sum, exp.Min, exp.Max, exp.LogicalOr, exp.LogicalAnd, exp.BitwiseOrAgg, exp.ArgMin, exp.ArgMax,
    exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lead, exp.Lag, exp.Floor, exp.Ceil, exp.Abs, exp.Sign, exp.Sqrt,
    exp.Left, exp.Right, exp.Substring, exp.Trim, exp.Length, exp.Lower, exp.Upper, exp.StartsWith, exp.Contains, exp.ConcatWs,
    exp.ArrayAgg, exp.List, exp.ArrayContains, exp.SortArray,
)  # fmt: skip
NAMED = {"total": "TOTAL", "list_distinct": "ARRAY_DISTINCT", "bit_count": "BIT_COUNT"}
TYPES = {"BIGINT", "INT", "SMALLINT", "DOUBLE", "TEXT", "VARCHAR", "BOOLEAN", "DECIMAL"}
_ALLOWED = frozenset((*FRAME, *FUNCTIONS, exp.Anonymous))
_SPLIT = 1 << 62
_WHOLE = "CAST(CAST(:x AS DOUBLE) AS BIGINT)"  # ANSI: cuts the fraction off, raises on what is no number or too big
_PARTS = f"CAST(CAST((CAST(:x AS DOUBLE) - {_WHOLE}) * {_SPLIT}D AS BIGINT) AS DECIMAL(20, 0))"
_TOTAL = sqlglot.parse_one(
    f"(CAST(CAST(SUM({_WHOLE}) + SUM({_PARTS}) DIV {_SPLIT} AS BIGINT) AS DOUBLE)"
    f" + CAST(CAST(SUM({_PARTS}) % {_SPLIT} AS BIGINT) AS DOUBLE) / {_SPLIT}D)",
    read="spark",
)


@lru_cache(maxsize=512)
def portable(sql: str) -> str:
    """One SELECT in DuckDB's dialect as Spark's, ``$name`` as ``:name``; raises ValueError with what is not in the subset."""
    tree = _parsed(sql)
    for node in reversed(list(tree.walk())):  # inner ones first: an outer one is made of what they became
        if (turned := _to_spark(node)) is not node:
            node.replace(turned)
    try:
        return tree.sql("spark", comments=False, unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        raise ValueError(" ".join(str(error).split())) from error


@lru_cache(maxsize=512)
def names_read(sql: str) -> frozenset[str]:
    """The names that a SELECT reads and does not make itself; raises ValueError as ``portable`` does."""
    scopes = traverse_scope(_parsed(sql))
    return frozenset(
        source.name for scope in scopes for source in scope.sources.values() if isinstance(source, exp.Table)
    )


def _parsed(sql: str) -> exp.Query:
    try:
        statements = sqlglot.parse(sql, read="duckdb")
    except SqlglotError as error:
        raise ValueError(" ".join(str(error).split())) from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise ValueError("a formula is exactly one SELECT")
    if reasons := list(dict.fromkeys(_outside(statements[0]))):
        raise ValueError("; ".join(reasons))
    return statements[0]


def _outside(tree: exp.Expression) -> Iterator[str]:
    """What is not in the subset, one clause each."""
    for node in tree.walk():
        if type(node) not in _ALLOWED or (isinstance(node, exp.Anonymous) and node.name.lower() not in NAMED):
            name = node.name if isinstance(node, exp.Anonymous) else type(node).key
            yield f"{name.upper()} is not among what both engines read alike"
        elif isinstance(node, exp.Table) and (not isinstance(node.this, exp.Identifier) or node.db):
            yield "a formula reads tables by their bare names"
        elif isinstance(node, exp.With) and node.recursive:
            yield "recursion does not end on a circle in every engine"
        elif isinstance(node, exp.Join) and node.method:
            yield f"{node.method} JOIN: write it as an interval"
        elif isinstance(node, exp.Distinct) and node.args.get("on"):
            yield "DISTINCT ON: write it with row_number()"
        elif isinstance(node, exp.DataType) and node.this.value not in TYPES:
            yield f"the type {node.this.value} is not in every engine"


def _to_spark(node: exp.Expression) -> exp.Expression:
    """What sqlglot would leave or turn into something that answers differently."""
    if isinstance(node, exp.Div):
        return exp.Div(this=exp.cast(node.this, "double"), expression=exp.cast(node.expression, "double"))
    if isinstance(node, exp.ConcatWs):
        node.set("coalesce", False)  # both skip NULL; sqlglot would make it an empty text
    elif isinstance(node, exp.List):
        return exp.ArrayAgg(this=node.expressions[0])
    elif isinstance(node, exp.Anonymous) and node.name.lower() == "total":
        return exp.replace_placeholders(_TOTAL.copy(), x=node.expressions[0].copy())
    elif isinstance(node, exp.Anonymous):
        return exp.Anonymous(this=NAMED[node.name.lower()], expressions=node.expressions)
    return node
