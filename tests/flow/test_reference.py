"""The pages and the schema in docs/reference are what the program prints today."""
import pathlib
import subprocess

from kit import gateway

REFERENCE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference"


def printed(*args):
    return subprocess.run([gateway.binary(), "schema", *args], capture_output=True, text=True, check=True, timeout=10).stdout


def test_the_schema_is_the_one_that_is_printed():
    assert (REFERENCE / "schema.json").read_text(encoding="utf-8") == printed(), "run make docs"


def test_the_reference_page_is_the_one_that_is_printed():
    assert (REFERENCE / "configuration.md").read_text(encoding="utf-8") == printed("--markdown"), "run make docs"
