"""Organisation: the second scope beside the area, and the persons who belong to it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from citybrain.core import roles, scope
from citybrain.core.models.area import Area
from citybrain.core.models.person import Person


class OrganisationQuerySet(scope.OrganisationScoped["Organisation"]):
    """Reads of organisations."""

    organisation_field = "id"


class Organisation(models.Model):
    """A property company, employer, school, department, hospital or venue operator."""

    class Kind(models.TextChoices):
        """What an organisation is."""

        PROPERTY_COMPANY = "property_company", _("Property company")
        EMPLOYER = "employer", _("Employer")
        SCHOOL = "school", _("School")
        DEPARTMENT = "department", _("Department")
        HOSPITAL = "hospital", _("Hospital")
        VENUE_OPERATOR = "venue_operator", _("Venue operator")

    kind = models.CharField(max_length=20, choices=Kind)
    name = models.CharField(max_length=120)
    # Unified social credit code, GB 32100; some small shops have none.
    credit_code = models.CharField(max_length=18, blank=True)
    area = models.ForeignKey(Area, models.PROTECT, related_name="organisations")

    objects = OrganisationQuerySet.as_manager()

    class Meta:
        """Grants on an organisation are named by role."""

        default_permissions = ()
        permissions = roles.permissions_on("organisation")
        ordering = ("name", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["credit_code"],
                condition=~models.Q(credit_code=""),
                name="organisation_credit_code_unique",
            ),
        )

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person who works at an organisation or goes to school there."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="memberships")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="memberships")

    class Meta:
        """One row per person and organisation."""

        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["organisation", "person"], name="membership_once"),)

    def __str__(self) -> str:
        return f"{self.organisation_id}: {self.person_id}"
