"""What is erased when somebody asked for it: all that the health code keeps of a person."""

from django.apps import apps

from citybrain.core.models import Person
from healthcode.actions.erasure import TABLES
from healthcode.models import Evidence


def _points_to(model: type, kept: type) -> bool:
    fields = model._meta.get_fields()  # type: ignore[attr-defined]
    return any(field.concrete and field.is_relation and field.related_model is kept for field in fields)


def test_every_table_of_the_health_code_that_names_a_person_is_erased_and_none_before_what_points_to_it() -> None:
    order = [table for table, _condition in TABLES]
    for model in apps.get_app_config("healthcode").get_models():
        table = model._meta.db_table
        if _points_to(model, Person):
            assert table in order, table
        if _points_to(model, Evidence) and model is not Evidence:
            assert order.index(table) < order.index("healthcode_evidence"), table
