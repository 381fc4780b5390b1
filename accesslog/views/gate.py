"""The gate: a guard at an enrolled device checks whoever stands there."""

import functools
import uuid
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accesslog import devices, payload, queries, words
from accesslog.actions import papers, passes
from accesslog.actions.devices import DeviceElsewhereError, EnrolmentError, enrol_device, note_seen
from accesslog.forms import CertificateLaneForm, DocumentLaneForm, EnrolmentForm, LaneForm, PaperLaneForm
from accesslog.models import Device, Result
from citybrain.core import access, clock, photos
from citybrain.core.foreign_keys import ISSUER
from citybrain.core.models import User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act
from healthcode import paper_queries
from healthcode.models import State

P = ParamSpec("P")
AtGate = Callable[Concatenate[HttpRequest, Device, P], HttpResponse]


def at_a_gate(view: AtGate[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Hand the enrolled device to a page; a browser that is none is sent to enrol, another gate's is refused."""

    @functools.wraps(view)
    def found(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        device = devices.of(request)
        if device is None:
            return redirect("accesslog:enrol")
        if not device.point.place.is_for(access.signed_in(request), Act.CHECK_AT_GATE):
            return _elsewhere(request, device, Deed.OPEN_PAGE)
        return view(request, device, *args, **kwargs)

    return found


@access.requires(Act.CHECK_AT_GATE)
@at_a_gate
@require_safe
def gate(request: HttpRequest, device: Device) -> HttpResponse:
    """Show camera, field and lanes, and the last passes that this guard checked: each is its own record."""
    recent = queries.recent_passes(device, access.signed_in(request))
    rows = [(one, words.of(Result(one.result))) for one in recent]
    frame = {**_frame(device), "recent": rows, "looks": words.LOOKS}
    return render(request, "accesslog/gate/gate.html", frame)


@access.requires(Act.CHECK_AT_GATE)
@require_POST
def scan(request: HttpRequest) -> JsonResponse:
    """Decide on one scan of the page; every answer is JSON."""
    user, device = access.signed_in(request), devices.of(request)
    if device is None:
        return _problem("no_device", _("This device is not enrolled, or no longer. Load the page again."), 403)
    if not device.point.place.is_for(user, Act.CHECK_AT_GATE):
        access.note_refusal(request, Deed.OPEN_PAGE, Act.CHECK_AT_GATE, target=f"device:{device.pk}")
        return _problem("other_gate", _("This device belongs to another gate. Load the page again."), 403)
    if request.content_type != "application/json":
        return _problem("not_json", _("This is not JSON. Load the gate's page again."), 415)
    try:
        scanned = payload.read_scan(request.read(payload.LARGEST + 1))
    except payload.PayloadError as problem:
        return _problem(problem.code, str(problem), problem.status)
    if isinstance(scanned, passes.TokenScan) and paper_queries.is_paper(scanned.text):
        return _paper_first(device, scanned, user)
    decision = passes.decide(device=device, scan=scanned, by=user)
    note_seen(device=device)
    return JsonResponse(_answer(decision))


def _paper_first(device: Device, scanned: passes.TokenScan, user: User) -> JsonResponse:
    """Ask the guard to compare whom a paper names with the identity document; decide at once where that is no use."""
    note_seen(device=device)
    if comparison := papers.compare(device=device, text=scanned.text, by=user):
        return JsonResponse({"compare": _comparison(comparison)})
    once = {name: getattr(scanned, name) for name in ("text", "nonce", "scanned_at", "sent_at")}
    decision = passes.decide(device=device, scan=passes.PaperScan(**once, is_holder=False), by=user)
    return JsonResponse(_answer(decision) | _next_lane(decision, scanned.text))


@access.requires(Act.CHECK_AT_GATE)
@at_a_gate
@require_http_methods(["GET", "POST"])
def document(request: HttpRequest, device: Device) -> HttpResponse:
    """Check someone by the identity document in the guard's hand."""
    form = DocumentLaneForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        asked = {name: form.cleaned_data[name] for name in ("type", "number")}
        if _decide_by_hand(request, device, form, passes.DocumentScan, asked):
            return redirect("accesslog:result", form.cleaned_data["nonce"])
    return render(request, "accesslog/gate/document.html", {**_frame(device), "form": form})


@access.requires(Act.CHECK_AT_GATE)
@at_a_gate
@require_http_methods(["GET", "POST"])
def certificate(request: HttpRequest, device: Device) -> HttpResponse:
    """Keep a certificate of another region with its photo, and what the guard made of it."""
    form = CertificateLaneForm(request.POST or None, request.FILES or None)
    region = request.GET.get("region", "")
    hint = {"region": region if ISSUER.fullmatch(region) else "", "region_checked": request.GET.get("checked") == "1"}
    if request.method == "POST":
        photos.note_too_large(request, form)
        if form.is_valid():
            asked = {name: form.cleaned_data[name] for name in ("number", "issuer", "accepted")}
            asked["jpeg"] = form.cleaned_data["photo"]
            if _decide_by_hand(request, device, form, passes.CertificateScan, asked):
                return redirect("accesslog:result", form.cleaned_data["nonce"])
    return render(request, "accesslog/gate/certificate.html", {**_frame(device), **hint, "form": form})


@access.requires(Act.CHECK_AT_GATE)
@at_a_gate
@require_http_methods(["GET", "POST"])
def paper(request: HttpRequest, device: Device) -> HttpResponse:
    """Check someone by a paper code: first show whom it names, then take what the guard found, then decide."""
    form = PaperLaneForm(request.POST or None)
    frame = {**_frame(device), "form": form, "compare": None}
    if request.method == "POST" and form.is_valid():
        text, is_holder = form.cleaned_data["code"], form.cleaned_data["is_holder"]
        if is_holder is None:
            comparison = papers.compare(device=device, text=text, by=access.signed_in(request))
            if comparison:
                return render(request, "accesslog/gate/paper.html", {**frame, "compare": comparison})
        asked = {"text": text, "is_holder": bool(is_holder)}
        _decide_by_hand(request, device, form, passes.PaperScan, asked)
        return redirect("accesslog:result", form.cleaned_data["nonce"])
    return render(request, "accesslog/gate/paper.html", frame)


@access.requires(Act.CHECK_AT_GATE)
@at_a_gate
@require_safe
def result(request: HttpRequest, device: Device, nonce: uuid.UUID) -> HttpResponse:
    """Show what was decided by hand a moment ago; it can be loaded again and gone back to."""
    kept = queries.recent_pass(device, access.signed_in(request), nonce)
    if kept is None:
        return redirect("accesslog:gate")
    decision = passes.decision_of(kept)
    frame = {**_frame(device), "decision": decision, "words": words.of(decision.result), "lane": kept.lane}
    return render(request, "accesslog/gate/result.html", frame)


@access.requires(Act.CHECK_AT_GATE)
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def enrol(request: HttpRequest) -> HttpResponse:
    """Take the one-time code and make this browser the gate's device."""
    form = EnrolmentForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            device, secret = enrol_device(code=form.cleaned_data["code"], by=access.signed_in(request))
        except EnrolmentError as problem:
            form.add_error("code", str(problem))
        except DeviceElsewhereError as elsewhere:
            return _elsewhere(request, elsewhere.device, Deed.ENROL_DEVICE)
        else:
            response = redirect("accesslog:gate")
            devices.give(response, device, secret)
            return response
    return render(request, "accesslog/gate/enrol.html", {"form": form, "device": devices.of(request)})


def _frame(device: Device) -> dict[str, Any]:
    place = device.point.place
    return {"device": device, "point": device.point, "place": place, "admits_yellow": State.YELLOW in place.admits}


def _elsewhere(request: HttpRequest, device: Device, deed: Deed) -> HttpResponse:
    access.note_refusal(request, deed, Act.CHECK_AT_GATE, target=f"device:{device.pk}")
    return render(request, "accesslog/gate/elsewhere.html", status=403)


def _problem(code: str, message: str, status: int) -> JsonResponse:
    return JsonResponse({"error": code, "message": message}, status=status)


def _next_lane(decision: passes.Decision, text: str) -> dict[str, str]:
    """Return where to go on with a code of another region: to its certificate, with what is known of the code."""
    if decision.result != Result.WRONG_ISSUER:
        return {}
    shown = paper_queries.shown(text)
    hint = urlencode({"region": shown.issuer, "checked": int(shown.fault == "wrong_issuer")})
    return {"next": f"{reverse('accesslog:certificate')}?{hint}"}


def _comparison(one: papers.Comparison) -> dict[str, str]:
    document = one.document
    shown = {"kind": str(document.kind), "last_four": document.last_four} if document else {"kind": "", "last_four": ""}
    return {"masked_name": one.masked_name, **shown}


def _answer(decision: passes.Decision) -> dict[str, Any]:
    said = words.of(decision.result)
    return {
        "result": decision.result,
        "admitted": decision.is_admitted,
        "state": decision.state,
        "masked_name": decision.masked_name,
        "verdict": said.verdict,
        "headline": said.headline,
        "advice": said.advice,
        "look": said.look,
        "repeat": decision.is_repeat,
        "scanned_at": decision.scanned_at,
    }


def _decide_by_hand(
    request: HttpRequest, device: Device, form: LaneForm, kind: type[passes.Scan], asked: dict[str, Any]
) -> bool:
    """Decide on what a valid form says; False, with an error in the form, when the device asks too fast."""
    once = {name: form.cleaned_data[name] for name in ("nonce", "scanned_at")}
    # The form was opened and sent by our own clock.
    checked = kind(**once, sent_at=clock.now(), **asked)
    try:
        passes.decide(device=device, scan=checked, by=access.signed_in(request))
    except passes.TooManyError as problem:
        form.add_error(None, str(problem))
        return False
    note_seen(device=device)
    return True
