"""Loading an order for a page, and what every page of an order shows."""

import uuid
from typing import Any

from django.http import HttpRequest

from citybrain.core import access, clock, scope
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from community import care_queries, order_queries
from community.models import WorkOrder


def load_order(request: HttpRequest, ref: uuid.UUID, act: Act, deed: Deed) -> WorkOrder:
    """Return the order if the user may do `act` in its area; otherwise 404, on record with whom it is about."""
    visible = WorkOrder.objects.visible_to(request.user, act)
    order = order_queries.shown(visible).filter(ref=ref).first()
    if order is None:
        about = WorkOrder.objects.filter(ref=ref).values_list("person__ref", flat=True).first()
        raise access.RefusedLookError(deed, act, status=404, target=f"order:{ref}", person_ref=about)
    return order


def people_areas(request: HttpRequest) -> frozenset[int]:
    """Return the areas whose people the reader may see: the address of whoever moved out of them is not shown."""
    return frozenset(scope.of(request.user).ids("area", Act.SEE_PEOPLE))


def order_frame(request: HttpRequest, order: WorkOrder, act: Act) -> dict[str, Any]:
    """Put the look on record and return what the page of an order shows.

    A form that is sent after the purpose has run out is answered, so that nothing typed is lost; the person is not
    named then.
    """
    is_named = bool(access.purpose_of(request)) and order.person_id is not None
    access.record(
        request,
        Deed.SEE_ORDER,
        act,
        subjects=[order.person_id] if is_named else [],
        where=("area", [order.area_id]),
        target=f"order:{order.pk}",
    )
    held = scope.of(request.user)
    areas = people_areas(request)
    return {
        "people_areas": areas,
        "order": order,
        "now": clock.now(),
        "visits": order_queries.visits(order),
        "steps": order_queries.steps(order),
        "asked": care_queries.requests_behind(order),
        "may_see_person": bool(order.person and order.person.area_id in areas),
        "may_unmask": bool(order.person and order.person.area_id in held.ids("area", Act.UNMASK_PERSON)),
        "may_verify": order.area_id in held.ids("area", Act.VERIFY_ORDERS),
    }
