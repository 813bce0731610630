"""Every format has an importer."""

import inspect

from tasks.benchmarks.official.formats import FORMATS


def test_every_format_has_an_importer_of_three_arguments():
    assert len(FORMATS) == 7
    for form in FORMATS.values():
        names = list(inspect.signature(form.load()).parameters)
        assert names[:3] == ["source", "out", "on_progress"]
