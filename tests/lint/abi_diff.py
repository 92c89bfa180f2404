"""Holds abi.h against the dump of it that was kept, sdk/abi.xml, with libabigail: abi_diff.py [guard|--update]

Structs that begin with `size` may get fields at their end, and there may be new structs; every other change fails. What is
allowed is cut from a copy of the header first, because abidiff's own rule for it also lets other changes of such a struct pass.
`guard` proves all this: it changes a copy of the header in each way that the rules know and looks at the verdict. Unlike
abi_layout.py, abidiff sees types change that keep their size: an argument of a function, a signed integer where there was an
unsigned one.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

from abi_header import HEADER, fields_of, grows, structs_of
from common import ROOT, finish, need

DUMP = ROOT / "sdk/abi.xml"
ANY_CHANGE = 12  # the bits of abidiff's exit code that say ABI_CHANGE and ABI_INCOMPATIBLE_CHANGE
NEW_FIELD = "  uint64_t added;\n"
# What is done to the header, and whether it is allowed: (description, old text, new text, allowed).
CHANGES = [
    ("nothing", "", "", True),
    ("a field at the end of a sized struct", "} dlr_update;", NEW_FIELD + "} dlr_update;", True),
    ("a new struct", "typedef struct dlr_plugin {", "typedef struct dlr_new {\n  uint64_t size;\n} dlr_new;\ntypedef struct dlr_plugin {", True),
    ("a struct gone", "typedef struct dlr_schedule_type {", "typedef struct dlr_schedules {", False),
    ("a field at the end of a frozen struct", "} dlr_mem;", NEW_FIELD + "} dlr_mem;", False),
    ("a field in the middle", "  int64_t iteration; /* from 0 */\n", NEW_FIELD + "  int64_t iteration;\n", False),
    ("a field gone", "  double rate;       /* the schedule's rate times the parameter's lr_mult */\n", "", False),
    ("another type of the same size", "  int64_t iteration; /* from 0 */", "  double iteration;", False),
    ("another sign", "  int32_t score;", "  uint32_t score;", False),
    ("a function's argument", "void (*close_decoder)(dlr_decoder*);", "void (*close_decoder)(dlr_decoder*, int32_t);", False),
    ("a callback's argument", "(void* context, int64_t begin, int64_t end)", "(void* context, int32_t begin, int64_t end)", False),
    ("the entry's argument", "dlrun_plugin_query(uint32_t host_major,", "dlrun_plugin_query(uint64_t host_major,", False),
    ("a field at the end, and another type before it", "  double rate;       /* the schedule's rate times the parameter's lr_mult */\n",
     "  int64_t rate;\n" + NEW_FIELD, False),
]


def dumped_structs():
    """{"dlr_mem": 4, ...}: how many fields each struct of the dump has."""
    counts = {}
    for struct in xml.etree.ElementTree.parse(DUMP).iter("class-decl"):
        if struct.get("is-declaration-only") != "yes":
            counts[struct.get("name")] = len(struct.findall("data-member"))
    return counts


def without_growth(header, counts):
    """The header with no more fields in each sized struct than it has in the dump."""
    def cut(match):
        fields = match.group(2).split(";")[:-1]
        kept = fields[:counts.get(match.group(1))] if grows(match.group(1), all_fields) else fields
        return f"typedef struct {match.group(1)} {{{';'.join([*kept, ''])}\n}} {match.group(1)};"
    all_fields = fields_of(header)
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    return re.sub(r"typedef struct (\w+) \{(.*?)\n\} \1;", cut, text, flags=re.DOTALL)


def library_of(header, structs, folder):
    """A library with debug information, whose one function has the structs and the plugins' entry in its signature."""
    signature = ", ".join([*(f"{struct}*" for struct in structs), "dlr_plugin_query_fn", "__typeof__(&dlrun_plugin_query)"])
    (folder / "abi.h").write_text(header)
    (folder / "surface.c").write_text(f'#include "abi.h"\nvoid surface({signature});\nvoid surface({signature}) {{}}\n')
    # From within the folder, whose name would be in the dump.
    subprocess.run([need("gcc"), "-std=gnu2x", "-g", "-shared", "-fPIC", "surface.c", "-o", "surface.so"], cwd=folder, check=True)
    return folder / "surface.so"


def dump(library, target):
    subprocess.run([need("abidw"), "--no-corpus-path", "--no-comp-dir-path", "--no-elf-needed", "--no-show-locs",
                    "--out-file", target, library], check=True)


def difference(header):
    """What abidiff finds between the dump that was kept and a header, less what is allowed."""
    counts = dumped_structs()
    gone = [struct for struct in counts if struct not in structs_of(fields_of(header))]
    if gone:
        return f"gone: {', '.join(gone)}"
    with tempfile.TemporaryDirectory() as folder:
        structs = [struct for struct in structs_of(fields_of(header)) if struct in counts]
        library = library_of(without_growth(header, counts), structs, pathlib.Path(folder))
        run = subprocess.run([need("abidiff"), DUMP, library], capture_output=True, text=True, check=False)
    if run.returncode & ~ANY_CHANGE:
        sys.exit(f"abidiff failed: {run.stdout}{run.stderr}")
    return run.stdout if run.returncode else ""


def guard_problems(header):
    for what, old, new, allowed in CHANGES:
        if header.count(old) != 1 and old:
            yield f"{what}: `{old.strip()}` stands {header.count(old)} times in abi.h; mend CHANGES"
        elif (difference(header.replace(old, new) if old else header) == "") != allowed:
            yield f"{what}: {'found' if allowed else 'not found'}"


def main():
    need("abidiff")
    header = HEADER.read_text()
    if sys.argv[1:] == ["--update"]:
        with tempfile.TemporaryDirectory() as folder:
            dump(library_of(header, structs_of(fields_of(header)), pathlib.Path(folder)), DUMP)
        return
    if sys.argv[1:] == ["guard"]:
        finish(list(guard_problems(header)), len(CHANGES))
    found = difference(header)
    finish([f"{found}\nif abi.h was meant to change, run {__file__} --update"] if found else [], 1)


main()
