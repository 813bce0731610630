"""Python files of the user, run by their text, so that workers need not see the file."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path
from types import ModuleType

from tasks.errors import InputError


def read_source(path: str | Path) -> str:
    """Return the text of a plug-in file.

    Raises:
        InputError: No such file, or not UTF-8.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"plugin {path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"plugin {path}: is not UTF-8 text ({error})") from error


def run_source(file: str, source: str) -> ModuleType:
    """Run the text of a Python file as a module, once per process and content.

    The module's name follows from the file's name and content, so that instances pickled in one
    process are read in another one that has run the same source.

    Raises:
        InputError: It fails to run.
    """
    content = hashlib.sha256(source.encode()).hexdigest()[:12]
    module_name = f"naspred_plugin_{re.sub(r'[^0-9A-Za-z]', '_', Path(file).stem)}_{content}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    module = ModuleType(module_name)
    module.__file__ = file
    # Type hints of the plugin's classes are looked up in sys.modules while it runs.
    sys.modules[module_name] = module
    try:
        exec(compile(source, file, "exec"), vars(module))
    except Exception as error:
        del sys.modules[module_name]
        raise InputError(f"plugin {file}: fails to run: {type(error).__name__}: {error}") from error
    return module
