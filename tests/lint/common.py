"""What the lints share: the tracked sources, running tools, and how a lint ends."""

import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = 77  # Meson's exit code for a test that could not run


def sources(*folders, suffixes=(".c", ".h", ".cpp", ".hpp")):
    """The files under the folders of the repository, as paths relative to its root."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file():
                yield path.relative_to(ROOT)


def need(tool):
    """The path of a program; without it the lint is skipped."""
    path = shutil.which(tool)
    if path is None:
        print(f"skipped: {tool} isn't installed")
        sys.exit(SKIPPED)
    return path


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def finish(problems, checked):
    """Prints the problems and ends the lint; nothing checked is a problem too."""
    for problem in problems:
        print(problem)
    print(f"{checked} checked, {len(problems)} problems")
    sys.exit(1 if problems or checked == 0 else 0)
