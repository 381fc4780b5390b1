"""Staff accounts."""

import secrets

from django.db import transaction

from citybrain.core import audit
from citybrain.core.models import User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act

PASSWORD_BYTES = 15


def create_staff(*, username: str, display_name: str, by: User | None) -> tuple[User, str]:
    """Make a staff account without any role; return it with a first password that is kept nowhere else.

    Raises ValueError when the staff number is taken.
    """
    number = username.strip().lower()
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    with transaction.atomic():
        if User.objects.filter(username=number).exists():
            raise ValueError(f"the staff number {number} is taken")
        user = User.objects.create_staff(number, password, display_name=display_name)
        audit.record(Deed.CREATE_ACCOUNT, by=by, target=f"user:{user.pk}")
    return user, password


def change_password(*, user: User, password: str) -> None:
    """Give a user a new password of their own choice; their other sessions end."""
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        audit.record(Deed.CHANGE_PASSWORD, by=user, under=Act.SIGNED_IN)
