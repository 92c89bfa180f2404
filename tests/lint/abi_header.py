"""What the lints of the plugin interface share: abi.h as a list of fields, and its structs as a C file."""

import re

from common import ROOT

HEADER = ROOT / "sdk/include/dlrun/abi.h"


def fields_of(header):
    """{"dlr_mem.space": "uint64_t space", ...} in the header's order."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    text = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    fields = {}
    for struct, body in re.findall(r"typedef struct (\w+) \{(.*?)\n\} \1;", text, flags=re.DOTALL):
        for declaration in filter(None, (" ".join(part.split()) for part in body.split(";"))):
            name = re.search(r"\(\*(\w+)\)|(\w+)(?:\[\w+\])*$", declaration)
            fields[f"{struct}.{name.group(1) or name.group(2)}"] = declaration
    return fields


def structs_of(fields):
    """The structs' names, in order."""
    return list(dict.fromkeys(name.split(".")[0] for name in fields))


def grows(struct, fields):
    """Whether later minors may add to its end; the others are frozen for ever."""
    return f"{struct}.size" in fields
