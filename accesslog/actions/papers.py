"""Paper codes at a gate: what the guard compares before anything is decided, as paper does not prove who holds it."""

from dataclasses import dataclass, field

from django.db import transaction

from accesslog.actions.passes import holding_of, shown_paper
from accesslog.models import Device
from citybrain.core import audit
from citybrain.core.models import User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import paper_queries


@dataclass(frozen=True)
class Comparison:
    """Whom the paper names, to be compared with the identity document of whoever holds it."""

    masked_name: str
    # None when no document is on record.
    document: paper_queries.MaskedDocument | None = field(repr=False)


def compare(*, device: Device, text: str, by: User) -> Comparison | None:
    """Return whom a paper names, on record as a look; None when it is refused whoever holds it."""
    with transaction.atomic():
        paper = shown_paper(device=device, text=text)
        if paper.fault or paper.holder is None:
            return None
        person_id = paper.holder.person_id
        audit.record(
            Deed.SEE_PAPER_CODE,
            by=by,
            under=Act.CHECK_AT_GATE,
            where=holding_of(device),
            subjects=[person_id],
            target=f"device:{device.pk}",
        )
        return Comparison(paper.holder.masked_name, paper_queries.document_of(person_id))
