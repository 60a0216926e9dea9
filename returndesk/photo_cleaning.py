"""Makes a photo of bytes that somebody sent, as a program of its own: `python photo_cleaning.py <sent >photo`.

What comes out is a JPEG of pixels and nothing else: upright, at most 2,000 px a side, without EXIF, place, profile,
comment or thumbnail. What the bytes are is found in them; nobody's word is taken for it. A process, because decoders
are C code that strangers feed: its memory is limited and goes back whole, and where one breaks only that process ends.
"""

import sys
import warnings
from contextlib import suppress
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps

KINDS: Final = ("JPEG", "PNG", "WEBP")
PIXELS_MAX: Final = 50_000_000
SIDE_MAX_PX: Final = 2_000
QUALITY: Final = 85
MEMORY_MAX_BYTES: Final = 2 * 1024**3

DONE, UNREADABLE, TOO_MANY_PIXELS = 0, 3, 4
"""How the program ends; the interpreter itself ends with 1 or 2 where it cannot start."""

# Pillow asks this as soon as it has read the header, before it decodes anything.
Image.MAX_IMAGE_PIXELS = PIXELS_MAX
warnings.simplefilter("error", Image.DecompressionBombWarning)


def clean(sent: bytes) -> bytes:
    """The photo as a JPEG. Raises whatever Pillow does where it is none, or has more than `PIXELS_MAX`."""
    image: Image.Image = Image.open(BytesIO(sent), formats=KINDS)
    if image.mode in ("1", "P"):  # colours by number cannot be mixed
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode.startswith("I"):  # sixteen bits of grey, of which a JPEG has eight
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    image.thumbnail((SIDE_MAX_PX, SIDE_MAX_PX), Image.Resampling.LANCZOS)
    with suppress(Exception):  # EXIF that cannot be read says nothing against the photo
        ImageOps.exif_transpose(image, in_place=True)
    # A new image: what came with the old one (comments, profiles) would be saved with it.
    photo = Image.new("RGB", image.size, "white")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        photo.paste(image, mask=image.getchannel("A"))
    else:
        photo.paste(image.convert("RGB"))
    written = BytesIO()
    photo.save(written, "JPEG", quality=QUALITY, optimize=True)
    return written.getvalue()


def main() -> int:
    """Clean what comes in; how it ended."""
    _limit_memory()
    try:
        photo = clean(sys.stdin.buffer.read())
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return TOO_MANY_PIXELS
    except Exception:  # Pillow has a dozen ways to say that a file is broken
        return UNREADABLE
    sys.stdout.buffer.write(photo)
    return DONE


def _limit_memory() -> None:
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX_BYTES, MEMORY_MAX_BYTES))


if __name__ == "__main__":
    sys.exit(main())
