#!/usr/bin/env python3
"""Holds docs/layers/ against what the plugins say of themselves: layer_docs.py DLRUN PLUGINS [--update]."""

import json
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docs/layers"
KINDS = ("layer", "source")


def run(dlrun, plugins, *args):
    return subprocess.run([dlrun, *args, "--plugin-path", plugins], check=True, capture_output=True, text=True).stdout


def pages(dlrun, plugins):
    listed = json.loads(run(dlrun, plugins, "plugins", "list", "--json"))
    names = sorted({entry["name"] for entry in listed["provided"] if entry["kind"] in KINDS})
    made = {f"{name}.md": run(dlrun, plugins, "show", name, "--markdown") for name in names}
    index = "".join(f"- [{name}]({name}.md)\n" for name in names)
    made["README.md"] = "# Layers and data sources\n\nMade from the plugins by `tests/lint/layer_docs.py --update`.\n\n" + index
    return made


def main():
    made = pages(*sys.argv[1:3])
    if "--update" in sys.argv:
        FOLDER.mkdir(exist_ok=True)
        for old in FOLDER.glob("*.md"):
            old.unlink()
        for name, text in made.items():
            (FOLDER / name).write_text(text, encoding="utf-8")
        return
    kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    stale = sorted(name for name in made.keys() | kept.keys() if made.get(name) != kept.get(name))
    if stale:
        sys.exit(f"docs/layers is out of date: {', '.join(stale)}; run tests/lint/layer_docs.py DLRUN PLUGINS --update")


main()
