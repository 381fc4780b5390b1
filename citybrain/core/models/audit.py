"""Audit: who did or tried what to whom, sealed into a chain of blocks."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func
from django.utils.translation import gettext_lazy as _

from citybrain.core.models.fields import XidField
from citybrain.core.purposes import Purpose


class Deed(models.TextChoices):
    """What was done or tried."""

    SIGN_IN = "sign_in", _("signed in")
    SIGN_OUT = "sign_out", _("signed out")
    STATE_PURPOSE = "state_purpose", _("stated a purpose")
    SEE_LIST = "see_list", _("saw a list of residents")
    SEE_MAP = "see_map", _("saw residents counted on the map")
    SEE_PERSON = "see_person", _("opened a resident's page")
    UNMASK = "unmask", _("read a document or phone number")
    EXPORT = "export", _("exported residents")
    SEE_MEMBERS = "see_members", _("saw an organisation's members")
    READ_AUDIT = "read_audit", _("read the trail")
    OPEN_PAGE = "open_page", _("opened a page")
    CREATE_ACCOUNT = "create_account", _("made a staff account")
    CHANGE_PASSWORD = "change_password", _("changed their password")
    ADD_DOCUMENT = "add_document", _("added an identity document")
    GRANT_ROLE = "grant_role", _("granted a role")
    REVOKE_ROLE = "revoke_role", _("revoked a role")
    RECODE_AREA = "recode_area", _("gave an area a new code")
    RECORD_EVIDENCE = "record_evidence", _("recorded evidence")
    WITHDRAW_EVIDENCE = "withdraw_evidence", _("withdrew evidence")
    HOLD_EVIDENCE = "hold_evidence", _("recorded evidence that waits for a second person")
    APPROVE_HELD = "approve_held", _("let evidence in that had waited")
    REFUSE_HELD = "refuse_held", _("refused evidence that had waited")
    SEE_HELD = "see_held", _("read evidence that waits")
    CHECK_IN = "check_in", _("checked in")
    ORDER_ISOLATION = "order_isolation", _("ordered isolation")
    END_ISOLATION = "end_isolation", _("ended isolation")
    SEE_ISOLATION = "see_isolation", _("saw who is in isolation")
    ASK_FOR_CARE = "ask_for_care", _("asked for help in isolation")
    APPEAL = "appeal", _("appealed")
    SEE_APPEAL = "see_appeal", _("opened an appeal")
    TAKE_APPEAL = "take_appeal", _("took on an appeal")
    PROPOSE_DECISION = "propose_decision", _("proposed a decision on an appeal")
    DECIDE_APPEAL = "decide_appeal", _("decided an appeal")
    ADD_FAMILY = "add_family", _("asked to act for somebody")
    VERIFY_FAMILY = "verify_family", _("decided whether somebody may act for another")
    END_FAMILY = "end_family", _("ended acting for somebody")
    TRY_RULES = "try_rules", _("tried out rules on the residents")
    PROPOSE_RULES = "propose_rules", _("proposed rules")
    REFUSE_RULES = "refuse_rules", _("refused proposed rules")
    ADOPT_RULES = "adopt_rules", _("put rules in force")
    PROPOSE_KEY = "propose_key", _("proposed a key for programs")
    APPROVE_KEY = "approve_key", _("approved a key for programs")
    REFUSE_KEY = "refuse_key", _("refused a key for programs")
    SEE_SECRET = "see_secret", _("had the secret of a key made and read it")
    REVOKE_KEY = "revoke_key", _("revoked a key for programs")
    ASK_CONSENT = "ask_consent", _("asked for somebody's consent")
    ASK_STATE = "ask_state", _("asked what a code says")
    VERIFY_CODE = "verify_code", _("read a code")
    CALL_CODE = "call_code", _("had a code shown")
    MAKE_CODE = "make_code", _("had a code's picture made")
    ASK_CORRECTION = "ask_correction", _("asked for a correction of personal data")
    SEE_CORRECTION = "see_correction", _("opened a request for a correction")
    DECIDE_CORRECTION = "decide_correction", _("decided on a correction of personal data")
    DECLARE = "declare", _("declared")
    RENEW_CODE = "renew_code", _("had a new code made")
    ISSUE_PAPER_CODE = "issue_paper_code", _("made a paper code")
    VOID_PAPER_CODE = "void_paper_code", _("made a paper code worthless")
    SEE_PAPER_CODE = "see_paper_code", _("was shown a paper code")
    CHANGE_ADDRESS = "change_address", _("changed a present address")
    SET_UP_GATE = "set_up_gate", _("set up a gate")
    ENROL_DEVICE = "enrol_device", _("enrolled a device")
    REVOKE_DEVICE = "revoke_device", _("revoked a device")
    VERIFY_DOCUMENT = "verify_document", _("compared an identity document with its holder")
    SEE_PASSES = "see_passes", _("saw passes")
    CHECK_OUT_OF_TIME = "check_out_of_time", _("checked somebody by a device whose clock is wrong")
    SEE_ALERTS = "see_alerts", _("saw alerts")
    SEE_ORDER = "see_order", _("opened an order")
    HANDLE_ORDER = "handle_order", _("worked on an order")
    VERIFY_ORDER = "verify_order", _("verified an order")
    SET_DUTY = "set_duty", _("set who is on duty")
    SEE_PHOTO = "see_photo", _("opened a photo")
    SEE_COCKPIT = "see_cockpit", _("opened the cockpit")
    ASK_ERASURE = "ask_erasure", _("asked that their data is erased")
    ANSWER_ERASURE = "answer_erasure", _("answered a request to erase data")
    SEE_ERASURES = "see_erasures", _("saw requests to erase data")
    ERASE = "erase", _("erased data whose time was over")
    REQUEUE = "requeue", _("put a parked delivery back in the queue")


class AuditRowQuerySet(models.QuerySet["AuditRow"]):
    """Reads of the trail."""

    def naming(self, person_id: int) -> "AuditRowQuerySet":
        """Keep the rows in which this person was looked at, or would have been."""
        return self.filter(subjects__contains=[person_id])


class AuditRow(models.Model):
    """One act or refused attempt. Holds ids only, no foreign keys; nobody changes it, retention alone deletes it."""

    append_only = True

    class Outcome(models.TextChoices):
        """How it ended."""

        DONE = "done", _("done")
        REFUSED = "refused", _("refused")

    at = models.DateTimeField(db_index=True)
    # The user's id; none for the system itself and for whoever is not signed in.
    actor = models.BigIntegerField(null=True)
    # Role and area or organisation ("area:17") that the act was done under.
    role = models.CharField(max_length=30, blank=True)
    holding = models.CharField(max_length=40, blank=True)
    deed = models.CharField(max_length=30, choices=Deed)
    purpose = models.CharField(max_length=30, choices=Purpose, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.DONE)
    # Ids of the persons named.
    subjects = ArrayField(models.BigIntegerField(), default=list)
    # What else it was about, as "kind:id".
    target = models.CharField(max_length=80, blank=True)
    # Counts and ids only, never names, numbers or search terms.
    detail = models.JSONField(default=dict)
    # The rest is written by a trigger, whatever was sent: who may insert a row may not choose its place or age.
    written_at = models.DateTimeField(db_default=Func(function="clock_timestamp"))
    xid = XidField(db_default=Func(function="pg_current_xact_id"))
    # SHA-256 of the canonical form of all of the above.
    digest = models.BinaryField(max_length=32, default=bytes)

    objects = AuditRowQuerySet.as_manager()

    class Meta:
        """Found by person, by actor, by time; sealed by transaction."""

        default_permissions = ()
        indexes = (
            GinIndex(fields=["subjects"], name="audit_by_subject"),
            models.Index(fields=["actor", "-id"], name="audit_by_actor"),
            models.Index(F("xid"), F("id"), name="audit_by_xid"),
        )
        constraints = (
            models.CheckConstraint(
                condition=models.Q(holding__regex=r"^((area|organisation):\d{1,18})?$"), name="audit_holding_is_an_id"
            ),
        )

    def __str__(self) -> str:
        return f"{self.deed} {self.outcome} {self.pk}"


class XidEra(models.Model):
    """A stretch of history with one transaction counter: the life of one cluster.

    Transaction ids start anew when a dump is restored into another cluster; rows with an id above `after_row` belong
    to this era. A promoted standby or a restore to a point in time goes on counting and needs no new era.
    """

    written_by_owner = True

    system_identifier = models.CharField(max_length=20)
    after_row = models.BigIntegerField(default=0)
    started_at = models.DateTimeField()

    class Meta:
        """The newest era is the present one."""

        default_permissions = ()
        ordering = ("id",)

    def __str__(self) -> str:
        return self.system_identifier


class AuditBlock(models.Model):
    """Audit rows of the transactions [xid_from, xid_to) of an era, linked to the block before.

    Written by the database function `core_seal` alone: the app role may call it, and insert nothing here.
    """

    written_by_owner = True

    number = models.BigIntegerField(primary_key=True)
    era = models.ForeignKey(XidEra, models.PROTECT, related_name="blocks")
    xid_from = models.BigIntegerField()
    xid_to = models.BigIntegerField()
    row_count = models.PositiveIntegerField()
    # SHA-256 over the rows' digests in the order (xid, id).
    root = models.BinaryField(max_length=32)
    previous = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)
    sealed_at = models.DateTimeField()

    class Meta:
        """Numbered without holes."""

        default_permissions = ()
        ordering = ("number",)

    def __str__(self) -> str:
        return f"{self.number}"


class AuditHead(models.Model):
    """The chain's head as published: signed, and also written to a file outside the database."""

    append_only = True

    number = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)
    published_at = models.DateTimeField()
    key_id = models.PositiveSmallIntegerField()
    signature = models.BinaryField(max_length=64)

    class Meta:
        """Newest last."""

        default_permissions = ()
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.number}"


class RefusalNotice(models.Model):
    """How often an account was refused on one day; above the tolerated number the auditor is shown it."""

    actor = models.BigIntegerField()
    on = models.DateField()
    count = models.PositiveIntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        """One row per account and day."""

        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["actor", "on"], name="refusal_notice_a_day"),)

    def __str__(self) -> str:
        return f"{self.actor} {self.on}: {self.count}"
