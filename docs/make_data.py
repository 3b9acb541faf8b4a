"""Writes the tables' part of docs/data.md from their definitions: python docs/make_data.py"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from inforce import frames
from inforce.record import root
from inforce.turtle import compact

PAGE = Path(__file__).parent / "data.md"
BEGIN, END = "<!-- tables: written by docs/make_data.py -->\n", "<!-- end of tables -->\n"


def text(page: str) -> str:
    """The page with its part between the two marks written anew."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + "\n" + "\n".join(_tables()) + "\n" + END + rest.partition(END)[2]


def _tables() -> Iterator[str]:
    for frame in frames.read(root() / "tables"):
        yield f"### {frame.title}: `{frame.name}`\n\n{frame.description.strip()} Key: `{'`, `'.join(frame.key)}`.\n"
        yield "| column | type | what | property |\n|---|---|---|---|"
        for column in frame.columns:
            leads = f" → `{column.references}`" if column.references else ""
            meaning = f"`{compact(column.meaning)}`" if column.meaning else ""
            yield f"| `{column.name}` | {column.kind} | {column.description}{leads} | {meaning} |"
        yield ""


if __name__ == "__main__":
    PAGE.write_text(text(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
