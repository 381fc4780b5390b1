"""What the system administrator may do to the outbox."""

from django.db import transaction

from citybrain.core import audit, clock
from citybrain.core.models import Delivery, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act


def requeue(*, delivery_id: int, by: User) -> bool:
    """Put a parked delivery back in the queue; False when it is not parked (any more)."""
    with transaction.atomic():
        parked = Delivery.objects.filter(pk=delivery_id, state=Delivery.State.PARKED)
        if not parked.update(state=Delivery.State.PENDING, attempts=0, due_at=clock.now()):
            return False
        audit.record(Deed.REQUEUE, by=by, under=Act.RUN_SYSTEM, target=f"delivery:{delivery_id}")
    return True
