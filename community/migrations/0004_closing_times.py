"""Two indexes on when alerts and orders were closed, made while people work."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('community', '0003_visit_drafts'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='alert',
            index=models.Index(fields=['closed_at'], name='alert_by_closing'),
        ),
        AddIndexConcurrently(
            model_name='workorder',
            index=models.Index(fields=['closed_at'], name='order_by_closing'),
        ),
    ]
