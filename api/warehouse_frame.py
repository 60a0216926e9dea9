"""What every page of the warehouse's station is told, and the addresses that hand on which returns came in one box."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request

from api.identity import require
from returndesk.domain import scanning
from returndesk.domain.lots import Condition, Packaging
from returndesk.domain.people import MAY, Actor
from returndesk.domain.stages import CommandKind

HOME = "/desk/station"
_BOX_MAX = 12

AtStation = Annotated[Actor, require(*MAY[CommandKind.RECEIPTS])]
Box = Annotated[str, Query(description="The returns in the box, with commas between them.")]


@dataclass(frozen=True)
class Station:
    """A page of the station: what it is about, the returns whose goods came in the box at hand, and a word to say.

    `layout`: the keyboard layout through which the code before was read. `grade`: what the answers of the form
    amount to, where somebody without JavaScript asked. `asked`: a rep was asked to see to a parcel. `seen`: what it
    shows of the station's lists, for its stream; a page that shows none of them has none. `to_count`: the returns of
    the box of whose goods some are waited for still.
    """

    view: object
    box: Sequence[str] = ()
    at_hand: str | None = None
    layout: str | None = None
    grade: tuple[Condition, Packaging] | None = None
    asked: bool = False
    seen: str = ""
    to_count: Sequence[str] = ()

    @property
    def box_query(self) -> str:
        """The box as links and forms hand it on."""
        return ",".join(self.box)


def box_of(text: str, *more: str) -> tuple[str, ...]:
    """The returns in the box, each once; what is no RMA is not in it."""
    named = [*text[: _BOX_MAX * 20].split(","), *more]
    known = [found.rma for found in map(scanning.read, named) if found.rma is not None]
    return tuple(dict.fromkeys(known))[-_BOX_MAX:]


def url_of(path: str, **query: str | None) -> str:
    """An address with what is given of its query."""
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given, safe=',')}" if given else path


def parcel_url(rma: str, box: Sequence[str], **query: str | None) -> str:
    """The address of a parcel, with the others that came in its box."""
    alone = tuple(box) in ((), (rma,))
    return url_of(f"{HOME}/{rma}", box=None if alone else ",".join(box), **query)


def wants_json(request: Request) -> bool:
    """Whether the station's script asks: it keeps what it sends until it has an answer."""
    return request.headers.get("accept", "").startswith("application/json")
