"""Names of pages and of columns: short, safe in every file system and URL, one for each name."""

from __future__ import annotations

import hashlib
import re
import unicodedata

READABLE = 40
"""Characters of a name that its slug keeps; the digest tells the rest."""
DIGITS = 10


def slug(name: str) -> str:
    """Return a name for a file: what is readable of `name`, a dash, and digits of its sha256.

    >>> slug("ESM-2 (650M)")[:12]
    'esm-2-650m-e'
    """
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")
    # A task's path tells most at its end; whole words, where there is one to start with.
    readable = words[-READABLE:]
    if len(words) > READABLE and words[-READABLE - 1] != "-" and "-" in readable:
        readable = readable.partition("-")[2]
    readable = readable.strip("-")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
    return f"{readable}-{digest}" if readable else digest


def model_page(name: str) -> str:
    """Return the path of a model's page in the site."""
    return f"models/{slug(name)}.html"


def task_page(path: str) -> str:
    """Return the path of a task's page in the site."""
    return f"tasks/{slug(path)}.html"
