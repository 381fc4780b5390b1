"""Photos: what people upload is read with care, made small, and loses what it says about where it was taken."""

import contextlib
import io

import pytest
from cryptography.exceptions import InvalidTag
from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory, override_settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from citybrain.core import photos
from citybrain.core.models import Photo
from citybrain.core.uploads import TOO_LARGE

ORIENTATION, GPS = 0x0112, 0x8825


def _picture(size: tuple[int, int] = (40, 20), form: str = "JPEG", **options: object) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, "red").save(written, form, **options)
    return written.getvalue()


def test_a_picture_comes_back_upright_and_without_what_the_camera_wrote_into_it() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif.get_ifd(GPS)[1] = "N"
    with Image.open(io.BytesIO(photos.to_jpeg(_picture(exif=exif)))) as kept:
        assert kept.size == (20, 40)
        assert not kept.getexif()


def test_what_somebody_wrote_into_a_picture_does_not_go_along() -> None:
    assert b"GPS 30.29" not in photos.to_jpeg(_picture(comment=b"GPS 30.29N"))
    note = PngInfo()
    note.add_text("comment", "GPS 30.29N")
    assert b"GPS 30.29" not in photos.to_jpeg(_picture(form="PNG", pnginfo=note))


def test_a_damaged_description_of_a_picture_is_no_fault_of_ours() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[0x010F] = "maker" * 20
    real = bytearray(_picture(exif=exif))
    for at in range(20, 160):
        for value in (0, 7, 255):
            changed = real.copy()
            changed[at] = value
            with contextlib.suppress(ValidationError):
                photos.to_jpeg(bytes(changed))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_the_usual_formats_become_jpeg(form: str) -> None:
    with Image.open(io.BytesIO(photos.to_jpeg(_picture(form=form)))) as kept:
        assert kept.format == "JPEG"


def test_a_large_picture_is_made_small_enough_to_send() -> None:
    with Image.open(io.BytesIO(photos.to_jpeg(_picture((4000, 3000))))) as kept:
        assert max(kept.size) == photos.LONGEST_SIDE


@pytest.mark.parametrize("content", [b"", b"a note", b"\x89PNG\r\n\x1a\n", _picture()[:200], b"GIF89a" + b"\0" * 99])
def test_what_is_no_picture_is_refused_with_what_to_do(content: bytes) -> None:
    with pytest.raises(ValidationError, match="JPEG"):
        photos.to_jpeg(content)


def test_a_picture_that_would_fill_the_memory_is_refused_before_it_is_read() -> None:
    with pytest.raises(ValidationError):
        photos.to_jpeg(_picture((10_000, 6_000), "PNG"))


@given(st.binary(max_size=400), st.integers(0, 600))
@hypothesis_settings(deadline=None)
def test_no_bytes_whatever_do_anything_but_become_a_picture_or_an_error(noise: bytes, at: int) -> None:
    real = _picture()
    for content in (noise, real[:at] + noise + real[at + len(noise) :]):
        with contextlib.suppress(ValidationError):
            photos.to_jpeg(content)


def test_a_photo_is_stored_sealed_and_opens_for_itself_alone() -> None:
    photo, other = Photo.of(b"jpeg"), Photo.of(b"jpeg")
    assert photo.reveal() == b"jpeg"
    assert b"jpeg" not in bytes(photo.cipher)
    other.cipher = photo.cipher
    with pytest.raises(InvalidTag):
        other.reveal()


class _Form(forms.Form):
    words = forms.CharField()
    photo = photos.PhotoField()


def _send(content: bytes) -> tuple[_Form, bool]:
    upload = SimpleUploadedFile("x.jpg", content)
    request = RequestFactory().post("/", {"words": "kept", "photo": upload})
    form = _Form(request.POST, request.FILES)
    form.is_valid()
    photos.note_too_large(request, form)
    return form, TOO_LARGE in request.META


@override_settings(UPLOAD_LIMIT=100_000)
def test_a_file_that_is_too_large_is_dropped_and_the_rest_of_the_form_is_kept() -> None:
    form, is_dropped = _send(b"x" * 300_000)
    assert is_dropped
    assert form.data["words"] == "kept"
    assert list(form.errors) == ["photo"]
    assert "10 MB" in str(form.errors["photo"])
    assert len(form.errors["photo"]) == 1


@override_settings(UPLOAD_LIMIT=100_000, UPLOAD_TOTAL=150_000)
def test_many_files_together_take_no_more_memory_than_one_form_needs() -> None:
    files = {f"photo_{number}": SimpleUploadedFile("x.jpg", b"x" * 80_000) for number in range(5)}
    request = RequestFactory().post("/", files)
    assert list(request.FILES) == ["photo_0"]
    assert len(request.META[TOO_LARGE]) == 4


def test_a_file_below_the_limit_arrives_whole() -> None:
    form, is_dropped = _send(_picture())
    assert not is_dropped
    assert form.is_valid()
    assert form.cleaned_data["photo"].startswith(b"\xff\xd8")
