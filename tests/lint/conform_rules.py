"""docs/conformance.md lists the rules that the program has, in the same words, and the gallery has a wrong plugin for each: conform_rules.py DLRUN."""

import ast
import re
import sys

from common import ROOT, finish, output_of

ROW = re.compile(r"^\| ([A-Z]\d+) \| (.*) \|$")
# What N2 finds is wrong in core: a device whose copies are wrong breaks D3 or N1 first.
WITHOUT_PLUGIN = {"N2"}


def rules_of_gallery():
    """The rules that the gallery's test expects of its plugins."""
    tree = ast.parse((ROOT / "tests/commands/test_conform_gallery.py").read_text())
    tables = [call.args[1] for call in ast.walk(tree)
              if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "expect_each"]
    return {rule for table in tables for rule in ast.literal_eval(table).values()}


def main():
    known = dict(line.split(maxsplit=1) for line in output_of(sys.argv[1], "conform", "--rules").splitlines())
    rows = dict(found.groups() for found in map(ROW.match, (ROOT / "docs/conformance.md").read_text().splitlines()) if found)
    problems = [f"docs/conformance.md: rule {rule} is missing or reads otherwise; the program says: {text}"
                for rule, text in known.items() if rows.get(rule) != text]
    problems += [f"docs/conformance.md: the program has no rule {rule}" for rule in rows.keys() - known.keys()]
    broken = rules_of_gallery()
    for rule in known:
        used = [path for path in (ROOT / "core/conform").rglob("*.cpp")
                if path.name != "rules.cpp" and f'"{rule}"' in path.read_text()]
        if not used:
            problems.append(f"core/conform/rules.cpp: no check names rule {rule}")
        if rule not in broken and rule not in WITHOUT_PLUGIN:
            problems.append(f"tests/commands/test_conform_gallery.py: no wrong plugin breaks rule {rule}")
    finish(problems, len(known))


main()
