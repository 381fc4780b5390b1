"""The dashboard app."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """The command, and the home page of every role."""

    name = "dashboard"
    default_auto_field = "django.db.models.BigAutoField"
