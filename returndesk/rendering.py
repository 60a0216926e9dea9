"""Notices and pages, rendered from `templates/` in the shop's name, zone and language.

What holds for everything rendered here: HTML is always escaped, whatever a template is called; a name that a
template uses and nobody gave is an error, never an empty place; amounts are exact and carry their currency's
own number of decimals; instants are shown in the shop's zone; and no value can add a header or a line to one.
An error says which notice could not be made and never to whom.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import format_datetime as format_date_header
from fractions import Fraction
from functools import lru_cache, partial
from io import BytesIO
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import css_inline
from babel import Locale
from babel.dates import format_date
from babel.numbers import NumberPattern
from barcode import Code128
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from PIL import Image

from returndesk.domain.errors import InvalidInput
from returndesk.domain.mail import Recipient
from returndesk.domain.money import exponent, format_plain
from returndesk.domain.notice_facts import NoticeFacts, NoticeKind
from returndesk.domain.policy import Shop

_NUMBER_WORDS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_QUIET_ZONE: Final = 10
"""Blank modules that Code 128 asks for on either side of the bars (ISO/IEC 15417)."""
_MODULE_PX: Final = 3
_BARCODE_HEIGHT_PX: Final = 96


@dataclass(frozen=True)
class Links:
    """Where a notice's links lead: the customer's page of the return, and its packing slip."""

    status_url: str
    slip_url: str


def quantity_words(count: int) -> str:
    """Numbers up to ten in words, the others in digits."""
    return _NUMBER_WORDS[count] if 0 <= count < len(_NUMBER_WORDS) else str(count)


def plural(count: int, one: str, many: str) -> str:
    """The form of a noun, pronoun or verb that goes with `count`."""
    return one if count == 1 else many


def how_many(count: int, one: str, many: str) -> str:
    """A count with its noun: "one item", "two items"."""
    return f"{quantity_words(count)} {plural(count, one, many)}"


def yours(count: int) -> str:
    """The customer's goods: "your item", "your two items"."""
    return "your item" if count == 1 else f"your {how_many(count, 'item', 'items')}"


def words(code: str) -> str:
    """A stable code in plain words: "manual_review" is "manual review"."""
    return code.replace("_", " ")


def days(count: Fraction) -> str:
    """Business days with at most two decimals, shortened: "5", "1.25"."""
    hundredths = round(count * 100)
    return f"{Decimal(hundredths).scaleb(-2).normalize():f}"


def quoted_lines(text: str) -> list[str]:
    """What a person wrote, line by line, without control characters; empty lines part its paragraphs."""
    return [one_line(line) for line in text.strip().splitlines()]


def one_line(text: str) -> str:
    """The text without line breaks and control characters: it cannot add a header or fake a paragraph."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


@lru_cache(maxsize=256)
def _modules(rma: str) -> str:
    """The bars of the RMA in Code 128, a "1" for each dark module, quiet zones included."""
    quiet = "0" * _QUIET_ZONE
    bars: str = Code128(rma).build()[0]
    return quiet + bars + quiet


def barcode_png(rma: str) -> bytes:
    """The RMA in Code 128 as a black and white PNG: whole pixels per module, so that scanners read it."""
    modules = _modules(rma)
    row = Image.new("1", (len(modules), 1))
    row.putdata([0 if module == "1" else 255 for module in modules])
    image = row.resize((len(modules) * _MODULE_PX, _BARCODE_HEIGHT_PX), Image.Resampling.NEAREST)
    png = BytesIO()
    image.save(png, format="PNG")
    return png.getvalue()


def barcode_svg(rma: str) -> Markup:
    """The RMA in Code 128 as inline SVG. One path and no style attribute: a strict CSP blocks those."""
    modules = _modules(rma)
    path = "".join(f"M{x} 0h1v32h-1z" for x, module in enumerate(modules) if module == "1")
    # Markup.format() escapes what it fills in.
    return Markup(
        '<svg class="barcode" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} 32" role="img"'
        ' preserveAspectRatio="none" shape-rendering="crispEdges"><title>Barcode {}</title>'
        '<path d="{}"/></svg>'
    ).format(len(modules), rma, path)


class _Formats:
    """The filters that need the shop's zone and language and, from the context, what year it is."""

    def __init__(self, shop: Shop) -> None:
        self._zone = ZoneInfo(shop.zone)
        self._locale = Locale.parse(shop.locale)
        self._patterns: dict[int, NumberPattern] = {}
        self._short = lru_cache(maxsize=2_048)(partial(format_date, format="d MMM y", locale=self._locale))
        # What a shop sells has a few prices, and a list says them again and again.
        self.money = lru_cache(maxsize=4_096)(self._money)

    def _money(self, amount_minor: int, currency: str) -> str:
        """An amount with its currency's sign and decimals; Babel's own table of decimals differs from ISO."""
        pattern = self._pattern(exponent(currency))
        exact = Decimal(format_plain(amount_minor, currency))
        shown: str = pattern.apply(exact, self._locale, currency=currency, currency_digits=False)
        return shown

    def _pattern(self, digits: int) -> NumberPattern:
        """How amounts with so many decimals are written, made once: a page shows hundreds."""
        if digits not in self._patterns:
            standard = self._locale.currency_formats["standard"]
            self._patterns[digits] = NumberPattern(
                standard.pattern,
                standard.prefix,
                standard.suffix,
                standard.grouping,
                standard.int_prec,
                (digits, digits),
                standard.exp_prec,
                standard.exp_plus,
                standard.number_pattern,
            )
        return self._patterns[digits]

    def amount(self, amount_minor: int, currency: str) -> Markup:
        """An amount as an element of a page."""
        return Markup('<span class="amount">{}</span>').format(self.money(amount_minor, currency))

    def _local(self, instant: datetime) -> datetime:
        if instant.tzinfo is None:
            raise ValueError("an instant without a zone cannot be shown")
        return instant.astimezone(self._zone)

    def _day(self, context: Context, local: datetime) -> str:
        this_year = self._local(context["now"]).year
        pattern = "EEEE d MMMM" if local.year == this_year else "EEEE d MMMM y"
        return str(format_date(local.date(), pattern, locale=self._locale))

    @pass_context
    def day(self, context: Context, instant: datetime) -> str:
        """As in "Friday 27 November", and the year where it is not this one."""
        return self._day(context, self._local(instant))

    def calendar_day(self, day: date) -> str:
        """A day of the shop's calendar: "Wednesday 4 March 2026"."""
        return str(format_date(day, "EEEE d MMMM y", locale=self._locale))

    def short_day(self, day: date) -> str:
        """A day of the shop's calendar in little room: "4 Mar 2026"."""
        return str(self._short(day))

    @pass_context
    def last_day(self, context: Context, instant: datetime) -> str:
        """The last whole day before `instant`: whoever acts on that day, however late, is in time."""
        return self._day(context, self._local(instant) + timedelta(minutes=1) - timedelta(days=1))

    @pass_context
    def moment(self, context: Context, instant: datetime) -> str:
        """As in "Friday 27 November, 17:30 GMT", and the year where it is not this one."""
        local = self._local(instant)
        return f"{self._day(context, local)}, {local:%H:%M} {local.tzname()}"

    def stamp(self, instant: datetime) -> str:
        """The short form for tables: "27 Nov 2026, 17:30 GMT"."""
        return self._stamp(self._local(instant))

    def _stamp(self, local: datetime) -> str:
        return f"{self._short(local.date())}, {local.isoformat()[11:16]} {local.tzname()}"

    def time(self, instant: datetime | None, otherwise: str = "not yet") -> Markup:
        """An instant as an element of a page, in its short form; or what stands there while there is none."""
        if instant is None:
            return Markup('<span class="quiet">{}</span>').format(otherwise)
        local = self._local(instant)
        written = local.isoformat(timespec="seconds")
        # Written out, as a page has hundreds: Markup.format() takes twice as long.
        return Markup(f'<time datetime="{written}">{escape(self._stamp(local))}</time>')  # noqa: S704 (escaped)

    def iso(self, instant: datetime) -> str:
        """For a `<time datetime>` attribute."""
        return self._local(instant).isoformat(timespec="seconds")


def _environment(template_root: Path, shop: Shop) -> Environment:
    formats = _Formats(shop)
    environment = Environment(
        loader=FileSystemLoader(template_root),
        # select_autoescape() misses names like body.html.j2: escape everything but plain text.
        autoescape=lambda name: name is None or not name.endswith(".txt"),  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    environment.filters |= {
        "money": formats.money,
        "day": formats.day,
        "calendar_day": formats.calendar_day,
        "short_day": formats.short_day,
        "last_day": formats.last_day,
        "moment": formats.moment,
        "stamp": formats.stamp,
        "iso": formats.iso,
        "quantity_words": quantity_words,
        "how_many": how_many,
        "plural": plural,
        "yours": yours,
        "words": words,
        "quoted_lines": quoted_lines,
        "days": days,
        "barcode_svg": barcode_svg,
    }
    environment.globals |= {"shop": shop, "time_element": formats.time, "amount_element": formats.amount}
    return environment


def _flow(text: str) -> str:
    """Paragraphs of one line each; lines that begin with a space, a dash or an address keep to themselves."""
    paragraphs = []
    for block in text.split("\n\n"):
        lines = [line.rstrip() for line in block.strip("\n").splitlines() if line.strip()]
        listed = any(line.startswith(("- ", "  ")) for line in lines)
        if lines:
            paragraphs.append("\n".join(lines) if listed else " ".join(lines))
    return "\n\n".join(paragraphs) + "\n"


def _address(display_name: str, email: str) -> Address:
    """A header address. Raises `InvalidInput` (`address_unusable`) without saying whose it was."""
    username, at, domain = email.rpartition("@")
    try:
        if not (username and at and domain) or not email.isprintable() or " " in email:
            raise ValueError
        ascii_domain = domain.encode("idna").decode("ascii")
        return Address(one_line(display_name), username, ascii_domain)
    except Exception:  # the parser's own errors quote the address
        raise InvalidInput("address_unusable", "This address cannot be written to.", field="email") from None


class Renderer:
    """Makes notices and pages. Templates are compiled once; one renderer serves all threads."""

    def __init__(self, template_root: Path, shop: Shop) -> None:
        self._environment = _environment(template_root, shop)
        self._from = _address(shop.name, shop.reply_to)
        # Remote stylesheets stay off: a mail is made without the network. At-rules hold the dark mode.
        self._inliner = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)

    def notice(
        self,
        facts: NoticeFacts,
        recipient: Recipient,
        *,
        links: Links,
        now: datetime,
        message_id: str,
        date: datetime,
        text: str | None = None,
    ) -> EmailMessage:
        """The email of one notice, as text and HTML. `text` is what a person wrote for it, quoted as it is.

        `now` only decides whether a date needs its year. `message_id` (with its angle brackets) and `date`, a
        UTC instant, are the caller's, so that the same notice sent again is the same message. Raises
        `InvalidInput` (`address_unusable`) for an address that cannot stand in a header.
        """
        context = {"facts": facts, "links": links, "now": now, "text": text}
        message = self._mail(facts.kind, recipient, context, message_id=message_id, date=date)
        message["X-RMA"] = one_line(facts.rma)
        if facts.kind is NoticeKind.AUTHORIZED:
            self._attach_barcode(message, facts.rma)
        return message

    def start_link(
        self,
        order_reference: str,
        recipient: Recipient,
        *,
        url: str,
        ends_at: datetime,
        now: datetime,
        message_id: str,
        date: datetime,
    ) -> EmailMessage:
        """The letter with the link by which an order's customer starts a return; `ends_at`: until then. Raises like `notice`."""
        context = {"order_reference": order_reference, "url": url, "ends_at": ends_at, "now": now}
        return self._mail("start_link", recipient, context, message_id=message_id, date=date)

    def _mail(
        self,
        template: str,
        recipient: Recipient,
        context: Mapping[str, object],
        *,
        message_id: str,
        date: datetime,
    ) -> EmailMessage:
        context = {**context, "name": one_line(recipient.name)}
        message = EmailMessage(policy=SMTP)
        message["Message-ID"] = message_id
        message["Date"] = format_date_header(date)
        message["From"] = self._from
        message["Reply-To"] = self._from
        message["To"] = _address(recipient.name, recipient.email)
        message["Subject"] = one_line(self._render(template, "subject.txt", context))
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(_flow(self._render(template, "body.txt", context)), cte="quoted-printable")
        html = self._inliner.inline(self._render(template, "body.html", context))
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        return message

    def page(self, name: str, *, now: datetime, **context: object) -> str:
        """The page `templates/pages/{name}.html` as a whole document."""
        return self._environment.get_template(f"pages/{name}.html").render(now=now, **context)

    def _render(self, template: str, part: str, context: Mapping[str, object]) -> str:
        return self._environment.get_template(f"email/{template}/{part}").render(context)

    def _attach_barcode(self, message: EmailMessage, rma: str) -> None:
        html = message.get_payload(1)
        if not isinstance(html, MIMEPart):
            raise TypeError("the second part of a notice is its HTML")
        cid, filename = f"<{rma}@barcode>", f"{rma}.png"
        html.add_related(barcode_png(rma), "image", "png", cid=cid, filename=filename, disposition="inline")
