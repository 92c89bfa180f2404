"""Includes point one way: plugins, devices and solvers -> sdk; core -> sdk and core; sdk -> itself.

A plugin may also include files of its own folder, by their bare names. What the build makes ends in ".inc".
"""

import re

from common import ROOT, finish, sources

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')
OURS = ("core/", "sdk/", "plugins/", "devices/", "solvers/", "tests/")
PLUGIN_FOLDERS = ("plugins", "devices", "solvers")
SDK_PLUGIN = ("sdk", "strict")  # a plugin that the SDK brings


def is_allowed(path, bracket, name):
    part = path.parts[0]
    if name.startswith("dlrun/"):
        return bracket == "<" and (ROOT / "sdk/include" / name).exists()
    if bracket == "<":
        return not name.startswith(OURS)
    if name.endswith(".inc"):
        return part != "sdk"
    if part == "core":
        return name.startswith("core/") and ((ROOT / name).exists() or (ROOT / f"{name}.in").exists())
    included = ((ROOT / path).parent / name).resolve()
    return (part in PLUGIN_FOLDERS or path.parts[:2] == SDK_PLUGIN) and included.exists() and included.is_relative_to(ROOT.joinpath(*path.parent.parts[:2]))


def main():
    problems = []
    checked = 0
    for path in sources("core", "sdk", *PLUGIN_FOLDERS):
        if "template" in path.parts:
            continue  # a project of its own: only <dlrun/...> exists for it
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            checked += 1
            if not is_allowed(path, *found.groups()):
                problems.append(f"{path}:{number}: {path.parts[0]} must not include {found.group(2)}")
    finish(problems, checked)


main()
