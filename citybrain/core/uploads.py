"""Uploads: a file that is too large is dropped while it arrives, the rest of the form is kept."""

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, MemoryFileUploadHandler, SkipFile

TOO_LARGE = "citybrain.too_large"


class LimitHandler(FileUploadHandler):
    """Stops storing files at settings.UPLOAD_LIMIT bytes each and UPLOAD_TOTAL together, and notes which were dropped.

    Bodies are read before anybody is asked who they are, so this is what one request can take of the memory.
    """

    _total = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin to count."""
        super().new_file(*args, **kwargs)
        self._size = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:  # noqa: ARG002 (Django's signature)
        """Hand the bytes on until there are too many."""
        self._size += len(raw_data)
        self._total += len(raw_data)
        if self._size > settings.UPLOAD_LIMIT or self._total > settings.UPLOAD_TOTAL:
            if self.request is not None:
                self.request.META.setdefault(TOO_LARGE, set()).add(self.field_name)
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Leave the file to the next handler."""


class MemoryHandler(MemoryFileUploadHandler):
    """Keeps every file that passed the limit in memory: pictures of people are not written to a temporary folder."""

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        """Take files however long the whole request is."""
        super().handle_raw_input(*args, **kwargs)
        self.activated = True
