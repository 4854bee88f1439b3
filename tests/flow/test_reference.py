"""The pages in docs/reference and the schema are what the program prints today."""
import pathlib
import subprocess

from kit import gateway

ROOT = pathlib.Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


def printed(*args):
    return subprocess.run([gateway.binary(), *args], capture_output=True, text=True, check=True, timeout=10).stdout


def test_the_schema_is_the_one_that_is_printed():
    assert (ROOT / "schema" / "v1.json").read_text(encoding="utf-8") == printed("schema"), "run make docs"


def test_the_reference_page_is_the_one_that_is_printed():
    assert (REFERENCE / "configuration.md").read_text(encoding="utf-8") == printed("schema", "--markdown"), "run make docs"


def test_the_command_line_page_is_the_one_that_is_printed():
    assert (REFERENCE / "command-line.md").read_text(encoding="utf-8") == printed("help", "--markdown"), "run make docs"
