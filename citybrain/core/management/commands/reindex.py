"""`manage.py reindex`: after a rotation of `blind_index`, write every blind index under the current key."""

from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidTag
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, models, transaction

from citybrain.core import crypto, keyring
from citybrain.core.models import Document, Phone, User

BATCH = 500
# What a row's index is made of: the kind that it is indexed as, and the number.
Source = Callable[[Any], tuple[str, str]]


class Command(BaseCommand):
    """Can be interrupted and repeated: each batch is a transaction, and what is done is left alone."""

    help = "Write the blind indexes of documents, phones and accounts under the keyring's current key, in batches."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Rewrite all three; end with an error when rows had to be left as they were."""
        left = self._reindex(Document, "number_index", _document)
        left += self._reindex(Phone, "number_index", _phone)
        left += self._reindex(User, "phone_index", _account)
        if left:
            message = f"{left} rows were left as they were, see above: keep the old key in the keyring"
            raise CommandError(message)

    def _reindex(self, model: type[models.Model], column: str, source: Source) -> int:
        """Rewrite one column; return how many rows were left."""
        # An index begins with the id of its key, and the current key has the highest.
        current = bytes([keyring.load(settings.KEYRING_FILE).current("blind_index").id])
        old = model._default_manager.filter(**{f"{column}__lt": current}).order_by("pk")
        done = left = last = 0
        while True:
            with transaction.atomic():
                rows = list(old.filter(pk__gt=last).select_for_update()[:BATCH])
                problems = [problem for row in rows if (problem := _renew(row, column, source))]
            for problem in problems:
                self.stderr.write(problem)
            done, left = done + len(rows) - len(problems), left + len(problems)
            self.stdout.write(f"{model._meta.db_table}: {done} rewritten, {left} left as they were")
            if len(rows) < BATCH:
                return left
            last = rows[-1].pk


def _renew(row: Any, column: str, source: Source) -> str:
    """Write one row's index under the current key; return what was wrong, "" when nothing was."""
    name = f"{row._meta.db_table} {row.pk}"
    try:
        kind, plain = source(row)
        # A number that is not what was indexed came from another row.
        if bytes(getattr(row, column)) not in crypto.blind_indexes(kind, plain):
            return f"{name}: number and index do not belong together"
        setattr(row, column, crypto.blind_index(kind, plain))
        with transaction.atomic():
            row.save(update_fields=[column])
    except InvalidTag:
        return f"{name}: the number does not open: it was changed or moved"
    except IntegrityError:
        return f"{name}: the same number is on record twice"
    return ""


def _document(row: Document) -> tuple[str, str]:
    return row.type, row.reveal()


def _phone(row: Phone) -> tuple[str, str]:
    return "phone", row.reveal()


def _account(row: User) -> tuple[str, str]:
    return "phone", crypto.unseal("phone", bytes(row.phone_cipher or b""))
