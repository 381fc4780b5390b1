"""The demo app."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Top layer: may import every app, is imported by none."""

    name = "citybrain.demo"
    label = "demo"
    default_auto_field = "django.db.models.BigAutoField"
