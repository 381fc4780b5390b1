"""The auditor's page: every trail, nothing to change."""

import datetime as dt

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from citybrain.core import access, clock, paging, queries
from citybrain.core.forms import AuditFilterForm
from citybrain.core.models import AuditRow, User
from citybrain.core.models.audit import AuditRowQuerySet, Deed
from citybrain.core.roles import Act

# Digits of a bigint, less one.
LONGEST_ID = 19


@access.requires(Act.READ_AUDIT)
@require_safe
def trail(request: HttpRequest) -> HttpResponse:
    """Show the trail, newest first, with the accounts that were refused often and where the chain stands."""
    form = AuditFilterForm(request.GET or None)
    rows = _filtered(form)
    after = paging.start_after(rows, "pk", request.GET.get("after"))
    page = paging.page(rows, ("-id",), after)
    looks = queries.describe(page.rows)
    notices = list(queries.refusal_notices()[:20])
    accounts = User.objects.in_bulk([notice.actor for notice in notices])
    access.record(request, Deed.READ_AUDIT, Act.READ_AUDIT, detail={"rows": len(looks)})
    frame = {
        "form": form,
        "looks": looks,
        "next_after": page.next_after,
        "notices": [(notice, accounts.get(notice.actor)) for notice in notices],
        "chain": queries.chain_state(),
    }
    return render(request, "core/audit/trail.html", frame)


def _filtered(form: AuditFilterForm) -> AuditRowQuerySet:
    rows: AuditRowQuerySet = AuditRow.objects.all()
    if not form.is_valid():
        return rows
    wanted = form.cleaned_data
    if wanted["staff"]:
        rows = rows.filter(actor__in=_accounts(wanted["staff"].strip().lower()))
    if wanted["deed"]:
        rows = rows.filter(deed=wanted["deed"])
    if wanted["outcome"]:
        rows = rows.filter(outcome=wanted["outcome"])
    if wanted["on"]:
        begin = dt.datetime.combine(wanted["on"], dt.time(), clock.SHANGHAI)
        rows = rows.filter(at__gte=begin, at__lt=begin + dt.timedelta(days=1))
    return rows


def _accounts(number: str) -> list[int]:
    """Return the accounts of a staff number; residents have none, theirs is the number of the account itself."""
    accounts = list(User.objects.filter(username=number).values_list("pk", flat=True))
    return [*accounts, int(number)] if number.isdecimal() and len(number) < LONGEST_ID else accounts
