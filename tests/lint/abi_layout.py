"""Holds the memory layout of abi.h's structs against sdk/abi-layout.txt: abi_layout.py gcc|clang|--update

The list has a line `STRUCT: SIZE bytes, alignment ALIGNMENT` for every struct and a line `STRUCT.FIELD: OFFSET SIZE` for every
field, as on every 64-bit machine that dlrun runs on. A compiler's flags must not change it, and there are no holes: padding
could hold rubbish that a later field would take for a value.
"""

import pathlib
import subprocess
import sys
import tempfile

from abi_header import HEADER, fields_of, structs_of
from common import ROOT, finish, need

LIST = ROOT / "sdk/abi-layout.txt"
TITLE = "# Size, alignment and offsets of every struct of the plugin interface. Kept by tests/lint/abi_layout.py --update.\n"
FLAGS = {"default": [], "-fshort-enums": ["-fshort-enums"], "-O2 -flto": ["-O2", "-flto"]}


def program_for(fields):
    """A C program that prints the list."""
    lines = ["#include <dlrun/abi.h>", "#include <stddef.h>", "#include <stdio.h>", "int main(void) {"]
    for struct in structs_of(fields):
        lines.append(f'  printf("{struct}: %zu bytes, alignment %zu\\n", sizeof({struct}), __alignof__({struct}));')
        for name in (name for name in fields if name.startswith(struct + ".")):
            field = name.split(".")[1]
            lines.append(f'  printf("{name}: %zu %zu\\n", offsetof({struct}, {field}), sizeof((({struct}*)0)->{field}));')
    return "\n".join([*lines, "  return 0;", "}", ""])


def layout_by(compiler, flags, program):
    with tempfile.TemporaryDirectory() as folder:
        binary = pathlib.Path(folder) / "layout"
        subprocess.run([compiler, "-std=c99", *flags, f"-I{ROOT / 'sdk/include'}", "-x", "c", "-", "-o", binary],
                       input=program, text=True, check=True)
        return subprocess.run([binary], capture_output=True, text=True, check=True).stdout


def hole_problems(layout):
    """Each field begins where the one before it ends, and the struct ends with the last one."""
    sizes, ends = {}, {}
    for line in layout.splitlines():
        name, facts = line.split(": ")
        if "." not in name:
            sizes[name] = int(facts.split()[0])
            continue
        struct = name.split(".")[0]
        offset, size = map(int, facts.split())
        if offset != ends.get(struct, 0):
            yield f"{name}: {offset - ends.get(struct, 0)} bytes of padding before it; name them `reserved`"
        ends[struct] = offset + size
    yield from (f"{struct}: padding at its end; name it `reserved`" for struct, size in sizes.items() if size != ends[struct])


def differences(listed, found, flags):
    known = dict(line.split(": ") for line in listed.splitlines() if not line.startswith("#"))
    now = dict(line.split(": ") for line in found.splitlines())
    for name in {**known, **now}:
        if known.get(name) != now.get(name):
            yield (f"{name}: listed as `{known.get(name, 'absent')}`, is `{now.get(name, 'absent')}` ({flags}); "
                   f"if abi.h was meant to change, run {__file__} --update")


def syntax_problems(compiler):
    """The header alone needs no 64-bit machine; without the C library, whose 32-bit headers are rarely there."""
    run = subprocess.run([compiler, "-m32", "-ffreestanding", "-fsyntax-only", "-std=c99", "-Wall", "-Wextra", "-Werror", "-x", "c", HEADER],
                         capture_output=True, text=True, check=False)
    return [f"with -m32:\n{run.stderr}"] if run.returncode != 0 else []


def main():
    fields = fields_of(HEADER.read_text())
    program = program_for(fields)
    if sys.argv[1:] == ["--update"]:
        LIST.write_text(TITLE + layout_by(need("gcc"), [], program))
        return
    compiler = need(sys.argv[1])
    problems = syntax_problems(compiler)
    for name, flags in FLAGS.items():
        problems += differences(LIST.read_text(), layout_by(compiler, flags, program), name)
    finish(problems + list(hole_problems(layout_by(compiler, [], program))), len(fields))


main()
