"""What programs send and are told; the Chinese names are those of GB/T 38962-2020 and GB/T 38963-2020."""

import datetime as dt
from typing import Any

from rest_framework import serializers as drf

from citybrain.core import clock, documents
from citybrain.core.models import Person
from healthcode import kinds
from healthcode.actions.feed import MOST
from healthcode.actions.services import Read
from healthcode.models import Correction, State
from healthcode.models.app_key import Service
from healthcode.scopes import EVIDENCE, choices

TERMINAL = r"^[A-Za-z0-9_.:-]{1,40}$"
CODE = r"^[0-9]{6}$"
DEEPEST = 4


class Refusal(drf.Serializer[Any]):
    """Why a request was refused."""

    code = drf.CharField(help_text="stable: what a program decides by 错误码")
    message = drf.CharField(help_text="one line for people, in the language of Accept-Language 错误说明")
    fields = drf.DictField(help_text="what is wrong with each field, by its name 字段错误", required=False)  # type: ignore[assignment]


class DocumentMixin(drf.Serializer[Any]):
    """Somebody, named by a document."""

    document_type = drf.ChoiceField(documents.Type.choices, help_text="证件类型")
    document_number = drf.CharField(max_length=40, help_text="证件号码")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check the number's form."""
        documents.check(attrs["document_type"], attrs["document_number"])
        return attrs


class AskConsent(DocumentMixin):
    """For what, and by whose document, somebody is asked."""

    service = drf.ChoiceField(Service.choices, help_text="what the consent is for 服务")


class ConsentAsked(drf.Serializer[Any]):
    """A question that was put. The answer is the same whether or not somebody is known by the number."""

    consent = drf.UUIDField(help_text="send it with the code 授权编号")
    expires_at = drf.DateTimeField(help_text="有效期至")


class WithConsent(drf.Serializer[Any]):
    """Something that a person agreed to, by the code that was sent to their phone."""

    consent = drf.UUIDField(help_text="of consents/ 授权编号")
    code = drf.RegexField(CODE, help_text="the six digits that the person was sent 验证码")


class StaySerializer(drf.Serializer[Any]):
    """Days in a risk area."""

    area_code = drf.RegexField(r"^[0-9]{12}([0-9]{3})?$", help_text="area code 区划代码")
    first_day = drf.DateField(help_text="开始日期")
    last_day = drf.DateField(help_text="结束日期")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check the order of the days."""
        if not attrs["first_day"] <= attrs["last_day"] <= clock.today():
            raise drf.ValidationError({"last_day": ["This day is before the first one, or has not come."]})
        return attrs


class HealthDeclaration(WithConsent):
    """What a person says of their health."""

    symptoms = drf.ListField(
        child=drf.ChoiceField(kinds.SYMPTOMS),
        help_text="symptoms now; [] for none 症状",
        max_length=len(kinds.SYMPTOMS),
    )
    explained_symptoms = drf.ListField(
        child=drf.ChoiceField(kinds.SYMPTOMS),
        default=list,
        max_length=len(kinds.SYMPTOMS),
        help_text="those that a chronic illness or medication explains 慢性病可解释的症状",
    )
    temperature = drf.FloatField(
        required=False, min_value=kinds.COLDEST, max_value=kinds.HOTTEST, help_text="degrees Celsius 体温"
    )
    contact = drf.ChoiceField(
        ["none", "close", "secondary"], default="none", help_text="of a case; of a close contact 接触史"
    )
    contact_day = drf.DateField(required=False, help_text="last day of the contact 最后接触日期")
    stays = drf.ListField(child=StaySerializer(), default=list, max_length=20, help_text="risk areas 风险地区停留")
    pledged = drf.BooleanField(help_text="the person vouches that it is true 承诺属实")

    def validate_pledged(self, pledged: bool) -> bool:  # noqa: FBT001 (DRF's signature)
        """Check that the person vouches for it."""
        if not pledged:
            raise drf.ValidationError("Without the pledge nothing is declared.")
        return pledged

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check what hangs together."""
        if set(attrs["explained_symptoms"]) - set(attrs["symptoms"]):
            raise drf.ValidationError({"explained_symptoms": ["Only symptoms that are there can be explained."]})
        if attrs["contact"] != "none" and not (attrs.get("contact_day") and attrs["contact_day"] <= clock.today()):
            raise drf.ValidationError({"contact_day": ["Say on which day it was last, at the latest today."]})
        return attrs


class TripDeclaration(WithConsent):
    """How somebody came into the city."""

    origin = drf.CharField(max_length=kinds.LONGEST_WORDS, help_text="where from 出发地")
    arrival_day = drf.DateField(help_text="抵达日期")
    transport = drf.ChoiceField(kinds.TRANSPORT, help_text="交通方式")
    number = drf.CharField(
        max_length=kinds.LONGEST_WORDS, required=False, help_text="of train, flight or car 车次、航班号或车牌号"
    )

    def validate_arrival_day(self, day: dt.date) -> dt.date:
        """Check that the day can be."""
        if abs(day - clock.today()) > dt.timedelta(days=60):
            raise drf.ValidationError("Choose a day within 60 days.")
        return day


class Recorded(drf.Serializer[Any]):
    """It was recorded."""

    recorded_at = drf.DateTimeField(help_text="登记时间")
    state = drf.ChoiceField(State.choices, help_text="what the code says now 码状态")


class HealthQuery(drf.Serializer[Any]):
    """Whose code is asked about: a member, by document; or whoever agrees, by a code or by showing their own code."""

    document_type = drf.ChoiceField(documents.Type.choices, required=False, help_text="of a member 证件类型")
    document_number = drf.CharField(max_length=40, required=False, help_text="of a member 证件号码")
    consent = drf.UUIDField(required=False, help_text="授权编号")
    code = drf.RegexField(CODE, required=False, help_text="验证码")
    token = drf.CharField(
        max_length=200, required=False, trim_whitespace=False, help_text="as it was read, spaces kept 健康码内容"
    )
    terminal = drf.RegexField(TERMINAL, required=False, help_text="where it was read 终端编号")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check that it is said in one way."""
        ways = ({"document_type", "document_number"}, {"consent", "code"}, {"token", "terminal"})
        if set(attrs) not in ways:
            raise drf.ValidationError(
                "Send document_type and document_number; consent and code; or token and terminal."
            )
        if "document_number" in attrs:
            documents.check(attrs["document_type"], attrs["document_number"])
        return attrs


class CodeState(drf.Serializer[Any]):
    """What a code says, never why."""

    state = drf.ChoiceField(State.choices, help_text="码状态")
    masked_name = drf.CharField(help_text="脱敏姓名")
    as_of = drf.DateTimeField(help_text="截至时间")


class CodeCalled(drf.Serializer[Any]):
    """Where the person's own terminal opens the code, once."""

    url = drf.CharField(help_text="亮码地址")
    expires_at = drf.DateTimeField(help_text="有效期至")


class CodeMade(drf.Serializer[Any]):
    """The text of a code, to be drawn as QR."""

    token = drf.CharField(help_text="48 characters of base45, spaces kept 健康码内容")
    expires_at = drf.DateTimeField(help_text="有效期至")


class VerifyCode(drf.Serializer[Any]):
    """A code that was read."""

    token = drf.CharField(max_length=200, trim_whitespace=False, help_text="as it was read, spaces kept 健康码内容")
    terminal = drf.RegexField(TERMINAL, help_text="your own name of the spot; a token is good at one 终端编号")


class CodeVerified(drf.Serializer[Any]):
    """What a gate would see."""

    result = drf.ChoiceField([one.value for one in Read], help_text="验码结果")
    state = drf.ChoiceField(State.choices, allow_null=True, help_text="null when nobody is known 码状态")
    masked_name = drf.CharField(allow_null=True, help_text="脱敏姓名")
    as_of = drf.DateTimeField(help_text="截至时间")


class AskCorrection(WithConsent):
    """Which of a person's data are wrong, and the right value; others by the person's own page."""

    field = drf.ChoiceField([*Correction.Field.values], help_text="更正项目")
    name = drf.CharField(max_length=60, required=False, help_text="姓名")
    document_type = drf.ChoiceField(documents.Type.choices, required=False, help_text="证件类型")
    document_number = drf.CharField(max_length=40, required=False, help_text="证件号码")
    sex = drf.ChoiceField([*Person.Sex.values], required=False, help_text="GB/T 2261.1 性别")
    born_on = drf.DateField(required=False, help_text="出生日期")
    phone = drf.CharField(max_length=20, required=False, help_text="手机号码")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check that the value is that of the field, and no other."""
        about = attrs["field"]
        wanted = {"document_type", "document_number"} if about == Correction.Field.DOCUMENT else {about}
        if set(attrs) - {"consent", "code", "field"} != wanted:
            raise drf.ValidationError(
                {name: ["Send this field, and the value of no other."] for name in sorted(wanted)}
            )
        return attrs


class CorrectionAsked(drf.Serializer[Any]):
    """A request that people decide."""

    reference = drf.UUIDField(help_text="更正申请编号")
    state = drf.ChoiceField(Correction.State.choices, help_text="状态")


class FeedItemSerializer(DocumentMixin):
    """One piece of evidence."""

    sender_ref = drf.RegexField(r"^[A-Za-z0-9_.:/-]{1,60}$", help_text="your own id: twice is once 报送方编号")
    kind = drf.ChoiceField(
        [scope.removeprefix(EVIDENCE) for scope, _label in choices() if scope.startswith(EVIDENCE)],
        help_text="one that the key has the scope for 证据类别",
    )
    facts = drf.DictField(help_text="by kind: docs/schemas/evidence.schema.json 事实")
    true_at = drf.DateTimeField(help_text="when it was true, such as when the sample was taken 发生时间")
    replaces = drf.CharField(
        max_length=60,
        required=False,
        default="",
        help_text="sender_ref of an earlier piece that was wrong 更正的编号",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Leave the number to the answer for this piece: one mistake does not stop a batch."""
        return attrs

    def validate_facts(self, facts: dict[str, Any]) -> dict[str, Any]:
        """Check that it is JSON that can be kept."""
        if not _can_be_kept(facts, DEEPEST):
            raise drf.ValidationError("These are no facts.")
        return facts


class Feed(drf.Serializer[Any]):
    """A batch."""

    items = drf.ListField(child=FeedItemSerializer(), min_length=1, max_length=MOST, help_text="证据")


class FeedResult(drf.Serializer[Any]):
    """What became of one piece."""

    index = drf.IntegerField(help_text="序号")
    sender_ref = drf.CharField(help_text="报送方编号")
    status = drf.ChoiceField(
        ["recorded", "held", "refused", "error"], help_text="held: a second person looks at it first 处理结果"
    )
    code = drf.CharField(help_text="of an error; else empty 错误码")
    fields = drf.DictField(help_text="of an error: what is wrong, by field 字段错误")  # type: ignore[assignment]
    hold = drf.CharField(help_text="of what is held: its reference; else empty 暂存编号")


class FeedAnswer(drf.Serializer[Any]):
    """What became of a batch."""

    recorded = drf.IntegerField(help_text="登记数")
    held = drf.IntegerField(help_text="暂存数")
    errors = drf.IntegerField(help_text="错误数")  # type: ignore[assignment]
    results = FeedResult(many=True, help_text="in the order of the batch 明细")


def _can_be_kept(value: Any, deep: int) -> bool:
    """Whether PostgreSQL takes a JSON value: no NUL, no half of a character, not too deep."""
    if isinstance(value, dict):
        return deep > 0 and all(_can_be_kept(one, deep - 1) for pair in value.items() for one in pair)
    if isinstance(value, list):
        return deep > 0 and all(_can_be_kept(one, deep - 1) for one in value)
    return not isinstance(value, str) or ("\0" not in value and value == value.encode(errors="ignore").decode())
