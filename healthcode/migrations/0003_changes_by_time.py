"""An index on when codes changed, made while people work."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('core', '0004_partial_registers'),
        ('healthcode', '0002_declarations_and_tokens'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='codechange',
            index=models.Index(fields=['at'], name='code_change_by_time'),
        ),
    ]
