"""How fast the home page follows a day that moves, beside what it costs when nothing is remembered.

    python benchmarks/pages.py [--rounds 5]

Asks the application in this process for days that it has not been asked before, prints a Markdown table: the median
time of a page, and how many times that of the smallest page, which asks nothing, it takes.
"""

from __future__ import annotations

import sys

sys.path.pop(0)  # run as a script, this folder would hide the standard library's http behind a file of its own

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import count

from fastapi.testclient import TestClient

from inforce.service import Service
from inforce.web.app import create

TODAY = date(2026, 10, 1)


def days(first: date) -> Iterator[date]:
    """Each day once, so that nothing remembers its page."""
    return (first + timedelta(days=n) for n in count())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds: int = parser.parse_args().rounds
    moving, known, narrow = days(date(2025, 6, 1)), days(date(2025, 4, 1)), days(date(2025, 6, 1))
    pages: dict[str, Callable[[], str]] = {
        "a page that asks nothing": lambda: "/problems",
        "another day, as known today": lambda: f"/?on={next(moving)}",
        "another day, as known on that day": lambda: f"/?on={next(known)}&known=then",
        "another day, on gallium": lambda: f"/?on={next(narrow)}&material=gallium",
    }
    with TestClient(create(Service.of_current_build(), today=lambda: TODAY)) as client:
        for address in pages.values():
            client.get(address()).raise_for_status()
        taken: dict[str, list[float]] = {name: [] for name in pages}
        for _ in range(rounds):
            for name, address in pages.items():
                for _ in range(5):
                    start = time.perf_counter()
                    client.get(address()).raise_for_status()
                    taken[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    smallest = next(iter(medians.values()))
    print("| page | median, ms | ratio |\n|---|---|---|")
    for name, median in medians.items():
        print(f"| {name} | {1000 * median:.1f} | {median / smallest:.1f} |")


if __name__ == "__main__":
    main()
