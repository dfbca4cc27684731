"""The wheel, as a stranger gets it: built, installed into a clean environment, run from an empty folder."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LIGHT = ("typer", "rich", "pydantic", "jinja2", "numpy")
"""What `autoreward tasks` needs; the trainer's gigabytes are not."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_carries_its_tasks_and_prompts(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("autoreward_rl-*.whl")
    templates = {str(p.relative_to(ROOT)) for p in (ROOT / "autoreward").rglob("*.j2")}
    assert templates <= set(zipfile.ZipFile(wheel).namelist())
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    constraints = ROOT / "constraints.txt"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "-c", constraints, *LIGHT], check=True)
    subprocess.run([*install, "--no-deps", wheel], check=True)
    empty = tmp_path / "empty"
    empty.mkdir()
    command = [tmp_path / "venv" / "bin" / "autoreward", "tasks"]
    listed = subprocess.run(command, cwd=empty, capture_output=True, text=True, check=True).stdout
    assert "mountain-car" in listed
    assert "lunar-lander-hover" in listed
    prompt = subprocess.run([*command, "reacher", "--prompt"], cwd=empty, capture_output=True, text=True, check=True)
    assert "Bring the fingertip" in prompt.stdout
    assert not list(empty.iterdir())
