"""What every API view shares: its permission, its purpose and the record of refusals."""

from typing import Any, ClassVar

from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import override
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import CharField, ListField, Serializer
from rest_framework.views import APIView

from citybrain.core import access
from citybrain.core.roles import Act


class ProblemSerializer(Serializer[Any]):
    """Why a request was refused, in a sentence."""

    detail = CharField()


class FieldProblemSerializer(Serializer[Any]):
    """What is wrong with one parameter."""

    message = CharField()
    code = CharField()


class FilterProblemsSerializer(Serializer[Any]):
    """What is wrong with each parameter of a filter; those in order are left out."""

    name = ListField(child=FieldProblemSerializer(), required=False)
    area = ListField(child=FieldProblemSerializer(), required=False)


class CityView(APIView):
    """An API view; a subclass names its permission.

    It answers JSON whatever is asked for, so that nothing comes before the check of the permission.
    """

    permission: ClassVar[Act]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:  # noqa: ARG002, FBT001, FBT002 (DRF's signature)
        """Choose the only renderer."""
        renderer = JSONRenderer()
        return renderer, renderer.media_type

    def handle_exception(self, exc: Exception) -> Response:
        """Put a refused look on record, then answer as DRF does."""
        if isinstance(exc, access.RefusedLookError):
            access.put_on_record(self.request._request, exc)
            exc = Http404() if exc.status == 404 else PermissionDenied()  # noqa: PLR2004
        return super().handle_exception(exc)


class NamesPeople(CityView):
    """An API view that names persons: 404 for whom the user may not name, 403 without a purpose in the session."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check permission, then who is named, then purpose."""
        super().initial(request, *args, **kwargs)
        access.check_named(request._request, kwargs.get("ref"))
        if not access.purpose_of(request._request):
            raise PermissionDenied(_("State a purpose first, at /purpose/."))


@extend_schema(exclude=True)
class ApiSchema(CityView):
    """`GET /api/v1/schema/`: the OpenAPI description of this API, the same for everybody."""

    permission = Act.SIGNED_IN

    def get(self, request: Request) -> Response:  # noqa: ARG002 (DRF's signature)
        """Answer OpenAPI 3 as JSON, in English whatever the language of the pages."""
        with override("en"):
            return Response(SchemaGenerator().get_schema(request=None, public=True))  # type: ignore[no-untyped-call]
