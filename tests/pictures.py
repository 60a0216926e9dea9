"""Pictures as people send them: of some size and kind, and with whatever a camera writes beside the pixels."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from PIL import ExifTags, Image

RED, BLUE = (220, 20, 20), (20, 20, 220)
GPS_SECONDS = 26.719283


def picture(
    width: int = 640, height: int = 480, kind: str = "JPEG", mode: str = "RGB", **saved: Any
) -> bytes:
    """A red picture with a blue upper left quarter."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (0, 0, width // 2, height // 2))
    written = BytesIO()
    image.convert(mode).save(written, kind, **saved)
    return written.getvalue()


def talkative(words: str, kind: str = "JPEG", *, orientation: int = 1) -> bytes:
    """A picture that says these words wherever a picture can, and where it was taken."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    for tag in (ExifTags.Base.ImageDescription, ExifTags.Base.Artist, ExifTags.Base.Make):
        exif[tag] = words
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"ASCII\0\0\0" + words.encode()
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {
            ExifTags.GPS.GPSLatitudeRef: "N",
            ExifTags.GPS.GPSLatitude: (51.0, 30.0, GPS_SECONDS),
            ExifTags.GPS.GPSAreaInformation: b"ASCII\0\0\0" + words.encode(),
        }
    )
    more: dict[str, Any] = {"icc_profile": b"not a profile: " + words.encode()}
    if kind == "JPEG":
        more |= {"comment": words, "xmp": f"<x:xmpmeta>{words}</x:xmpmeta>".encode()}
    return picture(kind=kind, exif=exif.tobytes(), **more)


def segments(jpeg: bytes) -> Iterator[int]:
    """The markers of a JPEG's segments, up to its pixels (ITU-T T.81, B.1.1)."""
    at = 2
    while jpeg[at + 1] != 0xDA:
        yield jpeg[at + 1]
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")


PIXELS_ONLY = {0xE0, 0xDB, 0xC0, 0xC4}
"""JFIF's own header, tables and frame: no APP1 (EXIF, XMP), no APP2 (profile), no comment."""
