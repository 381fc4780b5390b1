"""How pages are displayed: standard or in large type by choice, and dark on a wall where a page says so."""

from django.http import HttpRequest

COOKIE = "citybrain_mode"
STANDARD, ELDER, WALL = "standard", "elder", "wall"
# What a reader may choose; the wall is the page's own choice.
CHOICES = (STANDARD, ELDER)


def mode_of(request: HttpRequest) -> str:
    """Return the mode that whoever uses this browser has chosen."""
    chosen = request.COOKIES.get(COOKIE, STANDARD)
    return chosen if chosen in CHOICES else STANDARD
