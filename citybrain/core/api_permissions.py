"""The one permission class of the API; a module of its own because DRF's settings import it."""

from typing import TYPE_CHECKING

from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from citybrain.core import access

if TYPE_CHECKING:
    from rest_framework.views import APIView


class MayAct(BasePermission):
    """Checks `view.permission`, an Act; a view without one answers nobody."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Refuse on record, as pages do."""
        if not request.user.is_authenticated:
            raise NotAuthenticated
        access.check(request._request, view.permission)  # type: ignore[attr-defined]
        return True
