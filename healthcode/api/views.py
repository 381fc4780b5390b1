"""The services by their names in GB/T 38963-2020, and the feed of laboratories and clinics."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import transaction
from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import exceptions
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from citybrain.core import clock
from citybrain.core.api import CityView
from citybrain.core.roles import Act
from healthcode import queries
from healthcode.actions import app_keys, feed, services
from healthcode.actions import correction as corrections
from healthcode.actions.consent import ask_consent, check_consent, spend
from healthcode.api import serializers as shapes
from healthcode.api import signing
from healthcode.api.authentication import HasScope, KeyRate, SignedKey, key_of
from healthcode.kinds import Kind
from healthcode.models import Consent
from healthcode.models.app_key import Service
from healthcode.refusals import RefusalError
from healthcode.replay import NoRulesError

TAGS = ["health-code"]
_MEANT: Mapping[type[Exception], str] = {
    exceptions.ParseError: "not_json",
    exceptions.UnsupportedMediaType: "media_type",
    exceptions.MethodNotAllowed: "method_not_allowed",
    NoRulesError: "no_rules",
}


def _answers(status: int, shape: type[Serializer[Any]], says: str, **more: Any) -> dict[Any, Any]:
    """Return every answer that an operation promises."""
    problems = {
        400: "invalid, not_json",
        401: "signature_missing, unknown_key, bad_signature, stale, replayed, not_in_use, revoked, key_expired",
        403: "scope_missing, no_consent, consent_wrong, consent_spent",
        409: "conflict",
        413: "too_large",
        415: "media_type",
        429: "rate_minute, rate_day",
        503: "no_rules",
    }
    told = {code: OpenApiResponse(shapes.Refusal, text) for code, text in problems.items()}
    return {status: OpenApiResponse(shape, says), **told, **more}


class ServiceView(CityView):
    """A service for programs; a subclass names its scope."""

    permission = Act.USE_SERVICES
    scope: ClassVar[str] = ""
    authentication_classes = (SignedKey,)
    permission_classes = (HasScope,)
    throttle_classes = (KeyRate,)
    parser_classes = (JSONParser,)

    def handle_exception(self, exc: Exception) -> Response:
        """Answer every refusal in one shape, and count it."""
        refusal = _refusal(exc)
        if refusal is None:
            return super().handle_exception(exc)
        key = refusal.key or getattr(getattr(self.request, "_auth", None), "pk", None)
        if refusal.code != "signature_missing":
            app_keys.count_refusal(key=key, code=refusal.code)
        body: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
        if refusal.fields:
            body["fields"] = refusal.fields
        headers = {"WWW-Authenticate": signing.SCHEME} if refusal.status == 401 else {}  # noqa: PLR2004
        if refusal.code.startswith("rate_"):
            headers["Retry-After"] = str(_seconds_left(refusal.code))
        return Response(body, status=refusal.status, headers=headers)

    def read(self, request: Request, shape: type[Serializer[Any]]) -> dict[str, Any]:
        """Return the body as the shape has it; raise what says what is wrong with it."""
        serializer = shape(data=request.data)
        serializer.is_valid(raise_exception=True)
        found: dict[str, Any] = serializer.validated_data
        return found

    def consent(self, request: Request, given: Mapping[str, Any]) -> Consent:
        """Return the consent that a person gave to this service."""
        service = Service(self.scope)
        return check_consent(key=key_of(request), service=service, ref=given["consent"], code=given["code"])


class Consents(ServiceView):
    """Asks a person for consent."""

    @extend_schema(
        operation_id="ask_consent",
        summary="Ask for consent 申请授权",
        description="Sends the person a one-time code that names you and the service. The answer is the same when "
        "nobody is known by the number, and when nobody can be sent a code.",
        tags=TAGS,
        request=shapes.AskConsent,
        responses=_answers(202, shapes.ConsentAsked, "asked"),
    )
    def post(self, request: Request) -> Response:
        """Ask."""
        given = self.read(request, shapes.AskConsent)
        key = key_of(request)
        if given["service"] not in key.scopes:
            raise RefusalError("scope_missing")
        consent = ask_consent(
            key=key,
            service=Service(given["service"]),
            kind=given["document_type"],
            number=given["document_number"],
        )
        return Response({"consent": consent.ref, "expires_at": _time(consent.expires_at)}, status=202)


class HealthDeclaration(ServiceView):
    """健康申报."""

    scope = Service.HEALTH_DECLARATION

    @extend_schema(
        operation_id="health_declaration",
        summary="Health declaration 健康申报",
        description="A person declares at your terminal. Their one-time code makes it their own word; without it "
        "nothing is recorded. Address and work stay as they are on record.",
        tags=TAGS,
        request=shapes.HealthDeclaration,
        responses=_answers(201, shapes.Recorded, "recorded"),
    )
    def post(self, request: Request) -> Response:
        """Record it."""
        given = self.read(request, shapes.HealthDeclaration)
        consent = self.consent(request, given)
        at = services.record_with_consent(key=key_of(request), consent=consent, said=_said(given))
        return _recorded(consent, at)


class TripDeclaration(ServiceView):
    """行程申报."""

    scope = Service.TRIP_DECLARATION

    @extend_schema(
        operation_id="trip_declaration",
        summary="Trip declaration 行程申报",
        description="A person says how they came into the city, or are about to come.",
        tags=TAGS,
        request=shapes.TripDeclaration,
        responses=_answers(201, shapes.Recorded, "recorded"),
    )
    def post(self, request: Request) -> Response:
        """Record it."""
        given = self.read(request, shapes.TripDeclaration)
        consent = self.consent(request, given)
        facts = {"from": given["origin"], "day": given["arrival_day"].isoformat(), "transport": given["transport"]}
        if "number" in given:
            facts["number"] = given["number"]
        said = [(Kind.TRIP, facts, _end_of(given["arrival_day"]))]
        at = services.record_with_consent(key=key_of(request), consent=consent, said=said)
        return _recorded(consent, at)


class HealthQuery(ServiceView):
    """健康查询."""

    scope = Service.HEALTH_QUERY

    @extend_schema(
        operation_id="health_query",
        summary="Health query 健康查询",
        description="What a code says, and never why. Of your organisation's own people by document; of others with "
        "their consent, or while they show you their code. For everybody else the answer is that of nobody.",
        tags=TAGS,
        request=shapes.HealthQuery,
        responses=_answers(200, shapes.CodeState, "what the code says"),
    )
    def post(self, request: Request) -> Response:
        """Answer it."""
        given, key = self.read(request, shapes.HealthQuery), key_of(request)
        if "token" in given:
            found = services.ask_state_by_token(key=key, text=given["token"], terminal=given["terminal"])
        elif "consent" in given:
            found = services.ask_state_with_consent(key=key, consent=self.consent(request, given))
        else:
            kind, number = given["document_type"], given["document_number"]
            found = services.ask_state_of_member(key=key, kind=kind, number=number)
        return Response({"state": found.state, "masked_name": found.masked_name, "as_of": _time(found.as_of)})


class CodeCall(ServiceView):
    """亮码申请."""

    scope = Service.CODE_CALL

    @extend_schema(
        operation_id="code_call",
        summary="Code-call application 亮码申请",
        description="Returns an address at which the person's own terminal shows their code, once, within two minutes.",
        tags=TAGS,
        request=shapes.WithConsent,
        responses=_answers(201, shapes.CodeCalled, "where it is shown"),
    )
    def post(self, request: Request) -> Response:
        """Make the address."""
        consent = self.consent(request, self.read(request, shapes.WithConsent))
        ticket, until = services.call_code(key=key_of(request), consent=consent)
        path = reverse("healthcode:code_called", args=[ticket])
        url = f"{settings.SITE_ORIGIN}{path}" if settings.SITE_ORIGIN else request.build_absolute_uri(path)
        return Response({"url": url, "expires_at": _time(until)}, status=201)


class MakeCode(ServiceView):
    """制码."""

    scope = Service.MAKE_CODE

    @extend_schema(
        operation_id="make_code",
        summary="Make code 制码",
        description="Returns the text of the person's code, good for two minutes at most. It says no colour: a gate "
        "reads that.",
        tags=TAGS,
        request=shapes.WithConsent,
        responses=_answers(201, shapes.CodeMade, "the code"),
    )
    def post(self, request: Request) -> Response:
        """Make it."""
        consent = self.consent(request, self.read(request, shapes.WithConsent))
        made = services.make_code(key=key_of(request), consent=consent)
        return Response({"token": made.token, "expires_at": _time(made.expires_at)}, status=201)


class VerifyCode(ServiceView):
    """验码."""

    scope = Service.VERIFY_CODE

    @extend_schema(
        operation_id="verify_code",
        summary="Verify code 验码",
        description="Reads a code as a gate would. A look on record that the person sees, and no pass.",
        tags=TAGS,
        request=shapes.VerifyCode,
        responses=_answers(200, shapes.CodeVerified, "what a gate would see"),
    )
    def post(self, request: Request) -> Response:
        """Read it."""
        given = self.read(request, shapes.VerifyCode)
        found = services.verify(key=key_of(request), text=given["token"], terminal=given["terminal"])
        told = {"state": found.state or None, "masked_name": found.masked_name or None, "as_of": _time(found.as_of)}
        return Response({"result": found.result, **told})


class CorrectionRequest(ServiceView):
    """纠错."""

    scope = Service.CORRECTION

    @extend_schema(
        operation_id="correction",
        summary="Correction 纠错",
        description="Opens a request for the correction of a person's data, which the staff of their community decide. "
        "Nothing about a colour can be corrected here: against that one appeals.",
        tags=TAGS,
        request=shapes.AskCorrection,
        responses=_answers(201, shapes.CorrectionAsked, "asked"),
    )
    def post(self, request: Request) -> Response:
        """Open it."""
        given, key = self.read(request, shapes.AskCorrection), key_of(request)
        names = ("name", "document_type", "document_number", "sex", "born_on", "phone")
        new = [str(given[name]) for name in names if name in given]
        consent = self.consent(request, given)
        try:
            with transaction.atomic():
                person = spend(consent)
                asked = corrections.ask_by_program(person=person, field=given["field"], new=new, key=key)
        except corrections.CorrectionError as problem:
            raise RefusalError("conflict", fields={given["field"]: [str(problem)]}) from None
        return Response({"reference": asked.ref, "state": asked.state}, status=201)


class EvidenceFeed(ServiceView):
    """What laboratories and clinics send."""

    @extend_schema(
        operation_id="evidence_feed",
        summary="Evidence feed 证据报送",
        description="Up to 500 pieces, each under an id of your own: what was sent before is not recorded again. "
        "Mistakes stand beside their piece; the others are recorded. A batch that would change many codes is held "
        "until somebody of another unit has looked at it: 202, with the reference of the hold.",
        tags=TAGS,
        request=shapes.Feed,
        responses=_answers(
            200, shapes.FeedAnswer, "recorded", **{"202": OpenApiResponse(shapes.FeedAnswer, "some of it is held")}
        ),
    )
    def post(self, request: Request) -> Response:
        """Record it."""
        given, key = self.read(request, shapes.Feed), key_of(request)
        items = [feed.Item(**item) for item in given["items"]]
        outcomes = feed.send(key=key, items=items)
        results = [
            {
                "index": index,
                "sender_ref": item.sender_ref,
                "status": one.status,
                "code": one.code,
                "fields": one.errors or {},
                "hold": one.hold,
            }
            for index, (item, one) in enumerate(zip(items, outcomes, strict=True))
        ]
        counts = {name: sum(one.status == status for one in outcomes) for name, status in _COUNTED.items()}
        return Response({**counts, "results": results}, status=202 if counts["held"] else 200)


_COUNTED = {"recorded": "recorded", "held": "held", "errors": "error"}


def _refusal(exc: Exception) -> RefusalError | None:
    """Return what an exception means to whoever asked; None for a fault of ours."""
    if isinstance(exc, RefusalError):
        return exc
    if isinstance(exc, exceptions.ValidationError):
        detail: Any = exc.detail
        return RefusalError("invalid", fields=detail if isinstance(detail, dict) else {"body": detail})
    if isinstance(exc, DjangoValidationError):
        fields = exc.message_dict if hasattr(exc, "error_dict") else {"body": exc.messages}
        return RefusalError("invalid", fields=fields)
    return next((RefusalError(code) for kind, code in _MEANT.items() if isinstance(exc, kind)), None)


def _recorded(consent: Consent, at: dt.datetime) -> Response:
    if consent.person is None:
        raise TypeError
    return Response({"recorded_at": _time(at), "state": queries.state_of(consent.person).state}, status=201)


def _said(given: Mapping[str, Any]) -> list[services.Fact]:
    """Return the facts of a declaration; the declaration itself comes last."""
    said: list[services.Fact] = []
    for stay in given["stays"]:
        days = {"from": stay["first_day"].isoformat(), "to": stay["last_day"].isoformat()}
        said.append((Kind.RISK_AREA_STAY, {"code": stay["area_code"], **days}, _end_of(stay["last_day"])))
    if given["contact"] != "none":
        said.append((Kind.EXPOSURE, {"grade": given["contact"]}, _end_of(given["contact_day"])))
    celsius = {"celsius": given["temperature"]} if "temperature" in given else {}
    facts = {"symptoms": given["symptoms"], "explained": given["explained_symptoms"], "pledged": True, **celsius}
    return [*said, (Kind.DECLARATION, facts, clock.now())]


def _end_of(day: dt.date) -> dt.datetime:
    """Return the end of a day, or now: what lies ahead is true as an intention."""
    return min(dt.datetime.combine(day, dt.time.max, clock.SHANGHAI), clock.now())


def _seconds_left(code: str) -> int:
    """Return how long the minute, or the day, of the clock still lasts."""
    now = clock.now().astimezone(clock.SHANGHAI)
    if code == "rate_minute":
        return 60 - now.second
    return 86_400 - (now.hour * 60 + now.minute) * 60 - now.second


def _time(moment: dt.datetime) -> str:
    return moment.astimezone(clock.SHANGHAI).isoformat()
