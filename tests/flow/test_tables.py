"""The reference pages that are written from tables say what the tables say."""
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_reference_pages_are_those_of_the_tables():
    run = subprocess.run(["/usr/bin/python3", "tools/tables.py", "--check"], cwd=ROOT, capture_output=True, text=True,
                         check=False)
    assert run.returncode == 0, run.stdout
