"""Judge everybody anew of whom something is known."""

import threading
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.db import connection
from django.db.models import Sum

from healthcode.actions import rounds
from healthcode.models import RoundChunk
from healthcode.replay import NoRulesError

MOST_WORKERS = 6
PAUSE = 1.0


class Command(BaseCommand):
    help = "Judge everybody anew of whom something is known, in chunks; may be stopped, the worker goes on with it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workers", type=int, default=2, help=f"how many chunks at once, at most {MOST_WORKERS}")

    def handle(self, *_args: Any, workers: int, **_options: Any) -> None:
        if not 1 <= workers <= MOST_WORKERS:
            raise CommandError(f"--workers is a number from 1 to {MOST_WORKERS}")
        begun = rounds.begin_round()
        self.failures: list[Exception] = []
        threads = [threading.Thread(target=self._work, args=[begun.pk]) for _number in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                self._say(begun.pk)
                thread.join(PAUSE)
        self._say(begun.pk)
        if self.failures:
            raise CommandError(str(self.failures[0]))

    def _work(self, round_id: int) -> None:
        try:
            rounds.work(round_id)
        except (NoRulesError, OSError) as problem:
            self.failures.append(problem)
        finally:
            connection.close()

    def _say(self, round_id: int) -> None:
        chunks = RoundChunk.objects.filter(round=round_id)
        done = chunks.filter(done_at__isnull=False)
        changed = done.aggregate(all=Sum("changed"))["all"] or 0
        self.stdout.write(f"{done.count()} of {chunks.count()} chunks, {changed} codes changed")
        self.stdout.flush()
