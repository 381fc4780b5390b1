"""Photos: reading an uploaded picture, and keeping it."""

import io

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps, UnidentifiedImageError

from citybrain.core import clock
from citybrain.core.models import Area, Photo, User
from citybrain.core.uploads import TOO_LARGE

# The longer side, in pixels: a certificate stays readable.
LONGEST_SIDE = 1600
LARGEST_PICTURE = 50_000_000  # pixels; a "decompression bomb" is larger
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
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            if picture.width * picture.height > LARGEST_PICTURE:
                raise ValidationError(_("This picture is too large. Take it anew with the camera of this device."))
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise ValidationError(_("This is not a picture. Take a photo, or choose a JPEG or PNG file.")) from None
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    written = io.BytesIO()
    upright.save(written, "JPEG", quality=QUALITY)
    return written.getvalue()


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
