"""Whom somebody may act for is checked before a person is entered; what else a declaration asks."""

import django.db.models.deletion
from django.db import migrations, models

# Rows of before, if there are any, are checked where their person lives.
_AREAS = """
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE healthcode_guardianship AS held SET area_id = person.area_id, named = person.name
  FROM core_person AS person WHERE person.id = held.person_id;
"""
_REASONS = [
    ("child", "a child that has none yet"),
    ("lost", "lost, or not at hand"),
    ("unknown", "cannot say who they are"),
]


class Migration(migrations.Migration):
    """Add the columns."""

    dependencies = [("core", "0005_recording_roles"), ("healthcode", "0005_history_without_checks")]

    operations = [
        migrations.AddField(
            "declaration", "household_code", models.CharField(blank=True, db_default="", default="", max_length=6)
        ),
        migrations.AddField(
            "declaration", "household_place", models.CharField(blank=True, db_default="", default="", max_length=60)
        ),
        migrations.AddField(
            "declaration",
            "no_document",
            models.CharField(blank=True, choices=_REASONS, db_default="", default="", max_length=10),
        ),
        migrations.AddField("declaration", "age_guessed", models.PositiveSmallIntegerField(null=True)),
        migrations.AddField("declarationdraft", "picture", models.BinaryField(null=True)),
        migrations.AddField("guardianship", "said_cipher", models.BinaryField(default=bytes)),
        migrations.AddField("guardianship", "until", models.DateField(null=True)),
        migrations.AddField("guardianship", "ended_by", models.BigIntegerField(null=True)),
        migrations.AddField(
            "guardianship", "named", models.CharField(default="", max_length=60), preserve_default=False
        ),
        migrations.AddField(
            "guardianship",
            "area",
            models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="core.area"),
        ),
        migrations.RunSQL(_AREAS, migrations.RunSQL.noop),
        migrations.AlterField(
            "guardianship",
            "area",
            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="core.area"),
        ),
        migrations.AlterField(
            "guardianship",
            "person",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="guardianships", to="core.person"
            ),
        ),
    ]
