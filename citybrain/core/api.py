"""What every API view shares: its permission, its purpose and the record of refusals."""

from typing import Any, ClassVar

from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from citybrain.core import access
from citybrain.core.roles import Act


class CityView(APIView):
    """An API view; a subclass names its permission."""

    permission: ClassVar[Act]

    def handle_exception(self, exc: Exception) -> Response:
        """Put a refused look on record, then answer as DRF does."""
        if isinstance(exc, access.RefusedLookError):
            access.put_on_record(self.request._request, exc)
            exc = Http404() if exc.status == 404 else PermissionDenied()  # noqa: PLR2004
        return super().handle_exception(exc)


class NamesPeople(CityView):
    """An API view that names persons: without a purpose stated in the session it answers 403."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check permission, then purpose."""
        super().initial(request, *args, **kwargs)
        if not access.purpose_of(request._request):
            raise PermissionDenied(_("State a purpose first, at /purpose/."))
