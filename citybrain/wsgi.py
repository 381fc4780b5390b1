"""WSGI entry: pages and APIs."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "citybrain.settings")

application = get_wsgi_application()

# After the set-up above, which the import of anything with models needs.
from django.db import Error  # noqa: E402

from citybrain.core import beats, chain, database_roles  # noqa: E402

try:
    if excess := database_roles.excess_rights():
        raise SystemExit(excess)
    # A pass written before `after_restore` would stand in no era, and nobody would follow it.
    chain.require_present_era()
except chain.ChainError as problem:
    raise SystemExit(str(problem)) from None
except Error:
    pass  # pages say so until the database answers

beats.beat_in_background("web")
