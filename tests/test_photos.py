"""What is made of bytes that people send as a photo: pixels, upright and not too many, or a sentence."""

import subprocess
from io import BytesIO

import pytest
from pictures import BLUE, PIXELS_ONLY, RED, picture, segments, talkative
from PIL import Image

from returndesk import photos
from returndesk.domain.errors import InvalidInput
from returndesk.photos import SENT_BYTES_MAX, clean

WORDS = "Klompendorf"


def opened(photo: bytes) -> Image.Image:
    image = Image.open(BytesIO(photo))
    image.load()
    return image


def is_about(pixel: object, colour: tuple[int, int, int]) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(a - b) < 30 for a, b in zip(pixel, colour, strict=True))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_every_kind_becomes_a_jpeg_of_pixels_alone(kind: str) -> None:
    sent = talkative(WORDS, kind)
    assert WORDS.encode() in sent
    photo = await clean(sent)
    image = opened(photo)
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (640, 480))
    assert is_about(image.getpixel((10, 10)), BLUE)
    assert is_about(image.getpixel((600, 400)), RED)
    assert WORDS.encode() not in photo
    assert set(segments(photo)) == PIXELS_ONLY
    assert not image.getexif()


@pytest.mark.parametrize(
    ("orientation", "blue"),
    [(1, "upper left"), (3, "lower right"), (6, "upper right"), (8, "lower left")],
)
async def test_a_photo_is_shown_as_it_was_held(orientation: int, blue: str) -> None:
    image = opened(await clean(talkative(WORDS, orientation=orientation)))
    assert image.size == ((480, 640) if orientation in (6, 8) else (640, 480))
    corners = {
        "upper left": (10, 10),
        "upper right": (image.width - 10, 10),
        "lower left": (10, image.height - 10),
        "lower right": (image.width - 10, image.height - 10),
    }
    assert [name for name, at in corners.items() if is_about(image.getpixel(at), BLUE)] == [blue]


@pytest.mark.parametrize(
    ("width", "height", "kept"),
    [
        (5_000, 2_500, (2_000, 1_000)),
        (1_000, 4_000, (500, 2_000)),
        (2_000, 2_000, (2_000, 2_000)),
        (1, 1, (1, 1)),
    ],
)
async def test_the_longest_side_is_at_most_2000_px(width: int, height: int, kept: tuple[int, int]) -> None:
    assert opened(await clean(picture(width, height))).size == kept


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("JPEG", "L"),
        ("JPEG", "CMYK"),
        ("PNG", "1"),
        ("PNG", "P"),
        ("PNG", "LA"),
        ("PNG", "RGBA"),
        ("WEBP", "RGBA"),
    ],
)
async def test_whatever_the_colours_are_written_as_they_are_kept(kind: str, mode: str) -> None:
    image = opened(await clean(picture(3_000, 1_500, kind, mode)))
    assert (image.mode, image.size) == ("RGB", (2_000, 1_000))
    if mode not in ("1", "L", "LA"):
        assert is_about(image.getpixel((1_900, 900)), RED)


async def test_sixteen_bits_of_grey_keep_their_brightness() -> None:
    written = BytesIO()
    Image.new("I;16", (40, 40), 128 * 256).save(written, "PNG")
    assert is_about(opened(await clean(written.getvalue())).getpixel((20, 20)), (128, 128, 128))


async def test_what_can_be_seen_through_is_laid_on_white() -> None:
    written = BytesIO()
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(written, "PNG")
    assert is_about(opened(await clean(written.getvalue())).getpixel((20, 20)), (255, 255, 255))


async def test_broken_exif_says_nothing_against_a_photo() -> None:
    assert opened(await clean(picture(exif=b"Exif\0\0II*\0\xff\xff\xff\xff broken"))).size == (640, 480)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
WRONG = {
    "nothing": b"",
    "words": WORDS.encode(),
    "a drawing that runs": SVG,
    "a document": b"%PDF-1.7\n" + bytes(100),
    "GIF": picture(kind="GIF", mode="P"),
    "BMP": picture(kind="BMP"),
    "TIFF": picture(kind="TIFF"),
    "half a JPEG": picture(2_000, 2_000)[:9_000],
    "half a PNG": picture(kind="PNG")[:-30],
    "half a WebP": picture(kind="WEBP")[:-30],
    "only a beginning": b"\xff\xd8\xff\xe0",
}


@pytest.mark.parametrize("what", WRONG)
async def test_what_is_no_whole_photo_is_refused_in_a_sentence(what: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await clean(WRONG[what])
    assert refused.value.code == "photo_unreadable"
    assert WORDS not in refused.value.sentence


async def test_a_page_behind_the_pixels_does_not_come_along() -> None:
    photo = await clean(picture() + SVG)
    assert b"<svg" not in photo


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
async def test_too_many_pixels_are_refused_however_few_the_bytes(kind: str) -> None:
    sent = picture(8_000, 6_251, kind, "L" if kind == "JPEG" else "RGB")
    assert len(sent) < SENT_BYTES_MAX
    with pytest.raises(InvalidInput) as refused:
        await clean(sent)
    assert refused.value.code == "photo_too_many_pixels"


async def test_a_file_that_breaks_its_decoder_ends_only_the_cleaner(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setattr(photos, "_SECONDS_MAX", 0.001)
    with pytest.raises(InvalidInput) as refused:
        await clean(picture())
    assert refused.value.code == "photo_unreadable"
    killed = subprocess.CompletedProcess([], -9, b"half a photo")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: killed)
    with pytest.raises(InvalidInput, match="not a whole JPEG"):
        await clean(picture())
    killed.returncode = 1
    with pytest.raises(RuntimeError):
        await clean(picture())
