"""The product's own site with two more views, which answer the same to everybody: what bench.show compares with."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "citybrain.settings")

from django.conf import settings

settings.ROOT_URLCONF = "bench.show_urls"

from citybrain.wsgi import application  # noqa: E402 (its own set-up comes first)

__all__ = ["application"]
