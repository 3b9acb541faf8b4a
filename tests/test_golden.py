"""The compiled timeline as a text: a change of the record shows here what it does to the law."""

import json
import re
from collections.abc import Callable

from conftest import TESTS
from inforce.compiled import timeline_lines
from inforce.record import Record
from inforce.service import Service

GUIDE = TESTS.parent / "docs" / "record.md"


def test_timeline(record: Record, golden: Callable[[str, str], None]) -> None:
    golden("timeline.txt", "\n".join(timeline_lines(record, record.spans)) + "\n")


def test_a_line_a_span(record: Record) -> None:
    lines = list(timeline_lines(record, record.spans))
    assert len(lines) == len(set(lines)) == len(record.spans)
    assert all(5 <= line.count(" | ") + 1 <= 6 for line in lines)


def test_the_guide_quotes_the_timeline(record: Record) -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    (quoted,) = re.findall(r"^```\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    lines = list(timeline_lines(record, record.spans))
    measure = quoted.partition(" ")[0]
    assert quoted.splitlines() == [line for line in lines if line.startswith(measure + " |")]


def test_the_query_of_the_guide(service: Service) -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    (query,) = re.findall(r"^```sparql\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    (row,) = json.loads(service.store.select(query))["results"]["bindings"]
    assert row["status"]["value"].endswith("#inForce")
    assert row["clause"]["value"].endswith("/cn-mofcom-2025-57#whole")
