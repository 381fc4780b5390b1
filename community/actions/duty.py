"""Setting who answers for a grid."""

from django.db import transaction
from django.utils.translation import gettext as _

from citybrain.core import audit, clock, scope
from citybrain.core.models import Area, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from community.models import Duty


class DutyError(Exception):
    """Somebody who may not be on duty there; the text says why."""


def set_duty(*, area: Area, user: User | None, by: User | None) -> bool:
    """Put a user on duty for a grid (None: nobody); return whether that changed anything. `by` None is the system.

    Orders already given stay with whoever has them.
    """
    with transaction.atomic():
        # Two who set the same grid wait for one another, also when it has no row yet.
        Area.objects.select_for_update(no_key=True).get(pk=area.pk)
        if user and user.pk not in {holder.user for holder in scope.holders(Act.HANDLE_ORDERS, [area.pk])[area.pk]}:
            raise DutyError(_("%(user)s does not handle orders in %(grid)s.") % {"user": user, "grid": area})
        before = Duty.objects.filter(area=area).values_list("user_id", flat=True).first()
        if before == (user.pk if user else None):
            return False
        if user:
            Duty.objects.update_or_create(area=area, defaults={"user": user, "set_at": clock.now()})
        else:
            Duty.objects.filter(area=area).delete()
        audit.record(
            Deed.SET_DUTY,
            by=by,
            under=Act.SET_DUTY,
            where=("area", [area.pk]),
            target=f"area:{area.pk}",
            detail={"before": before or 0, "user": user.pk if user else 0},
        )
    return True
