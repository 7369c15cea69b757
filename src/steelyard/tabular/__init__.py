"""Floor 2: reads dirty files against a Table and names every bad cell. Files in, rows and refusals out; no home."""

from steelyard.refusal import Refusal
from steelyard.tabular.check import Checked, check
from steelyard.tabular.columnar import raw_of
from steelyard.tabular.raw import Raw
from steelyard.tabular.read import read
from steelyard.tabular.report import write_report

__all__ = ["Checked", "Raw", "Refusal", "check", "raw_of", "read", "write_report"]
