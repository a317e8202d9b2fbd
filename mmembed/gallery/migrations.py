"""The gallery's schema as numbered steps. A step that was ever released is never edited; changes are new steps."""

from __future__ import annotations

import sqlite3

from mmembed.errors import GalleryError

APPLICATION_ID = 0x6D6D656D  # "mmem": tells `file` and us whose database it is

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # Every content once, however many paths hold it. `id` keeps the order in which contents came.
        """CREATE TABLE items (
            id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, size INTEGER NOT NULL,
            width INTEGER NOT NULL, height INTEGER NOT NULL, taken TEXT)""",
        # A path is TEXT, or BLOB where the file system allows names that are not Unicode.
        """CREATE TABLE paths (
            path NOT NULL PRIMARY KEY, fingerprint TEXT NOT NULL REFERENCES items (fingerprint) ON DELETE CASCADE,
            size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL)""",
        "CREATE INDEX paths_by_fingerprint ON paths (fingerprint)",
        # `space` is the space's identity, with the digest of its weights: other weights, other rows. `vector` is float32, little-endian.
        """CREATE TABLE vectors (
            space TEXT NOT NULL, fingerprint TEXT NOT NULL REFERENCES items (fingerprint) ON DELETE CASCADE,
            dim INTEGER NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (space, fingerprint))""",
        "CREATE INDEX vectors_by_fingerprint ON vectors (fingerprint)",
        """CREATE TABLE captions (
            id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL REFERENCES items (fingerprint) ON DELETE CASCADE,
            language TEXT NOT NULL, text TEXT NOT NULL, score REAL NOT NULL, similarity REAL NOT NULL,
            alternatives TEXT NOT NULL, UNIQUE (fingerprint, language))""",
        # Its rows are the captions' with spaces around Chinese characters (see captions.py), so it keeps its own text.
        "CREATE VIRTUAL TABLE caption_words USING fts5 (words, tokenize = 'unicode61 remove_diacritics 2')",
        """CREATE TRIGGER captions_gone AFTER DELETE ON captions BEGIN
            DELETE FROM caption_words WHERE rowid = old.id; END""",
        # Counts the changes that searches must see, whoever made them.
        "CREATE TABLE state (version INTEGER NOT NULL)",
        "INSERT INTO state VALUES (0)",
    ),
    (
        "CREATE TABLE spaces (id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, dim INTEGER NOT NULL)",
        "INSERT INTO spaces (identity, dim) SELECT space, max(dim) FROM vectors GROUP BY space",
        # `revision` is the state's version that a vector came with: readers fetch what is newer than what they have.
        """CREATE TABLE embeddings (
            item INTEGER NOT NULL REFERENCES items (id) ON DELETE CASCADE, space INTEGER NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
            revision INTEGER NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (item, space))""",
        """INSERT INTO embeddings SELECT items.id, spaces.id, 0, vector FROM vectors
            JOIN items USING (fingerprint) JOIN spaces ON spaces.identity = vectors.space AND spaces.dim = vectors.dim ORDER BY items.id""",
        "DROP TABLE vectors",
        "CREATE INDEX embeddings_by_revision ON embeddings (space, revision, item)",
        """CREATE TABLE places (
            path NOT NULL PRIMARY KEY, item INTEGER NOT NULL REFERENCES items (id) ON DELETE CASCADE,
            size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL) WITHOUT ROWID""",
        "INSERT INTO places SELECT path, items.id, paths.size, mtime_ns FROM paths JOIN items USING (fingerprint)",
        "DROP TABLE paths",
        "ALTER TABLE places RENAME TO paths",
        "CREATE INDEX paths_by_item ON paths (item)",
        # Items that may have lost their last path; they go at the end of a run, for a moved file comes before its old path goes.
        "CREATE TABLE orphans (item INTEGER PRIMARY KEY)",
        "INSERT INTO orphans SELECT id FROM items WHERE id NOT IN (SELECT item FROM paths)",
        # Files that could not be decoded, with which decoders.
        """CREATE TABLE failures (
            path NOT NULL PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, reason TEXT NOT NULL,
            abilities TEXT NOT NULL) WITHOUT ROWID""",
        # What was indexed and how, so that it can be done again; `exclude` is a JSON list.
        "CREATE TABLE roots (path NOT NULL PRIMARY KEY, hidden INTEGER NOT NULL, exclude TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE drives (path NOT NULL PRIMARY KEY) WITHOUT ROWID",
        # Grows when vectors leave; then readers look which of theirs are left.
        "ALTER TABLE state ADD COLUMN removals INTEGER NOT NULL DEFAULT 0",
        "UPDATE state SET version = version + 1",
    ),
    (
        # Hits that were marked right or wrong. `question` is what makes two questions the same (see marks.py); `without` is a JSON
        # list; `picture` is the fingerprint of the picture that was looked for, which need not be in the gallery.
        """CREATE TABLE marks (
            question TEXT NOT NULL, words TEXT NOT NULL, without TEXT NOT NULL, picture TEXT NOT NULL,
            fingerprint TEXT NOT NULL REFERENCES items (fingerprint) ON DELETE CASCADE,
            is_right INTEGER NOT NULL, marked TEXT NOT NULL, PRIMARY KEY (question, fingerprint))""",
        "CREATE INDEX marks_by_fingerprint ON marks (fingerprint)",
    ),
)


def migrate(connection: sqlite3.Connection, name: str) -> None:
    """Bring a database, which may be new, to the newest schema. Two processes may do so at once.

    Raises:
        GalleryError: it is another program's, or was made by a newer version of this one.
    """
    if schema(connection, name) == len(MIGRATIONS):
        return
    try:
        connection.execute("BEGIN IMMEDIATE")
        for number, statements in enumerate(MIGRATIONS[schema(connection, name) :], schema(connection, name) + 1):
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def schema(connection: sqlite3.Connection, name: str) -> int:
    """The number of the database's schema; 0 for a new one.

    Raises:
        GalleryError: it is another program's, or was made by a newer version of this one.
    """
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    tables: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner != APPLICATION_ID and (owner or version or tables):
        raise GalleryError(f"{name} is another program's database, not a gallery; choose another place for the gallery.")
    if version > len(MIGRATIONS):
        raise GalleryError(
            f"The gallery {name} was made by a newer version of mmembed (schema {version}, this one knows {len(MIGRATIONS)}); "
            "update mmembed with: pip install --upgrade mmembed"
        )
    return version
