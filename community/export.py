"""Lists as Excel files."""

import io
from collections.abc import Iterable

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from citybrain.core.models import Person


def residents_workbook(people: Iterable[Person]) -> bytes:
    """Return an .xlsx of residents with masked names; every cell is text, so that none can be a formula."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_("Residents"))
    _append(sheet, [_("Name"), _("Sex"), _("Born"), _("Grid"), _("Address")])
    for person in people:
        year = str(person.born_on.year) if person.born_on else ""
        _append(sheet, [person.masked_name, person.get_sex_display(), year, person.area.name, person.address])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _append(sheet: WriteOnlyWorksheet, texts: Iterable[object]) -> None:
    cells = []
    for text in texts:
        cell = WriteOnlyCell(sheet, value=str(text))
        cell.data_type = "s"
        cells.append(cell)
    sheet.append(cells)
