"""Holds sdk/abi-fields.txt against sdk/include/dlrun/abi.h: abi_fields.py [--update]

The list has a line `MINOR STRUCT.FIELD: DECLARATION` for every field, in the header's order, MINOR being that of the interface
that introduced the field. --update adds what is new, with the header's minor; what is listed is frozen, and it refuses to change or remove that.
"""

import re
import sys

from abi_header import HEADER, fields_of, grows
from common import ROOT, finish

FIRST = 3  # minor that plugins can aim at
LIST = ROOT / "sdk/abi-fields.txt"
TITLE = "# Every field of the plugin interface, with the minor version that introduced it. Kept by tests/lint/abi_fields.py --update.\n"


def read_list():
    """{"dlr_mem.space": (minor, declaration), ...}"""
    listed = {}
    for line in LIST.read_text().splitlines() if LIST.exists() else []:
        if not line.startswith("#"):
            minor, name, declaration = re.fullmatch(r"(\d+) ([\w.]+): (.*)", line).groups()
            listed[name] = (int(minor), declaration)
    return listed


def order_problems(fields, listed):
    """A struct only grows at its end, and one without `size` never."""
    last = {}
    for name in fields:
        struct = name.split(".")[0]
        minor = listed[name][0] if name in listed else sys.maxsize
        if minor < last.get(struct, 0):
            yield f"{name}: stands behind a newer field; structs grow at their end"
        if struct in last and minor != last[struct] and not grows(struct, fields):
            yield f"{name}: was added to a frozen struct"
        last[struct] = max(minor, last.get(struct, 0))


def target_problems(header, listed, current):
    """A plugin that aims at an older host sees the fields of that minor (DLR_TARGET_MINOR); minors before FIRST can't be aimed at."""
    for target in range(FIRST, current):
        block = re.compile(r"^#if DLR_TARGET_MINOR >= (\d+)\n(.*?)^#endif\n", re.MULTILINE | re.DOTALL)
        seen = fields_of(block.sub(lambda match, most=target: match[2] if int(match[1]) <= most else "", header))
        for name, (minor, _) in listed.items():
            if (name in seen) != (minor <= target):
                yield f"{name}: belongs to minor {minor}, so it stands within `#if DLR_TARGET_MINOR >= {minor}`"


def main():
    header = HEADER.read_text()
    current = int(re.search(r"#define DLR_ABI_MINOR (\d+)", header).group(1))
    fields = fields_of(header)
    listed = read_list()
    frozen_problems = [f"{name}: listed, but gone from the header" for name in listed if name not in fields]
    frozen_problems += [f"{name}: was `{listed[name][1]}`, now `{fields[name]}`"
                        for name in fields if name in listed and listed[name][1] != fields[name]]
    if sys.argv[1:] == ["--update"] and not frozen_problems:
        lines = [f"{listed[name][0] if name in listed else current} {name}: {fields[name]}\n" for name in fields]
        LIST.write_text(TITLE + "".join(lines))
        return
    problems = [f"{name}: not in {LIST.name}; run {__file__} --update" for name in fields if name not in listed]
    problems += frozen_problems
    problems += [f"{name}: minor {minor} is newer than the header's" for name, (minor, _) in listed.items() if minor > current]
    finish(problems + list(order_problems(fields, listed)) + list(target_problems(header, listed, current)), len(fields))


main()
