"""`PersistenceFile`: where a gateway keeps its metrics, in the file of its options or in a temporary one."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING

from pytest_pushgateway.genuine import refuse_fake_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class PersistenceFile:
    """The file of one gateway. A temporary one is made when it is needed, and removed with the gateway.

    Args:
        named: the path that an option names, if one does.
        directory: makes the directory of a temporary file; without it that is in the system's own.

    Attributes:
        path: where it is; None if it is temporary and not made yet.

    """

    def __init__(self, named: str | None, directory: Callable[[], Path] | None) -> None:
        self.path: str | None = named
        self._named = named
        self._directory = directory or _temporary_directory
        self._remove_temporary: Callable[[], object] | None = None

    def make(self) -> str:
        """Return the path, of a new temporary file if there is none.

        Raises:
            RuntimeError: pyfakefs is at work.

        """
        if self.path is None:
            refuse_fake_files()
            directory = self._directory()
            # At the end of this process, or when nobody refers to the gateway any more. Called once only: another
            # gateway may be given a directory of the same name.
            self._remove_temporary = weakref.finalize(self, _remove, directory, os.getpid())
            self.path = str(directory / "pushgateway.sqlite")
        return self.path

    def set_aside(self) -> None:
        """Move the file aside that SQLite believes to have open; removed, it could hand its number to the next one."""
        if self.path is not None:
            from pathlib import Path

            from pytest_pushgateway.gateway.persistence.files import set_aside

            set_aside(Path(self.path))

    def remove(self) -> None:
        """Remove a temporary file."""
        if self._remove_temporary is not None:
            self._remove_temporary()
            self.forget()

    def forget(self) -> None:
        """Leave a temporary file to whoever removes it, and make another one when one is needed."""
        self._remove_temporary = None
        self.path = self._named


def _temporary_directory() -> Path:
    import tempfile
    from pathlib import Path

    return Path(tempfile.mkdtemp(prefix="pushgateway-"))


def _remove(directory: Path, process: int) -> None:
    if os.getpid() == process:  # in a forked child it is still the parent's
        import shutil

        shutil.rmtree(directory, ignore_errors=True)
