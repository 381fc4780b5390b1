"""The rules as everybody may read them: in force, announced, and of earlier times."""

import csv
import json

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from citybrain.core import access
from healthcode import rule_book
from healthcode.models import RiskArea
from healthcode.rule_book import Version
from healthcode.rule_forms import COLUMNS

WHY_PUBLIC = "everybody may read the rules that judge them"
# Digits of a published code without those of a grid.
CODE_DIGITS = 12


@access.public(WHY_PUBLIC)
@require_safe
def rules(request: HttpRequest) -> HttpResponse:
    """Show the rules in force, what changes next, and the versions before."""
    versions = rule_book.versions()
    return render(request, "healthcode/rules/in_force.html", {"versions": versions, **_frame(versions.in_force)})


@access.public(WHY_PUBLIC)
@require_safe
def version(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the rules of one time, at an address that stays."""
    return render(request, "healthcode/rules/version.html", _frame(_load(pk)))


@access.public(WHY_PUBLIC)
@require_safe
def rules_file(_request: HttpRequest, pk: int) -> HttpResponse:
    """Send a version as the file that it was entered from."""
    rule_set = _load(pk).activation.rule_set
    text = json.dumps(rule_set.body, ensure_ascii=False, indent=2)
    return _download(text, "application/json", f"rules-{pk}.json")


@access.public(WHY_PUBLIC)
@require_safe
def areas_file(_request: HttpRequest, pk: int) -> HttpResponse:
    """Send a version's list of risk areas as CSV, as it can be uploaded again."""
    response = _download("\ufeff", "text/csv; charset=utf-8", f"risk-areas-{pk}.csv")
    writer = csv.writer(response)
    writer.writerow(COLUMNS)
    for place in rule_book.places(_load(pk).activation.risk_list):
        area = place.area
        row = (_code(area), area.name, area.level, area.valid_from, area.valid_to or "", area.listed_on)
        writer.writerow(_plain(str(cell)) for cell in row)
    return response


def _frame(version: Version | None) -> dict[str, object]:
    if version is None:
        return {"version": None, "listed": [], "list_title": ""}
    number = version.activation.risk_list
    titles = rule_book.titles_of_lists([number])
    return {"version": version, "listed": rule_book.places(number), "list_title": titles.get(number, "")}


def _load(pk: int) -> Version:
    found = rule_book.version(pk)
    if found is None:
        raise Http404
    return found


def _download(text: str, content_type: str, name: str) -> HttpResponse:
    response = HttpResponse(text, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _code(area: RiskArea) -> str:
    return area.prefix.ljust(CODE_DIGITS, "0")


def _plain(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell
