"""Documents: bound to their person, unique across a rotation of keys, and written anew afterwards."""

import threading
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.urls import reverse

from citybrain.core import crypto, keyring
from citybrain.core.actions.persons import DocumentTakenError, add_document
from citybrain.core.models import AuditRow, Document, Person, Phone, User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import GridWorker
from tests.people import ZHANG_ID, ZHANG_PHONE, District, browse, make_district

PASSPORT = "E12345678"


@pytest.fixture
def ring(settings: Any, tmp_path: Path) -> Path:
    """A keyring of this test's own, to be rotated."""
    settings.KEYRING_FILE = tmp_path / "keyring.json"
    keyring.make(settings.KEYRING_FILE)
    return tmp_path / "keyring.json"


@pytest.fixture
def people(ring: Path, db: None) -> District:
    """The district, sealed by that keyring."""
    return make_district()


def _move(to: Person) -> None:
    """Copy another person's numbers over this one's, as someone with the database in hand might."""
    for model in (Document, Phone):
        other: Any = model.objects.exclude(person=to).first()
        model.objects.filter(person=to).update(number_cipher=other.number_cipher)


@pytest.mark.django_db
def test_a_number_moved_to_another_person_does_not_open_there(people: District, caplog: Any) -> None:
    assert people.zhang.documents.get().reveal() == ZHANG_ID
    assert people.zhang.phones.get().reveal() == ZHANG_PHONE
    _move(people.zhang)
    for row in (people.zhang.documents.get(), people.zhang.phones.get()):
        with pytest.raises(InvalidTag):
            row.reveal()
        assert f"{row.pk} of person {people.zhang.pk} does not open" in caplog.text
        caplog.clear()
    assert people.li.documents.get().reveal() != ZHANG_ID


@pytest.mark.django_db
def test_pages_with_a_moved_number_show_none_of_it_and_say_so(people: District) -> None:
    _move(people.zhang)
    person, user = people.zhang, people.resident(people.zhang, ZHANG_PHONE)
    for response in (
        browse(user).get(reverse("core:me")),
        browse(people.user(GridWorker)).post(reverse("community:unmask", args=[person.ref])),
    ):
        assert response.status_code == 500
        text = response.content.decode()
        assert "系统管理员" in text
        assert "张三" not in text
        assert "Traceback" not in text


@pytest.mark.django_db
def test_a_document_is_added_once_on_record(people: District) -> None:
    worker = people.user(GridWorker)
    added = add_document(person=people.zhang, kind="passport", number="e 1234-5678", by=worker)
    assert added.reveal() == PASSPORT
    assert Person.objects.holding(PASSPORT).get() == people.zhang
    assert add_document(person=people.zhang, kind="passport", number=PASSPORT, by=worker) == added
    row = AuditRow.objects.get(deed=Deed.ADD_DOCUMENT)
    assert (row.actor, row.subjects, row.target) == (worker.pk, [people.zhang.pk], f"document:{added.pk}")
    assert PASSPORT not in str(row.detail)
    with pytest.raises(ValidationError):
        add_document(person=people.zhang, kind="resident_id", number="330199198001010018", by=worker)


@pytest.mark.django_db
def test_a_number_that_another_person_holds_is_refused_before_and_after_a_rotation(
    people: District, ring: Path
) -> None:
    add_document(person=people.zhang, kind="passport", number=PASSPORT, by=None)
    for _rotation in range(3):
        with pytest.raises(DocumentTakenError) as refused:
            add_document(person=people.li, kind="passport", number=PASSPORT, by=None)
        assert "张" not in str(refused.value)
        keyring.rotate(ring, "blind_index")
    assert not people.li.documents.filter(type="passport").exists()
    # The same characters on another type of document are another number.
    add_document(person=people.li, kind="taiwan_permit", number="12345678", by=None)
    add_document(person=people.zhang, kind="passport", number="12345678", by=None)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_add_a_number_at_once_one_is_refused_even_between_two_keys(
    people: District, ring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process was started before the rotation, so the unique index cannot tell that the two numbers are one."""
    keyring.rotate(ring, "blind_index")
    after = keyring.load(ring)
    before = keyring.Keyring({**after.entries, "blind_index": {1: after.entries["blind_index"][1]}})
    mine = threading.local()
    monkeypatch.setattr(crypto, "_keyring", lambda: getattr(mine, "ring", after))
    ended = []

    def add() -> None:
        try:
            add_document(person=people.li, kind="passport", number=PASSPORT, by=None)
            ended.append("added")
        except DocumentTakenError:
            ended.append("refused")
        finally:
            connection.close()

    newer = threading.Thread(target=add)
    with transaction.atomic():
        mine.ring = before
        add_document(person=people.zhang, kind="passport", number=PASSPORT, by=None)
        newer.start()
        newer.join(0.5)
        assert ended == [], "the second does not wait for the first"
    newer.join()
    assert ended == ["refused"]


def _reindex() -> str:
    out = StringIO()
    call_command("reindex", stdout=out, stderr=out)
    return out.getvalue()


def _only_newest_key(ring: Path) -> None:
    for key_id in sorted(keyring.load(ring).entries["blind_index"])[:-1]:
        keyring.retire(ring, "blind_index", key_id)


@pytest.mark.django_db
def test_after_a_reindex_everyone_is_found_under_the_new_key_alone(people: District, ring: Path) -> None:
    account = people.resident(people.zhang, ZHANG_PHONE)
    User.objects.filter(pk=account.pk).update(phone_cipher=crypto.seal("phone", ZHANG_PHONE))
    keyring.rotate(ring, "blind_index")
    assert "core_document: 2 rewritten, 0 left" in _reindex()
    assert "core_document: 0 rewritten, 0 left" in _reindex()
    _only_newest_key(ring)
    assert Person.objects.holding(ZHANG_ID).get() == people.zhang
    index = crypto.blind_index("phone", ZHANG_PHONE)
    assert Phone.objects.get(number_index=index).person == people.zhang
    assert User.objects.get(phone_index=index) == account
    with pytest.raises(DocumentTakenError):
        add_document(person=people.li, kind="resident_id", number=ZHANG_ID, by=None)


@pytest.mark.django_db(transaction=True)
def test_an_interrupted_reindex_is_taken_up_where_it_stopped(
    people: District, ring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from citybrain.core.management.commands import reindex  # noqa: PLC0415

    monkeypatch.setattr(reindex, "BATCH", 4)
    for number in range(8):
        add_document(person=people.zhang, kind="passport", number=f"E0000000{number}", by=None)
    keyring.rotate(ring, "blind_index")
    renew, seen = reindex._renew, []

    def interrupted(*args: Any) -> str:
        seen.append(args)
        if len(seen) > 6:
            raise KeyboardInterrupt
        return renew(*args)

    monkeypatch.setattr(reindex, "_renew", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _reindex()
    assert Document.objects.filter(number_index__lt=b"\x02").count() == 6
    assert Person.objects.holding("E00000007").get() == people.zhang
    monkeypatch.setattr(reindex, "_renew", renew)
    assert "core_document: 6 rewritten" in _reindex()
    assert not Document.objects.filter(number_index__lt=b"\x02").exists()


@pytest.mark.django_db
def test_a_reindex_leaves_what_it_cannot_vouch_for_names_it_and_fails(people: District, ring: Path) -> None:
    moved = people.zhang.documents.get()
    Document.objects.filter(pk=moved.pk).update(number_cipher=people.li.documents.get().number_cipher)
    swapped = people.resident(None, "19900009999")
    User.objects.filter(pk=swapped.pk).update(phone_cipher=crypto.seal("phone", ZHANG_PHONE))
    keyring.rotate(ring, "blind_index")
    # A second row for 李四's phone, written past the check under the new key.
    Phone.of(people.li, people.li.phones.get().reveal()).save()
    out = StringIO()
    with pytest.raises(CommandError, match="3 rows"):
        call_command("reindex", stdout=out, stderr=out)
    text = out.getvalue()
    assert f"core_document {moved.pk}: the number does not open" in text
    assert f"core_user {swapped.pk}: number and index do not belong together" in text
    assert "the same number is on record twice" in text
    assert "core_document: 1 rewritten, 1 left" in text
