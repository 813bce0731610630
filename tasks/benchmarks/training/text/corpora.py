"""Texts that are there wherever naspred is installed."""

from __future__ import annotations

import importlib.util
import sys
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path


def unicode_names() -> str:
    """Return the names of the characters of Unicode 3.2, a line each, in the order of their numbers.

    Python ships this version of the database for internationalised domain names, and names are never
    changed (https://www.unicode.org/policies/stability_policy.html), so the text is the same for every
    Python. 13,789 names, 385,084 characters of 39 kinds, 5,358 different words. Left out are the names
    that only repeat a number (unified ideographs) and the Hangul syllables, which are composed.
    """
    name = unicodedata.ucd_3_2_0.name
    names = (name(chr(code), "") for code in range(sys.maxunicode + 1))
    repetitive = ("CJK UNIFIED", "HANGUL SYLLABLE")
    return "\n".join(text for text in names if text and not text.startswith(repetitive))


def sklearn_descriptions() -> str:
    """Return the descriptions of scikit-learn's data sets, English prose of about 43,000 characters.

    They change now and then with the version of scikit-learn.
    """
    package = importlib.util.find_spec("sklearn")
    assert package is not None
    assert package.origin is not None
    # Importing the package takes seconds, and its files are enough.
    files = sorted((Path(package.origin).parent / "datasets" / "descr").glob("*.rst"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


CORPORA: Mapping[str, Callable[[], str]] = {
    "unicode-names": unicode_names,
    "sklearn-descriptions": sklearn_descriptions,
}
