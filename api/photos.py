"""Photos of a return: sent as they are, kept without anything but their pixels, shown to who handles goods.

The body is the file itself and not a form: there is one file, its name is nobody's business, and no parser of forms
is needed. Who only counts money (finance) sees no photos: they may show people and addresses.
"""

import asyncio
import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from starlette.requests import ClientDisconnect

from api.commands import IdempotencyKey
from api.desk import Desk, desk_of
from api.identity import require
from api.problems import problems
from returndesk.domain.errors import InvalidInput
from returndesk.domain.people import Actor, Role
from returndesk.domain.rma import parse
from returndesk.photos import KEPT_AS, SENT_AS, clean
from returndesk.store import photos
from returndesk.store.commands import new_id

router = APIRouter(prefix="/api/v1", tags=["photos"])

_HANDLES_GOODS = (Role.REP, Role.WAREHOUSE, Role.MANAGER, Role.ADMIN)

Rma = Annotated[str, Path(max_length=20, description="As printed: RMA-7K3M-Q9TX.")]
_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file itself, up to 10 MiB and 50 megapixels. Its content says what it is.",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in SENT_AS},
    }
}


@router.post(
    "/returns/{rma}/photos",
    status_code=201,
    openapi_extra=_FILE,
    responses=problems(401, 403, 404, 413, 422, 503),
)
async def add_photo(
    rma: Rma,
    request: Request,
    response: Response,
    key: IdempotencyKey,
    actor: Annotated[Actor, require(*_HANDLES_GOODS)],
) -> photos.PhotoView:
    """Keep a photo: upright, at most 2,000 px a side, a JPEG without place, device or comment.

    422 `photo_unreadable` where it is no whole JPEG, PNG or WebP; 413 above 10 MiB.
    """
    named = parse(rma)
    view = await keep_photo(desk_of(request), named, await _body(request), actor=actor, key=key)
    response.headers["Location"] = str(request.app.url_path_for("one_photo", photo_id=view.id))
    return view


@router.get("/returns/{rma}/photos", responses=problems(401, 403, 404, 422))
def list_photos(
    rma: Rma, request: Request, _actor: Annotated[Actor, require(*_HANDLES_GOODS)]
) -> photos.PhotoList:
    """The photos of a return, oldest first."""
    with desk_of(request).database.read() as session:
        return photos.photos_of(session, parse(rma))


@router.get(
    "/photos/{photo_id}",
    response_class=Response,
    responses={
        200: {"content": {KEPT_AS: {}}, "description": "The photo."},
        **problems(401, 403, 404, 422, 503),
    },
)
def one_photo(
    photo_id: Annotated[str, Path(max_length=40)],
    request: Request,
    _actor: Annotated[Actor, require(*_HANDLES_GOODS)],
) -> Response:
    """A photo's bytes."""
    desk = desk_of(request)
    with desk.database.read() as session:
        key, media_type = photos.file_of(session, photo_id)
    headers = {
        "Cache-Control": "private",
        "Content-Disposition": f'inline; filename="{key}"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(desk.files.fetch(key), media_type=media_type, headers=headers)


async def keep_photo(desk: Desk, rma: str, sent: bytes, *, actor: Actor, key: str) -> photos.PhotoView:
    """A photo of a return, cleaned and kept; what came under the key before is answered instead.

    Raises `InvalidInput` (`photo_unreadable`, `photo_too_many_pixels`), `Refused` and `NotFound`.
    """
    content = f"{rma}\0{hashlib.sha256(sent).hexdigest()}"
    sending = photos.Sending(rma, actor.id, key, desk.links.keyring.digest("photo", content))
    view = await asyncio.to_thread(photos.sent_before, desk.database, sending)
    if view is None:
        view = await asyncio.to_thread(_keep, desk, sending, await clean(sent))
    return view


async def _body(request: Request) -> bytes:
    """What was sent, once it is known who sends it."""
    try:
        return await request.body()
    except ClientDisconnect:
        raise InvalidInput(
            "photo_unreadable", "The photo did not arrive whole. Nothing was kept. Send it again."
        ) from None


def _keep(desk: Desk, sending: photos.Sending, photo: bytes) -> photos.PhotoView:
    photo_id = new_id("pho")
    key = f"{photo_id}.jpg"
    desk.files.keep(key, photo)
    file = photos.KeptFile(photo_id, key, KEPT_AS, len(photo), hashlib.sha256(photo).hexdigest())
    return photos.write_down(desk.database, sending, file, desk.clock.now())
