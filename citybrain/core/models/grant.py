"""Grants: who holds which role where (django-guardian permissions with direct foreign keys)."""

from django.db import models
from guardian.models import UserObjectPermissionBase

from citybrain.core.models.area import Area
from citybrain.core.models.organisation import Organisation


class AreaGrant(UserObjectPermissionBase):
    """A role held on an area and everything below it."""

    content_object = models.ForeignKey(Area, models.CASCADE, related_name="grants")

    class Meta(UserObjectPermissionBase.Meta):
        """One row per user, role and area."""

        default_permissions = ()


class OrganisationGrant(UserObjectPermissionBase):
    """A role held on an organisation."""

    content_object = models.ForeignKey(Organisation, models.CASCADE, related_name="grants")

    class Meta(UserObjectPermissionBase.Meta):
        """One row per user, role and organisation."""

        default_permissions = ()
