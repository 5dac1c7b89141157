"""
`python -m benchmarks.peers_venv [FOLDER]`: the peers' own virtual environment.

Apart from ours, so that nothing of theirs can become a dependency. Does nothing where it is there
already and the pinned versions have not changed.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
PINNED = HERE / "requirements-peers.txt"


def make(folder: Path = HERE / ".peers-venv") -> Path:
    """The interpreter, with everything installed."""
    python, note = folder / "bin" / "python", folder / "installed.txt"
    wanted = PINNED.read_text()
    if not (note.exists() and note.read_text() == wanted):
        venv.create(folder, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        # With our path pip would see our own package and miss its libraries.
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        subprocess.run([*pip, "-r", str(PINNED)], check=True, env=env)
        note.write_text(wanted)
    return python


if __name__ == "__main__":
    print(make(*(Path(given) for given in sys.argv[1:2])))
