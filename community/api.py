"""The API of residents: the same rows as the pages, masked."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import (
    CharField,
    ChoiceField,
    DictField,
    IntegerField,
    ModelSerializer,
    Serializer,
    UUIDField,
)

from citybrain.core import access, paging
from citybrain.core.api import FilterProblemsSerializer, NamesPeople, ProblemSerializer
from citybrain.core.models import Person
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from community import queries
from community.forms import AreaFilterForm, ResidentFilterForm


class ResidentSerializer(ModelSerializer[Person]):
    """A resident as others may see them: the name stays masked."""

    name = CharField(source="masked_name")
    area = CharField(source="area.code")

    class Meta:
        """What is shown."""

        model = Person
        fields = ("ref", "name", "sex", "area", "address")


class ResidentPageSerializer(Serializer[Any]):
    """One page of residents; `after` opens the next one, and is null on the last; a `count` of 10,001 says more."""

    count = IntegerField()
    results = ResidentSerializer(many=True)
    after = UUIDField(allow_null=True)


class GridPropertiesSerializer(Serializer[Any]):
    """A grid and how many residents live there."""

    code = CharField()
    name = CharField()
    residents = IntegerField()


class GridSerializer(Serializer[Any]):
    """A grid as a GeoJSON feature; without a boundary its geometry is null."""

    type = ChoiceField(["Feature"])
    geometry = DictField(allow_null=True)
    properties = GridPropertiesSerializer()


class GridsSerializer(Serializer[Any]):
    """The visible grids as a GeoJSON collection."""

    type = ChoiceField(["FeatureCollection"])
    features = GridSerializer(many=True)


AREA = OpenApiParameter("area", int, description="id of an area of yours; everything below it counts")
REFUSED = OpenApiResponse(ProblemSerializer, "not signed in, not permitted, or no purpose stated; on record")
HIDDEN = OpenApiResponse(ProblemSerializer, "outside your areas, or nowhere: the same answer; on record")
WRONG = OpenApiResponse(FilterProblemsSerializer, "a filter that is not understood shows nobody")


class ResidentList(NamesPeople):
    """`GET /api/v1/residents/?name=&area=&after=`: one page of residents."""

    permission = Act.SEE_PEOPLE

    @extend_schema(
        operation_id="residents",
        parameters=[
            OpenApiParameter("name", str, description="part of a name, or of its pinyin"),
            AREA,
            OpenApiParameter("after", str, description="`after` of the page before"),
        ],
        responses={200: ResidentPageSerializer, 400: WRONG, 403: REFUSED, 404: HIDDEN},
    )
    def get(self, request: Request) -> Response:
        """Answer `{count, results, after}`; `after` is null on the last page."""
        user = access.signed_in(request._request)
        form = ResidentFilterForm(user, request.query_params)
        if not form.is_valid():
            raise ValidationError(form.errors.get_json_data())
        rows = queries.residents(user, **form.narrowing())
        after = access.person_to_start_after(request._request, request.query_params.get("after"))
        page = paging.page(rows, ("name_sort", "id"), after)
        filtered_by = [name for name, value in form.narrowing().items() if value]
        access.record_look(request._request, Deed.SEE_LIST, Act.SEE_PEOPLE, page.rows, detail={"by": filtered_by})
        return Response(
            {
                "count": paging.capped_count(rows),
                "results": ResidentSerializer(page.rows, many=True).data,
                "after": str(page.next_after.ref) if page.next_after else None,
            },
        )


class ResidentDetail(NamesPeople):
    """`GET /api/v1/residents/<ref>/`: one resident."""

    permission = Act.SEE_PEOPLE

    @extend_schema(operation_id="resident", responses={200: ResidentSerializer, 403: REFUSED, 404: HIDDEN})
    def get(self, request: Request, ref: uuid.UUID) -> Response:
        """Answer the resident, masked; 404 for everyone outside the user's areas."""
        person = access.load_person(request._request, ref, Act.SEE_PEOPLE, Deed.SEE_PERSON)
        access.record_look(request._request, Deed.SEE_PERSON, Act.SEE_PEOPLE, [person])
        return Response(ResidentSerializer(person).data)


class ResidentMap(NamesPeople):
    """`GET /api/v1/residents/map/?area=`: the visible grids as GeoJSON."""

    permission = Act.SEE_PEOPLE

    @extend_schema(
        operation_id="residents_map",
        parameters=[AREA],
        responses={200: GridsSerializer, 400: WRONG, 403: REFUSED},
    )
    def get(self, request: Request) -> Response:
        """Answer a FeatureCollection; each feature has `code`, `name` and `residents`."""
        user = access.signed_in(request._request)
        form = AreaFilterForm(user, request.query_params)
        if not form.is_valid():
            raise ValidationError(form.errors.get_json_data())
        grids = queries.residents_by_grid(user, **form.narrowing())
        access.record(request._request, Deed.SEE_MAP, Act.SEE_PEOPLE, detail={"grids": len(grids)})
        features = [
            {
                "type": "Feature",
                "geometry": grid.area.boundary,
                "properties": {"code": grid.area.code, "name": grid.area.name, "residents": grid.count},
            }
            for grid in grids
        ]
        return Response({"type": "FeatureCollection", "features": features})
