"""What the tree may hold."""

import ast
import platform
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ROOT / "platform" / "tenantry"
CODE = sorted((ROOT / "platform").rglob("*.py"))
BELOW_THE_DOORS = (
    "operations",
    "watching",
    "engine",
    "journal",
    "steps",
    "models",
    "adapters",
    "planning",
)
LONGEST_FILE = 300
# Whatever stands on one machine only. Written in parts, or this file would find itself.
MACHINE = re.compile(
    "|".join(
        f"(?<![\\w.~-])/{name}/" for name in ("work", "ro" + "ot", "home", "Users", "t" + "mp")
    )
)


def tracked() -> list[Path]:
    """Files that are in Git, or would be added to it."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [path for name in listed.splitlines() if (path := ROOT / name).is_file()]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_platform_is_no_package_and_shadows_nothing():
    assert not (ROOT / "platform" / "__init__.py").exists()
    assert platform.system()
    assert Path(platform.__file__).resolve().is_relative_to(Path(ast.__file__).resolve().parent)


@pytest.mark.parametrize("room", BELOW_THE_DOORS)
def test_nothing_commits_below_the_doors(room: str):
    files = list((PRODUCT / room).rglob("*.py"))
    assert files
    guilty = [relative(f) for f in files if ".commit(" in f.read_text(encoding="utf-8")]
    assert guilty == []


def test_no_file_of_code_is_long():
    long = {relative(f): n for f in CODE if (n := len(f.read_text().splitlines())) >= LONGEST_FILE}
    assert long == {}


def test_there_are_no_imports_for_type_checkers_only():
    word = "TYPE_" + "CHECKING"
    assert [relative(f) for f in CODE if word in f.read_text(encoding="utf-8")] == []


def test_no_room_is_called_by_a_word_that_says_nothing():
    empty = {"manager", "helper", "helpers", "utils", "util", "common", "process", "data", "info"}
    assert [relative(f) for f in CODE if {f.stem, *f.parent.parts} & empty] == []


def test_no_file_names_a_place_on_one_machine():
    guilty = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if MACHINE.search(line) and relative(path) not in ALLOWED_PLACES:
                guilty.append(f"{relative(path)}:{number}: {line.strip()[:80]}")
    assert guilty == []


# Paths that mean the same on every machine, each with its reason.
ALLOWED_PLACES = {
    "Dockerfile": "inside the image",
    "docker-compose.yml": "inside the containers",
    "tests/demo/test_ports_and_state.py": "a home that is made up",
    "tests/contract/test_accounting.py": "it looks for such paths itself",
}


def test_functions_that_take_a_session_never_open_one():
    guilty = []
    for path in (PRODUCT / "operations").rglob("*.py"):
        if path.name == "desk.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                guilty += [relative(path)] * (node.func.id in {"Session", "sessionmaker"})
    assert guilty == []


def test_the_map_in_the_readme_equals_the_tree():
    readme = ROOT / "README.md"
    if not readme.exists():
        return
    blocks = re.findall(r"(?s)```tree\n(.*?)```", readme.read_text(encoding="utf-8"))
    assert len(blocks) == 1, "README.md has one block fenced as ```tree"
    lines = [line for line in blocks[0].splitlines() if line.strip()]
    shown = {}
    for line in lines:
        name, _, words = line.strip().partition(" ")
        assert words.strip(), f"no words for {name}"
        shown[name] = words.strip()
    gone = [name for name in shown if not (ROOT / name).exists()]
    assert gone == []
    rooms = {
        f"platform/tenantry/{p.name}{'/' if p.is_dir() else ''}"
        for p in PRODUCT.iterdir()
        if (p.is_dir() and (p / "__init__.py").exists())
        or (p.suffix == ".py" and not p.name.startswith("__"))
    }
    tops = {
        f"{relative(p).split('/')[0]}/" for p in tracked() if len(p.relative_to(ROOT).parts) > 1
    }
    tops -= {"platform/", ".ci/"}
    packages = {f"platform/{p.parent.name}/" for p in (ROOT / "platform").glob("*/__init__.py")}
    missing = (rooms | tops | packages - {"platform/tenantry/"}) - set(shown)
    assert missing == set()
    assert set(shown) <= rooms | tops | packages
