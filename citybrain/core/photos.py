"""Photos: reading an uploaded picture, and keeping it."""

import io
import threading

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps

from citybrain.core import clock
from citybrain.core.models import Area, Photo, User
from citybrain.core.uploads import TOO_LARGE

# The longer side, in pixels: a certificate stays readable.
LONGEST_SIDE = 1600
# In pixels. A JPEG is decoded at a smaller scale; other formats are decoded whole.
LARGEST_JPEG, LARGEST_PICTURE = 120_000_000, 16_000_000
# One at a time: each takes up to a hundred megabytes for a moment.
_DECODING = threading.Lock()
FORMATS = ("JPEG", "PNG", "WEBP")
QUALITY = 80


class PhotoField(forms.FileField):
    """Takes a picture and gives its bytes back as JPEG, upright and without metadata (where it was taken, by what)."""

    widget = forms.FileInput(attrs={"accept": "image/*", "capture": "environment"})

    def to_python(self, data: UploadedFile | None) -> bytes | None:  # type: ignore[override]
        """Return the JPEG; raise ValidationError saying what to do."""
        upload = super().to_python(data)
        return None if upload is None else to_jpeg(upload.read())


def to_jpeg(content: bytes) -> bytes:
    """Return a picture as an upright JPEG of at most LONGEST_SIDE; raise ValidationError when it is none."""
    try:
        with _DECODING, Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            _require_size(picture)
            # A JPEG is decoded at a smaller scale at once.
            picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except ValidationError:
        raise
    except Exception:  # noqa: BLE001 (what a damaged file makes of the decoder is not to be foreseen)
        raise ValidationError(_("This is not a picture. Take a photo, or choose a JPEG or PNG file.")) from None
    # Comments would go on into the new file.
    upright.info.clear()
    written = io.BytesIO()
    upright.save(written, "JPEG", quality=QUALITY)
    return written.getvalue()


def _require_size(picture: Image.Image) -> None:
    if picture.width * picture.height > (LARGEST_JPEG if picture.format == "JPEG" else LARGEST_PICTURE):
        raise ValidationError(_("This picture is too large. Take it anew with the camera of this device."))


def note_too_large(request: HttpRequest, form: forms.Form) -> None:
    """Say in a bound form which files were dropped because of their size; everything else in it is kept."""
    for name in request.META.get(TOO_LARGE, ()):
        if name in form.fields:
            form.errors.pop(name, None)
            form.add_error(name, _("This file is larger than 10 MB. Choose a smaller one; the rest is still here."))


def keep(*, jpeg: bytes, area: Area, by: User) -> Photo:
    """Store a picture that PhotoField gave, in the caller's transaction."""
    photo = Photo.of(jpeg)
    photo.area, photo.made_by, photo.made_at = area, by.pk, clock.now()
    photo.save()
    return photo


def answer(photo: Photo) -> HttpResponse:
    """Return the picture for one look; the caller has put it on record."""
    return HttpResponse(photo.reveal(), content_type="image/jpeg")
