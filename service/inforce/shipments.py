"""Lists of shipments as people keep them: CSV out of a spreadsheet, or JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inforce.catalogue import ParameterError
from inforce.model import InforceError


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list: where it begins in its file (in JSON, its place from 1), and its cells as given."""

    number: int
    cells: Mapping[str, Any]
    fault: ParameterError | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A list of shipments: its columns in their order, and its lines."""

    columns: Sequence[str]
    lines: Sequence[Line]


def read(data: bytes) -> Table:
    """A list from a file of either kind: what begins with a bracket is JSON."""
    return read_json(data) if data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{") else read_csv(data)


def read_csv(data: bytes) -> Table:
    """A list from CSV in UTF-8, with or without byte order mark, with commas, semicolons or tabs.

    Raises InforceError, with the line, for what is no such file.
    """
    text = _utf8(data)
    delimiter = _delimiter(next((line for line in text.splitlines() if line.strip()), ""))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] = []
    lines: list[Line] = []
    ended = 0
    try:
        for cells in reader:
            number, ended = ended + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns = [cell.strip() or f"column {place}" for place, cell in enumerate(cells, 1)]
                if twice := [name for name, count in Counter(columns).items() if count > 1]:
                    raise InforceError(f"line {number}: two columns are called {twice[0]!r}")
                continue
            cells += [""] * (len(columns) - len(cells))
            beyond = [cell for cell in cells[len(columns) :] if cell.strip()]
            fault = ParameterError("line", beyond[0], f"{len(columns)} cells as in the first line") if beyond else None
            lines.append(Line(number, dict(zip(columns, cells, strict=False)), fault))
    except csv.Error as error:
        raise InforceError(f"line {ended + 1}: no CSV: {error}") from None
    return Table(columns, lines)


def _delimiter(head: str) -> str:
    """What parts the names of the columns: what makes most of them."""
    # csv.Sniffer counts characters, also within quotes, and takes a list of one column for something else.
    return max(",;\t", key=lambda delimiter: len(next(csv.reader([head[:100_000]], delimiter=delimiter), [])))


def read_json(data: bytes) -> Table:
    """A list from a JSON array of objects. Raises InforceError for anything else."""
    try:
        items = json.loads(_utf8(data))
        json.dumps(items, ensure_ascii=False, allow_nan=False).encode()  # what cannot be sent back is refused
    except (ValueError, RecursionError) as error:
        raise InforceError(f"no JSON: {error}") from None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise InforceError('no list: expected [{"material": "gallium", "destination": "US", "date": "2025-11-15"}, …]')
    columns = dict.fromkeys(name for item in items for name in item)
    return Table(list(columns), [Line(number, item) for number, item in enumerate(items, 1)])


def _utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InforceError(f"line {line}: no UTF-8; save the list as “CSV UTF-8”") from None


def cell(value: Any) -> str:
    """A value as a cell that no spreadsheet runs as a formula; numbers stay as they are."""
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        text = " ".join(value)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    risky = text.lstrip(" \ufeff\u00a0")[:1] in tuple("=+-@\t\r\n＝＋－＠") and not re.fullmatch(
        r"[-+]?[0-9]+([.,][0-9]+)?", text
    )
    return "'" + text if risky else text
