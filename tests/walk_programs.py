"""Stops of the walk: keys for programs, codes that they call, and corrections of one's own data."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from citybrain.core import clock, photos, roles
from healthcode.actions import correction as corrections
from healthcode.actions.app_keys import count_refusal, count_request, make_secret, propose_key
from healthcode.models import Correction
from tests.orders import picture
from tests.programs import program_of

if TYPE_CHECKING:
    from tests.walk import Stop, Walk

SERVICES = (
    *("consents", "health_declaration", "trip_declaration", "health_query", "code_call"),
    *("make_code", "verify_code", "correction", "evidence"),
)
NO_PAGES = {
    **{f"healthcode:api_{name}": "JSON" for name in SERVICES},
    "healthcode:app_key_revoke": "redirects",
    "healthcode:app_key_stop": "redirects",
    "healthcode:correction_paper": "a picture",
    "healthcode:correction_photo": "a picture",
    "healthcode:correction_take_back": "redirects",
}
Make = Callable[..., "Stop"]


def program_stops(walk: "Walk", get: Make, post: Make) -> Iterator["Stop"]:
    """Let keys wait, be in use and be refused; let 张三 say what is wrong, and the community decide."""
    yield from _keys(walk, get, post)
    yield from _corrections(walk, get, post)


def _keys(walk: "Walk", get: Make, post: Make) -> Iterator["Stop"]:
    district = walk.district
    admin, commander = walk.role(roles.SystemAdministrator), walk.role(roles.DistrictCommander)
    for page, who in (("app_keys", admin), ("app_key_proposals", commander)):
        yield get(f"healthcode:{page}", who, says="empty")
    yield get("healthcode:app_key_new", admin)
    yield post("healthcode:app_key_new", admin, says="with errors", data={"per_day": "0"})
    program = program_of(district, district.employer)
    by = district.user(roles.SystemAdministrator)
    make_secret(key=program.key, overlap=dt.timedelta(days=1), by=by)
    count_request(key=program.key)
    for problem in ("bad_signature", "rate_minute"):
        count_refusal(key=program.key.pk, code=problem)
    terms = {"name": "门禁核验终端", "scopes": ["verify_code"], "per_minute": 60, "per_day": 1000}
    waiting = propose_key(organisation=district.company, valid_until=clock.today(), by=by, **terms)  # type: ignore[arg-type]
    yield get("healthcode:app_keys", admin)
    yield get("healthcode:app_key", admin, program.key.ref, says="in use")
    yield get("healthcode:app_key", admin, waiting.ref, says="waiting")
    yield post("healthcode:app_key_secret", admin, program.key.ref, says="shown", data={"hours": "24"})
    yield get("healthcode:app_key_proposals", commander)
    yield get("healthcode:app_key_proposal", commander, program.key.ref, says="in use")
    yield get("healthcode:app_key_proposal", commander, waiting.ref, says="waiting")
    yield post("healthcode:app_key_decide", commander, waiting.ref, says="with errors", data={"answer": "refuse"})
    district.user(roles.Resident)
    url = program.post("code-call/", program.consent("code_call")).json()["url"]
    ticket = url.rstrip("/").rpartition("/")[2]
    yield get("healthcode:code_called", "nobody", ticket)
    yield get("healthcode:code_called", "nobody", "over", says="over", status=410)


def _corrections(walk: "Walk", get: Make, post: Make) -> Iterator["Stop"]:
    district, zhang = walk.district, walk.district.zhang
    user, staff = district.user(roles.Resident), walk.role(roles.CommunityStaff)
    yield get("healthcode:corrections", "newcomer", says="without a person")
    yield get("healthcode:corrections", "resident")
    yield get("healthcode:corrections_to_decide", f"{staff}-elsewhere", says="empty")
    for field in Correction.Field.values:
        yield get("healthcode:correction_new", "resident", field, says=field)
    yield post("healthcode:correction_new", "resident", "document", says="with errors", data={"number": "1"})
    jpeg = photos.to_jpeg(picture())
    asked = {}
    for field, new in (("name", ["张叁"]), ("born_on", ["1981-02-03"]), ("document", ["passport", "E12345678"])):
        asked[field] = corrections.ask_correction(person=zhang, field=field, new=new, jpeg=jpeg, by=user)
    answer = "照片看不清证件号码，请带证件到社区窗口核对。"
    decider = district.user(roles.CommunityStaff)
    corrections.refuse(correction=asked["born_on"], answer=answer, by=decider)
    yield get("healthcode:corrections", "resident", says="asked")
    for field in ("name", "born_on"):
        yield get("healthcode:correction", "resident", asked[field].ref, says=asked[field].state)
    yield get("healthcode:corrections_to_decide", staff)
    yield get("healthcode:correction_case", staff, asked["document"].ref)
    yield get("healthcode:correction_case", staff, asked["born_on"].ref, says="decided")
    yield post(
        "healthcode:correction_decide", staff, asked["name"].ref, says="with errors", data={"answer_is": "approve"}
    )
