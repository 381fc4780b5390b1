"""One account per role for the demo, one more grid worker and one more guard to try the borders between them."""

from dataclasses import dataclass

from citybrain.core import crypto, roles
from citybrain.core.actions.grants import grant_role
from citybrain.core.models import Area, Organisation, Person, User
from citybrain.demo.loader import LIVED_IN
from citybrain.demo.population import FIRST_PHONE
from community.actions.duty import set_duty

# Public on purpose: these accounts exist in the demo only, which refuses to load elsewhere.
PASSWORD = "xiacheng-demo-2020"  # noqa: S105
RESIDENT_PHONE = str(FIRST_PHONE)
DISTRICT = "330103000000"


@dataclass(frozen=True)
class Account:
    """A login: staff number, role, and the code of an area or the name of an organisation that it holds on."""

    username: str
    role: type[roles.Role]
    area: str = ""
    organisation: str = ""


ACCOUNTS = (
    Account("gate01", roles.GateStaff, organisation="东新路农贸市场"),
    Account("gate02", roles.GateStaff, area=LIVED_IN[0]),
    Account("grid01", roles.GridWorker, area=f"{LIVED_IN[0]}001"),
    Account("grid02", roles.GridWorker, area=f"{LIVED_IN[0]}002"),
    Account("community01", roles.CommunityStaff, area=LIVED_IN[0]),
    Account("street01", roles.StreetStaff, area=f"{LIVED_IN[0][:9]}000"),
    Account("property01", roles.PropertyCompany, organisation="下城安居物业服务有限公司"),
    Account("employer01", roles.Employer, organisation="东新电子有限公司"),
    Account("department01", roles.DepartmentStaff, organisation="下城区卫生健康局"),
    Account("health01", roles.HealthOfficer, area=DISTRICT),
    Account("commander01", roles.DistrictCommander, area=DISTRICT),
    Account("auditor01", roles.Auditor, area=DISTRICT),
    Account("admin01", roles.SystemAdministrator, area=DISTRICT),
)


def make_accounts() -> None:
    """Make what is missing: staff with their grants, and the resident bound to a person."""
    for account in ACCOUNTS:
        if User.objects.filter(username=account.username).exists():
            continue
        user = User.objects.create_staff(account.username, PASSWORD, display_name=account.username)
        on: Area | Organisation = (
            Area.objects.get(code=account.area) if account.area else Organisation.objects.get(name=account.organisation)
        )
        grant_role(user=user, role=account.role, on=on, by=None)
        if account.role is roles.GridWorker and isinstance(on, Area):
            set_duty(area=on, user=user, by=None)
    index = crypto.blind_index("phone", RESIDENT_PHONE)
    if not User.objects.filter(phone_index=index).exists():
        person = Person.objects.filter(phones__number_index=index).order_by("id").first()
        resident = User(username="resident-demo", phone_index=index, person=person)
        resident.phone_cipher = crypto.seal("phone", RESIDENT_PHONE)
        resident.set_unusable_password()
        resident.save()


def lines() -> list[str]:
    """Return one line per role, ready to show."""
    shown = [f"{'resident':<22}phone {RESIDENT_PHONE}, the code appears here as a line that begins with SMS"]
    shown += [f"{account.role.codename:<22}{account.username:<14}{PASSWORD}" for account in ACCOUNTS]
    return shown
