"""The accesslog app."""

from django.apps import AppConfig


class AccesslogConfig(AppConfig):
    """Passes and what is derived from them; its own folder for the reasons of ADR 0001."""

    name = "accesslog"
    retention_may_call = ("accesslog_drop_partitions()",)
    app_may_call = ("accesslog_make_partition(date)",)
    default_auto_field = "django.db.models.BigAutoField"
