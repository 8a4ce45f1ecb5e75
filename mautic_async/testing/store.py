"""The simulated database: tables of plain rows, their indexes, and a SQLite file to keep them in."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

Row: TypeAlias = dict[str, Any]
"""One record: plain JSON values, dates as epoch seconds; ``id`` is set by the table."""


class Index:
    """Row ids by the keys that a function gives each row."""

    def __init__(self, keys: Callable[[Row], Iterable[Any]]) -> None:
        self._keys = keys
        self._ids: dict[Any, dict[int, None]] = {}
        self._keys_by_id: dict[int, tuple[Any, ...]] = {}

    def add(self, row: Row) -> None:
        """Take the row's present keys for its former ones."""
        keys = tuple(self._keys(row))
        # Most saves change no key, and leaving the index alone keeps the order of insertion.
        if self._keys_by_id.get(row["id"]) == keys:
            return
        self.remove(row["id"])
        self._keys_by_id[row["id"]] = keys
        for key in keys:
            self._ids.setdefault(key, {})[row["id"]] = None

    def remove(self, id: int) -> None:
        """Remove a row from the index."""
        for key in self._keys_by_id.pop(id, ()):
            ids = self._ids[key]
            ids.pop(id, None)
            if not ids:
                del self._ids[key]

    def find(self, key: Any) -> list[int]:
        """Return the ids of the rows with this key, in order of insertion."""
        return list(self._ids.get(key, ()))


class Table:
    """Rows by id, with MySQL's auto-increment: a number is never given twice."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: dict[int, Row] = {}
        self.last_id: int = 0
        self.indexes: dict[str, Index] = {}
        self.dirty: set[int] = set()
        self.change_count: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows.values())

    def get(self, id: Any) -> Row | None:
        """Return the row of this id, or None."""
        return self.rows.get(id)

    def save(self, row: Row) -> Row:
        """Insert *row* (no id yet) or store its changes."""
        id = row.get("id")
        if id is None:
            self.last_id += 1
            id = row["id"] = self.last_id
        elif id > self.last_id:
            self.last_id = id
        self.rows[id] = row
        self.dirty.add(id)
        self.change_count += 1
        for index in self.indexes.values():
            index.add(row)
        return row

    def remove(self, id: int) -> None:
        """Delete the row."""
        self.rows.pop(id, None)
        self.dirty.add(id)
        self.change_count += 1
        for index in self.indexes.values():
            index.remove(id)

    def index(self, name: str, keys: Callable[[Row], Iterable[Any]]) -> None:
        """Keep an index from now on, rebuilt if there is one of that name."""
        index = self.indexes[name] = Index(keys)
        for row in self.rows.values():
            index.add(row)

    def reindex(self) -> None:
        """Ask every row for its keys again."""
        for index in self.indexes.values():
            for row in self.rows.values():
                index.add(row)

    def find(self, index: str, key: Any) -> list[Row]:
        """Return the rows an index has under *key*."""
        return [self.rows[id] for id in self.indexes[index].find(key)]

    def where(self, **columns: Any) -> Iterator[Row]:
        """Yield the rows whose columns equal these values, by a scan."""
        for row in self.rows.values():
            if all(row.get(name) == value for name, value in columns.items()):
                yield row


class Store:
    """All tables, made when first named."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}
        self._file: sqlite3.Connection | None = None

    def __getitem__(self, name: str) -> Table:
        table = self.tables.get(name)
        if table is None:
            table = self.tables[name] = Table(name)
        return table

    def open(self, path: str | Path) -> bool:
        """Keep the state in this SQLite file from now on.

        Returns:
            Whether the file held a state, which then replaces the present one.
        """
        self._file = sqlite3.connect(path, check_same_thread=False)
        self._file.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
            "CREATE TABLE IF NOT EXISTS row (name TEXT, id INTEGER, body TEXT, PRIMARY KEY (name, id));"
            "CREATE TABLE IF NOT EXISTS last (name TEXT PRIMARY KEY, id INTEGER);"
        )
        tables_on_disk = list(self._file.execute("SELECT name, id FROM last"))
        if not tables_on_disk:
            self.flush()
            return False
        for table in self.tables.values():
            for id in list(table.rows):
                table.remove(id)
        for name, body in self._file.execute("SELECT name, body FROM row ORDER BY name, id"):
            self[name].save(json.loads(body))
        for name, last in tables_on_disk:
            self[name].last_id = last
        for table in self.tables.values():
            table.reindex()  # keys may depend on other tables, which came later
            table.dirty.clear()
        return True

    def flush(self) -> None:
        """Write what has changed since the last time."""
        if self._file is None:
            return
        changed = [table for table in self.tables.values() if table.dirty]
        if not changed:
            return
        # One transaction, so that a killed process leaves no half of a request in the file.
        with self._file:
            for table in changed:
                removed_ids = [(table.name, id) for id in table.dirty if id not in table.rows]
                last_id = [(table.name, id, json.dumps(table.rows[id])) for id in table.dirty if id in table.rows]
                self._file.executemany("DELETE FROM row WHERE name = ? AND id = ?", removed_ids)
                self._file.executemany("INSERT OR REPLACE INTO row VALUES (?, ?, ?)", last_id)
                self._file.execute("INSERT OR REPLACE INTO last VALUES (?, ?)", (table.name, table.last_id))
                table.dirty.clear()

    def close(self) -> None:
        """Write and close the file."""
        self.flush()
        if self._file is not None:
            self._file.close()
            self._file = None
