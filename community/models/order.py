"""WorkOrder: what a grid worker is asked to do, each step of it, the visit made for it and its photos."""

import uuid
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from citybrain.core import scope
from citybrain.core.models import Area, Person, Photo, User
from citybrain.core.models.fields import XidField
from citybrain.core.roles import Act
from community.models.alert import Alert


class WorkOrderQuerySet(scope.AreaScoped["WorkOrder"]):
    """Reads of orders."""

    def still_open(self) -> Self:
        """Keep what is not closed."""
        return self.filter(closed_at=None)

    def to_do(self) -> Self:
        """Keep what waits for whoever carries it out."""
        return self.filter(state__in=WorkOrder.TO_DO)

    def handed_in(self) -> Self:
        """Keep what was reported and not returned."""
        return self.filter(state__in=(WorkOrder.State.REPORTED, WorkOrder.State.CLOSED))

    def to_verify(self) -> Self:
        """Keep what was reported and waits for somebody else's eyes."""
        return self.filter(state=WorkOrder.State.REPORTED)

    def without_worker(self) -> Self:
        """Keep the open orders that nobody has: nobody was on duty."""
        return self.still_open().filter(assignee=None)

    def of_worker(self, user: "User | AnonymousUser") -> Self:
        """Keep the orders that are given to this user, in the areas where they still work."""
        return self.visible_to(user, Act.HANDLE_ORDERS).filter(assignee_id=user.pk)


class WorkOrder(models.Model):
    """An order for one alert. Whoever carries it out never verifies it."""

    class State(models.TextChoices):
        """Where it stands."""

        OPEN = "open", pgettext_lazy("order", "open")
        ACCEPTED = "accepted", pgettext_lazy("order", "accepted")
        ARRIVED = "arrived", pgettext_lazy("order", "on site")
        REPORTED = "reported", pgettext_lazy("order", "reported, to be verified")
        RETURNED = "returned", pgettext_lazy("order", "returned to the worker")
        CLOSED = "closed", pgettext_lazy("order", "closed")

    TO_DO = (State.OPEN, State.ACCEPTED, State.ARRIVED, State.RETURNED)

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    alert = models.OneToOneField(Alert, models.PROTECT, related_name="order")
    area = models.ForeignKey(Area, models.PROTECT, related_name="orders")
    person = models.ForeignKey(Person, models.PROTECT, null=True, related_name="orders")
    # None when nobody is on duty for the grid: the community sees it and assigns it.
    assignee = models.ForeignKey(User, models.PROTECT, null=True, related_name="orders")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    arrived_at = models.DateTimeField(null=True)
    reported_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    reported_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    closed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    opened_in = XidField(db_default=Func(function="pg_current_xact_id"))
    closed_in = XidField(null=True)

    objects = WorkOrderQuerySet.as_manager()

    class Meta:
        """Lists run along the due time."""

        default_permissions = ()
        ordering = ("due_at", "id")
        indexes = (
            models.Index(fields=["area", "due_at", "id"], name="order_by_area"),
            models.Index(fields=["assignee", "due_at", "id"], name="order_by_assignee"),
            models.Index(fields=["closed_at"], name="order_by_closing"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(closed_by=None) | ~Q(closed_by=F("reported_by")), name="order_is_verified_by_another"
            ),
            models.CheckConstraint(
                condition=(Q(state="closed") & Q(closed_at__isnull=False) & Q(closed_in__isnull=False))
                | (~Q(state="closed") & Q(closed_at=None) & Q(closed_in=None)),
                name="order_is_closed_in_a_transaction",
            ),
        )

    def __str__(self) -> str:
        return f"{self.ref}"

    def is_carried_out_by(self, user: "User | AnonymousUser") -> bool:
        """Whether this user took a step of the work: accepted it, went there or reported."""
        done = (WorkOrder.State.ACCEPTED, WorkOrder.State.ARRIVED, WorkOrder.State.REPORTED)
        return self.steps.filter(by_id=user.pk, after__in=done).exists()

    @property
    def lies_in_area_of_person(self) -> bool:
        """Whether the person's address is known only as far as a community, and the order went to a grid of it."""
        return self.person is not None and self.area.path.startswith(self.person.area.path)


class OrderStep(models.Model):
    """One step of an order: who moved it from where to where, and what they said."""

    append_only = True

    order = models.ForeignKey(WorkOrder, models.PROTECT, related_name="steps")
    before = models.CharField(max_length=10, choices=WorkOrder.State, blank=True)
    after = models.CharField(max_length=10, choices=WorkOrder.State)
    note = models.CharField(max_length=500, blank=True)
    # None is the system.
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()
    # The transaction that wrote it: a list as of a moment tells the state of then by it, exactly.
    xid = XidField(db_default=Func(function="pg_current_xact_id"))

    class Meta:
        """Read by order; by transaction for lists as of a moment."""

        default_permissions = ()
        ordering = ("id",)
        indexes = (models.Index(fields=["xid"], name="order_step_by_xid"),)

    def __str__(self) -> str:
        return f"{self.order_id}: {self.after}"


class Visit(models.Model):
    """What was found on site: the worker's feedback on an order."""

    append_only = True

    class Outcome(models.TextChoices):
        """Whom the worker found."""

        MET = "met", _("met the person")
        NOT_AT_HOME = "not_at_home", _("nobody at home")
        WRONG_ADDRESS = "wrong_address", _("does not live there")
        REFUSED = "refused", _("would not talk")
        NO_PERSON = "no_person", _("looked at the place; nobody to meet")

    class Symptom(models.TextChoices):
        """What the person has, by the codes that evidence uses."""

        FEVER = "fever", _("fever")
        COUGH = "cough", _("cough")
        FATIGUE = "fatigue", _("fatigue")
        BREATHING = "breathing", _("trouble breathing")
        DIARRHOEA = "diarrhoea", _("diarrhoea")

    order = models.ForeignKey(WorkOrder, models.PROTECT, related_name="visits")
    outcome = models.CharField(max_length=20, choices=Outcome)
    celsius = models.DecimalField(max_digits=3, decimal_places=1, null=True)
    # Codes of Symptom.
    symptoms = models.JSONField(default=list)
    needs = models.CharField(max_length=200, blank=True)
    feedback = models.CharField(max_length=500)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        """Read by order; a returned order is visited again."""

        default_permissions = ()
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.order_id}: {self.outcome}"

    @property
    def symptom_labels(self) -> list[str]:
        """The symptoms in words."""
        return [str(self.Symptom(code).label) for code in self.symptoms]


class VisitPhoto(models.Model):
    """A photo that belongs to a visit."""

    append_only = True

    visit = models.ForeignKey(Visit, models.PROTECT, related_name="photos")
    photo = models.OneToOneField(Photo, models.PROTECT, related_name="+")

    class Meta:
        """In the order taken."""

        default_permissions = ()
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.visit_id}"
