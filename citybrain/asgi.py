"""ASGI entry: the live stream only; pages are served by WSGI, which is several times faster."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "citybrain.settings")
django.setup()

# After the set-up above, which the import of anything with models needs.
from citybrain.stream import application  # noqa: E402

__all__ = ["application"]
