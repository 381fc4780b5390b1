"""WSGI entry: pages and APIs."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "citybrain.settings")

application = get_wsgi_application()

# After the set-up above, which the import of anything with models needs.
from citybrain.core import beats  # noqa: E402

beats.beat_in_background("web")
