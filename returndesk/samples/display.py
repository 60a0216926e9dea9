"""Shows the sample run: a live table on a terminal, one line a change elsewhere; and each return's timeline."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from returndesk.domain.money import format_plain
from returndesk.domain.stages import Stage
from returndesk.ports import Clock
from returndesk.samples.progress import Progress

_COLOURS = {Stage.CLOSED: "green", Stage.EXPIRED: "yellow"}


class Display:
    """What the person who started it sees. `zone` is the shop's."""

    def __init__(self, clock: Clock, zone: ZoneInfo) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self._clock = clock
        self._zone = zone
        self._rows: dict[str, Progress] = {}
        self._told: dict[str, tuple[object, ...]] = {}
        self._live: Live | None = None

    def say(self, sentence: str) -> None:
        """One sentence."""
        self.console.print(sentence, markup=False)

    @contextmanager
    def samples(self) -> Iterator[None]:
        """While the samples run."""
        if not self.console.is_terminal:
            yield
            return
        with Live(console=self.console, refresh_per_second=8, get_renderable=self._table) as self._live:
            yield
        self._live = None

    def show(self, progress: Progress) -> None:
        """Take up a change."""
        self._rows[progress.sample.name] = progress
        news = (progress.words, progress.at, len(progress.trouble))
        if self._live is None and progress.at is not None and self._told.get(progress.sample.name) != news:
            self._told[progress.sample.name] = news
            name, rma, stage = progress.sample.name, progress.rma or "", progress.stage or ""
            self.say(f"{self.moment(progress.at)}  {name:<12} {rma:<14} {stage:<11} {progress.words}")

    def moment(self, at: datetime) -> str:
        """Day and time in the shop's zone."""
        return f"{at.astimezone(self._zone):%a %d %b %H:%M}"

    def _table(self) -> Table:
        now = self._clock.now()
        table = Table(
            title=f"The shop's clock: {self.moment(now)}", caption="Moved on as fast as the steps are done."
        )
        for heading in ("sample", "RMA", "stage", "what just happened", "mails"):
            table.add_column(heading, no_wrap=heading != "what just happened")
        for progress in self._rows.values():
            words = progress.trouble[-1] if progress.trouble else progress.words
            table.add_row(
                progress.sample.name,
                progress.rma or "",
                Text(progress.stage or "", _COLOURS.get(progress.stage, "cyan") if progress.stage else ""),
                Text(words, "red" if progress.trouble else ""),
                str(progress.mailed.total()),
            )
        return table

    def timelines(self, all_progress: Sequence[Progress], links: dict[str, str]) -> None:
        """Each return's life, what the processor says of it, and where its page is."""
        for progress in all_progress:
            self.say("")
            self.say(f"{progress.sample.name}: {progress.sample.shows}")
            self.say(f"  {progress.rma}, order {progress.sample.order_reference}, {progress.stage}")
            for item in progress.timeline:
                self.say(f"  {self.moment(datetime.fromisoformat(item['at']))}  {_line(item)}")
            self.say(f"  Stripe says: {_oracle(progress)}")
            self.say(f"  {links.get(progress.rma or '', 'It has no page yet.')}")


def _line(item: dict[str, Any]) -> str:
    what, details = item["what"].replace("_", " "), item["details"]
    words = [str(details[name]).replace("_", " ") for name in ("clock", "notice") if name in details]
    words += [
        f"{format_plain(details[name], details.get('currency', 'GBP'))} {details.get('currency', 'GBP')}"
        for name in ("total_minor", "amount_minor")
        if details.get(name) is not None
    ]
    by = details.get("by") or item["actor_id"]
    actor = "" if item["role"] == "system" else f"  ({by})"
    return f"{what:<16} {', '.join(words)}{actor}".rstrip()


def _oracle(progress: Progress) -> str:
    times = "once" if progress.times_asked == 1 else f"{progress.times_asked} times"
    if not progress.paid_minor:
        return f"asked {times}, and it came back." if progress.times_asked else "nothing was refunded."
    return f"{format_plain(progress.paid_minor, 'GBP')} GBP refunded; asked {times}, paid once."
