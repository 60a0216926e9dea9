"""How a benchmark tells what it measured: progress to standard error, the figures to standard output."""

import json
import statistics
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile, in milliseconds."""
    cuts = statistics.quantiles(seconds, n=20, method="inclusive")
    return round(cuts[9] * 1000, 1), round(cuts[18] * 1000, 1)


def say(sentence: str) -> None:
    """Progress goes to standard error."""
    print(sentence, file=sys.stderr)


def bars() -> Progress:
    """Progress of many things; a terminal sees it move."""
    columns = (TextColumn("{task.description:10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


def show(report: dict[str, Any], rows: Sequence[tuple[str, str]], *, as_json: bool) -> None:
    """One JSON object, or a table for people: what was measured, and the figure."""
    if as_json:
        print(json.dumps(report))
        return
    width = max(len(label) for label, _ in rows)
    print("\n".join(f"{label:{width}}  {figure}" for label, figure in rows))
