"""One account per role for the demo, one more grid worker and one more guard to try the borders between them."""

from dataclasses import dataclass

from django.contrib.auth.hashers import make_password

from citybrain.core import crypto, roles
from citybrain.core.actions.grants import grant_role
from citybrain.core.models import Area, Organisation, Person, User
from citybrain.demo.city.known import (
    DEPARTMENT,
    EMPLOYERS,
    FIRST_PHONE,
    HOSPITAL,
    LIVED_IN,
    MARKET,
    PASSWORD,
    PROPERTY_COMPANIES,
)
from community.actions.duty import set_duty

RESIDENT, RESIDENT_PHONE = "resident-demo", str(FIRST_PHONE)
DISTRICT = "330103000000"


@dataclass(frozen=True)
class Account:
    """A login: staff number, role, and the code of an area or the name of an organisation that it holds on."""

    username: str
    role: type[roles.Role]
    area: str = ""
    organisation: str = ""


ACCOUNTS = (
    Account("gate01", roles.GateStaff, organisation=MARKET),
    Account("gate02", roles.GateStaff, area=LIVED_IN[0]),
    Account("grid01", roles.GridWorker, area=f"{LIVED_IN[0]}001"),
    Account("grid02", roles.GridWorker, area=f"{LIVED_IN[0]}002"),
    Account("community01", roles.CommunityStaff, area=LIVED_IN[0]),
    Account("street01", roles.StreetStaff, area=f"{LIVED_IN[0][:9]}000"),
    Account("property01", roles.PropertyCompany, organisation=PROPERTY_COMPANIES[f"{LIVED_IN[0][:9]}000"]),
    Account("employer01", roles.Employer, organisation=EMPLOYERS[0]),
    Account("department01", roles.DepartmentStaff, organisation=DEPARTMENT),
    Account("clinic01", roles.ClinicStaff, organisation=HOSPITAL),
    Account("health01", roles.HealthOfficer, area=DISTRICT),
    Account("commander01", roles.DistrictCommander, area=DISTRICT),
    Account("auditor01", roles.Auditor, area=DISTRICT),
    Account("admin01", roles.SystemAdministrator, area=DISTRICT),
)


def make_staff() -> None:
    """Make the staff that is missing, with their grants."""
    there = set(User.objects.values_list("username", flat=True))
    missing = [account for account in ACCOUNTS if account.username not in there]
    if not missing:
        return
    # Hashing takes long on purpose; the password is public and the same for all.
    hashed = make_password(PASSWORD)
    for account in missing:
        user = User.objects.create(username=account.username, display_name=account.username, password=hashed)
        on: Area | Organisation = (
            Area.objects.get(code=account.area) if account.area else Organisation.objects.get(name=account.organisation)
        )
        grant_role(user=user, role=account.role, on=on, by=None)
        if account.role is roles.GridWorker and isinstance(on, Area):
            set_duty(area=on, user=user, by=None)


def make_resident() -> None:
    """Make the resident bound to a person, unless there is one; loading ends with it."""
    index = crypto.blind_index("phone", RESIDENT_PHONE)
    if not User.objects.filter(phone_index=index).exists():
        person = Person.objects.filter(phones__number_index=index).order_by("id").first()
        resident = User(username=RESIDENT, phone_index=index, person=person)
        resident.phone_cipher = crypto.seal("phone", RESIDENT_PHONE)
        resident.set_unusable_password()
        resident.save()


def lines() -> list[str]:
    """Return one line per role, ready to show."""
    shown = [f"{'resident':<22}phone {RESIDENT_PHONE}, the code appears here as a line that begins with SMS"]
    shown += [f"{account.role.codename:<22}{account.username:<14}{PASSWORD}" for account in ACCOUNTS]
    return shown
