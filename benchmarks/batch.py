"""Lists of 10,000 shipments: seconds of wall clock and of processor to read, ask and write them.

python benchmarks/batch.py
"""

from __future__ import annotations

import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

sys.path.pop(0)  # run as a script, this folder would hide the standard library's http

from rdflib import URIRef

from inforce import batch, catalogue, shipments
from inforce.service import Service

LINES, TODAY = 10_000, date(2026, 10, 8)


def lists(service: Service) -> dict[str, bytes]:
    dice = random.Random(1)
    known = service.names.of(service.query(batch.QUESTION).parameters["material"].of)
    materials = [catalogue.slug(URIRef(iri)) for iri in known]

    def made(head: str, line: Callable[[date], str]) -> bytes:
        days = [date(2024, 1, 1) + timedelta(days=dice.randrange(900)) for _ in range(LINES)]
        return (f"{head},destination,date\n" + "".join(f"{line(d)},{country()},{d}\n" for d in days)).encode()

    def country() -> str:
        return dice.choice(["US", "CN", "DE", "JP", "KR", "NL", "IN", "VN"])

    return {
        f"{len(materials)} materials": made("material", lambda _: dice.choice(materials)),
        "the same, each known on its own day": made("knownOn,material", lambda d: f"{d},{dice.choice(materials)}"),
        "300 HS codes": made("hs", lambda _: f"{280000 + dice.randrange(300) * 100}"),
        "10,000 HS codes": made("hs", lambda _: f"{dice.randrange(10**5, 10**6)}"),
        "one line over and over, 23 measures each": b"material,destination,date\n" + b"gallium,US,2025-11-15\n" * LINES,
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        service = Service.of_current_build(Path(folder))
    print(f"dataset {service.store.version}; Python {platform.python_version()}, {os.cpu_count()} cores, ", end="")
    print(f"load {os.getloadavg()[0]:.1f}\n")
    print("| 10,000 lines | seconds | of them processor | MB of CSV | lines with measures |\n|---|---|---|---|---|")
    for name, data in lists(service).items():
        start, used, tally = time.monotonic(), time.process_time(), batch.Tally()
        table = shipments.read(data)
        results = tally.watch(batch.run(service, table, TODAY))
        size = sum(len(piece) for piece in batch.as_csv(service, table, results))
        wall, cpu = time.monotonic() - start, time.process_time() - used
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {size / 1e6:.0f} | {tally.outcomes['found']} |")


if __name__ == "__main__":
    main()
