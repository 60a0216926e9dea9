"""The front page, and the embedded mailbox. Read-only."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.desk import Desk, desk_of
from api.framed_mail import framed
from api.identity import anybody, sign_in_of
from api.sign_in import home_of
from returndesk.domain.errors import NotFound
from returndesk.embedded.mailbox import MailboxReader, StoredMessage
from returndesk.store.pages import MailAttachment, MailboxPage, MailPage, MailRow

router = APIRouter(include_in_schema=False)

Number = Annotated[int, Path(ge=0, le=2**53)]
_LINK = [anybody("opened by the secret in its address")]
_MAILS_A_PAGE = 50


def _render(desk: Desk, name: str, page: object = None) -> HTMLResponse:
    """A page; its address is a secret and what it says a person's own, so no cache keeps it."""
    html = desk.renderer.page(name, now=desk.clock.now(), page=page)
    return HTMLResponse(html, headers={"Cache-Control": "no-store"})


@router.get("/", response_class=HTMLResponse, dependencies=[anybody("shows nothing of anybody")])
async def front(request: Request) -> Response:
    """Where a person lands who types the address; somebody signed in goes on to their desk."""
    signed_in = await sign_in_of(request)
    if signed_in is not None:
        return RedirectResponse(home_of(signed_in), HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})
    desk = desk_of(request)
    return _render(desk, "front", desk.policy.self_service.enabled)


def _mailbox(desk: Desk, key: str) -> MailboxReader:
    if desk.mailbox is None:
        raise NotFound("not_found", "There is no mailbox here: mail goes to the server in SMTP_URL.")
    desk.links.keyring.check(desk.links.keyring.mailbox_key(), key)
    return desk.mailbox


def _mail(desk: Desk, key: str, number: int) -> StoredMessage:
    message = _mailbox(desk, key).message(number)
    if message is None:
        raise NotFound("not_found", "There is no such message.")
    return message


@router.get("/mailbox/{key}", response_class=HTMLResponse, dependencies=_LINK)
def mailbox(
    key: str, request: Request, before: Annotated[int | None, Query(ge=1, le=2**53)] = None
) -> HTMLResponse:
    """What was mailed, newest first."""
    desk = desk_of(request)
    messages = _mailbox(desk, key).latest(before=before, limit=_MAILS_A_PAGE + 1)
    shown = messages[:_MAILS_A_PAGE]
    rows = [MailRow(f"/mailbox/{key}/{m.number}", m.to, m.subject, m.received_at) for m in shown]
    older = f"/mailbox/{key}?before={shown[-1].number}" if len(messages) > len(shown) else None
    return _render(desk, "mailbox", MailboxPage(rows, older))


@router.get("/mailbox/{key}/{number}", response_class=HTMLResponse, dependencies=_LINK)
def mail(key: str, number: Number, request: Request) -> HTMLResponse:
    """One message."""
    desk = desk_of(request)
    message = _mail(desk, key, number)
    here = f"/mailbox/{key}/{number}"
    page = MailPage(
        subject=message.subject,
        received_at=message.received_at,
        headers=[(name, str(value)) for name, value in message.parsed.items()],
        text=message.text or "",
        html_url=f"{here}/html" if message.html is not None else None,
        attachments=[
            MailAttachment(a.filename, a.content_type, len(a.content), f"{here}/attachments/{index}")
            for index, a in enumerate(message.attachments)
        ],
        mailbox_url=f"/mailbox/{key}",
    )
    return _render(desk, "mail", page)


@router.get("/mailbox/{key}/{number}/html", response_class=HTMLResponse, dependencies=_LINK)
def mail_html(key: str, number: Number, request: Request) -> HTMLResponse:
    """A message's HTML alone, for a sandboxed frame."""
    message = _mail(desk_of(request), key, number)
    return framed(message.html or "", message.parsed)


@router.get("/mailbox/{key}/{number}/attachments/{index}", dependencies=_LINK)
def mail_attachment(key: str, number: Number, index: Number, request: Request) -> Response:
    """One attachment, as a download."""
    attachments = _mail(desk_of(request), key, number).attachments
    if index >= len(attachments):
        raise NotFound("not_found", "There is no such attachment.")
    return Response(
        attachments[index].content,
        media_type="application/octet-stream",
        headers={"Content-Disposition": "attachment", "Cache-Control": "no-store"},
    )
