"""History rows and verdicts name persons and rule sets without a check of the database for each of a city's rows."""

from django.db import migrations, models
from django.db.models.deletion import PROTECT

PERSON = {"on_delete": PROTECT, "related_name": "code_changes", "db_index": False, "to": "core.person"}
RULE_SET = {"on_delete": PROTECT, "related_name": "+", "db_index": False, "to": "healthcode.ruleset"}


class Migration(migrations.Migration):
    dependencies = [("healthcode", "0004_holds_isolation_appeals_family")]

    operations = [
        migrations.AlterField("codechange", "person", models.ForeignKey(db_constraint=False, **PERSON)),
        migrations.AlterField("codechange", "rule_set", models.ForeignKey(db_constraint=False, **RULE_SET)),
        migrations.AlterField("codestate", "rule_set", models.ForeignKey(db_constraint=False, **RULE_SET)),
    ]
