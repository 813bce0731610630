"""What several test modules share and is not a fixture."""

from pathlib import Path

PLUGINS = Path(__file__).parent / "plugins"
FAULTS = PLUGINS / "faults.py"
