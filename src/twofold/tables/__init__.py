"""Tables of numbers, text, dates and gaps: read, learned and turned into features. Nothing here knows of engines."""

from twofold.tables.column_inference import Choices
from twofold.tables.frames import as_table
from twofold.tables.reading import read_table
from twofold.tables.table_plan import TablePlan, learn_table

__all__ = ["Choices", "TablePlan", "as_table", "learn_table", "read_table"]
