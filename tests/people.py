"""A small district and one person for every role, for tests of who may see what."""

import datetime as dt
from dataclasses import dataclass, field

from django.test import Client

from citybrain.core import clock, crypto, names, roles
from citybrain.core.actions.areas import create_area
from citybrain.core.actions.grants import grant_role
from citybrain.core.models import Area, Document, Membership, Organisation, Person, Phone, User
from community.models import Building, Estate, Household, HouseholdMember, Room

SINCE = dt.date(2018, 10, 31)
SQUARE = {
    "type": "Polygon",
    "coordinates": [[[120.0, 30.0], [120.1, 30.0], [120.1, 30.1], [120.0, 30.1], [120.0, 30.0]]],
}
# Valid numbers of the never-assigned county 330199.
ZHANG_ID, LI_ID = "330199198001010017", "330199197505050026"
ZHANG_PHONE, LI_PHONE = "19900001234", "19900005678"


@dataclass
class District:
    """A district with one street, one community and two grids; 张三 lives in the first grid, 李四 in the second."""

    district: Area
    street: Area
    community: Area
    grid: Area
    other_grid: Area
    company: Organisation
    employer: Organisation
    zhang: Person
    li: Person
    users: dict[str, User] = field(default_factory=dict)

    def user(self, role: type[roles.Role], on: Area | Organisation | None = None) -> User:
        """Return the user with this role, made at first use."""
        if role is roles.Resident:
            return self.resident(self.zhang, ZHANG_PHONE)
        name = f"{role.codename}-{on.pk}" if on else role.codename
        if name not in self.users:
            user = User(username=name)
            user.set_unusable_password()
            user.save()
            grant_role(user=user, role=role, on=on or self._usual_place(role), by=None)
            self.users[name] = user
        return self.users[name]

    def resident(self, person: Person | None, phone: str) -> User:
        """Return the resident who signs in by this phone."""
        index = crypto.blind_index("phone", phone)
        user, _created = User.objects.get_or_create(phone_index=index, defaults={"username": phone, "person": person})
        return user

    def _usual_place(self, role: type[roles.Role]) -> Area | Organisation:
        if role is roles.PropertyCompany:
            return self.company
        if role in {roles.Employer, roles.DepartmentStaff, roles.ClinicStaff}:
            return self.employer
        places = {roles.GridWorker: self.grid, roles.CommunityStaff: self.community, roles.StreetStaff: self.street}
        return places.get(role, self.district)


def make_district() -> District:
    """Make the areas, two households and two organisations."""
    district = _area("district", "330103000000", "下城区", None)
    street = _area("street", "330103008000", "东新街道", district)
    community = _area("community", "330103008008", "东新园社区", street)
    grid = _area("grid", "330103008008001", "东新园第一网格", community)
    other_grid = _area("grid", "330103008008002", "东新园第二网格", community)
    company = Organisation.objects.create(kind="property_company", name="安居物业", area=community)
    employer = Organisation.objects.create(kind="employer", name="东新电子", area=community)
    estate = Estate.objects.create(name="东新园", area=community, property_company=company)
    zhang = make_person("张三", grid, ZHANG_ID, ZHANG_PHONE)
    li = make_person("李四", other_grid, LI_ID, LI_PHONE)
    for number, (person, area) in enumerate([(zhang, grid), (li, other_grid)], start=1):
        building = Building.objects.create(estate=estate, area=area, name=f"{number}幢")
        room = Room.objects.create(building=building, unit=1, floor=1, number="101")
        household = Household.objects.create(room=room)
        HouseholdMember.objects.create(household=household, person=person, relation="head")
    Membership.objects.create(person=zhang, organisation=employer)
    return District(district, street, community, grid, other_grid, company, employer, zhang, li)


def make_person(name: str, area: Area, id_number: str = "", phone: str = "") -> Person:
    """Make a person with at most one document and phone."""
    born = dt.date(1980, 1, 1)
    person = Person.objects.create(
        name=name, name_sort=names.sort_key(name), area=area, born_on=born, address="1幢101室"
    )
    if id_number:
        Document.of(person, "resident_id", id_number).save()
    if phone:
        Phone.of(person, phone).save()
    return person


def _area(level: str, code: str, name: str, parent: Area | None) -> Area:
    area = create_area(level=Area.Level(level), code=code, name=name, parent=parent, valid_from=SINCE, by=None)
    if level == "grid":
        area.boundary, area.boundary_is_schematic = SQUARE, True
        area.save()
    return area


def browse(user: User | None, purpose: str = "visit") -> Client:
    """Return a client signed in as `user` (nobody when None), with a purpose stated."""
    client = Client()
    if user is not None:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    if purpose:
        session = client.session
        session["purpose"] = {"code": purpose, "until": clock.now().timestamp() + 3600}
        session.save()
    return client
