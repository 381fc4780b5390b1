"""The community app."""

from django.apps import AppConfig


class CommunityConfig(AppConfig):
    """The built and lived-in district below the grid."""

    name = "community"
    default_auto_field = "django.db.models.BigAutoField"
