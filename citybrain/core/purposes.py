"""Purposes: why someone names a person. Stated before the look, kept with it, shown to the resident."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Purpose(models.TextChoices):
    """The whole list; there is no "other"."""

    VISIT = "visit", _("Home visit or check at the door")
    ISOLATION_CARE = "isolation_care", _("Care for people in isolation")
    INVESTIGATION = "investigation", _("Epidemiological investigation")
    HELP = "help", _("The resident asked for help")
    CORRECTION = "correction", _("Correcting the resident's data")
    COMPLAINT = "complaint", _("Complaint or appeal")
    SUPERVISION = "supervision", _("Supervising how work is done")
