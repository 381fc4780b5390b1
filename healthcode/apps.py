"""The healthcode app."""

from django.apps import AppConfig


class HealthcodeConfig(AppConfig):
    """The health code; knows nothing of the apps above it."""

    name = "healthcode"
    default_auto_field = "django.db.models.BigAutoField"
