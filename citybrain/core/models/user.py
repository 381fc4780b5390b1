"""User: someone who can sign in, a resident by phone or staff by password."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models

from citybrain.core.models.person import Person


class UserManager(BaseUserManager["User"]):
    """Makes users; there is no `create_superuser`, as there is no superuser."""

    def create_staff(self, username: str, password: str, **fields: Any) -> "User":
        """Make a user who signs in by name and password."""
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """An account; what it may do follows from its grants, a resident's from its person."""

    USERNAME_FIELD = "username"

    # Staff number; for residents a random text that is never shown.
    username = models.CharField(max_length=40, unique=True)
    display_name = models.CharField(max_length=60, blank=True)
    is_active = models.BooleanField(default=True)
    phone_cipher = models.BinaryField(null=True, blank=True)
    phone_index = models.BinaryField(max_length=33, null=True, blank=True, unique=True)
    # Made by `manage.py smoke_accounts`: what it declares lies in the smoke tree of areas.
    is_smoke = models.BooleanField(default=False, db_default=False)
    person = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="users")

    objects = UserManager()

    class Meta:
        """Nobody is above the rules: the database refuses a superuser."""

        default_permissions = ()
        constraints = (models.CheckConstraint(condition=models.Q(is_superuser=False), name="no_superuser"),)

    def __str__(self) -> str:
        return self.display_name or self.username

    @property
    def is_resident(self) -> bool:
        """Whether the account was made by phone; such a user needs no grant to see own data."""
        return self.phone_index is not None
