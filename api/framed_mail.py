"""A mail's HTML alone, for a sandboxed frame: nothing in it runs, and it reaches for nothing outside."""

import base64
from email.message import Message

from fastapi.responses import HTMLResponse

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "sandbox allow-popups allow-popups-to-escape-sandbox",
    "X-Frame-Options": "SAMEORIGIN",
    "Cache-Control": "no-store",
}
_LINKS_LEAVE_THE_FRAME = '<base target="_blank">'


def framed(html: str, message: Message) -> HTMLResponse:
    """The HTML of a message, with its embedded images as data, since a frame cannot resolve `cid:`."""
    for part in message.walk():
        cid = part.get("Content-ID")
        if cid and part.get_content_maintype() == "image":
            content = part.get_payload(decode=True)
            data = base64.b64encode(content if isinstance(content, bytes) else b"").decode()
            html = html.replace(f"cid:{cid.strip('<>')}", f"data:{part.get_content_type()};base64,{data}")
    return HTMLResponse(html.replace("<head>", f"<head>{_LINKS_LEAVE_THE_FRAME}", 1), headers=_HEADERS)
