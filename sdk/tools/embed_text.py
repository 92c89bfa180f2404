#!/usr/bin/env python3
"""Turns a plugin's text file into a C and C++ header: embed_text.py INPUT OUTPUT.

relu.proto     becomes `static const char relu_proto[]` (inline constexpr in C++: one array, however many sources include it).
relu.kernel.h  becomes `relu_kernel[]` likewise, and in C++ also `kernels::NAME` for each kernel in it.
"""

import pathlib
import re
import sys

LONGEST_LINE = 2000  # characters of a literal; C99 promises no more than 4095


def to_literal(text):
    """The text as adjacent C string literals, one a line."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "?": "\\?"}
    lines = []
    for line in text.splitlines(keepends=True):
        for start in range(0, len(line), LONGEST_LINE):
            piece = line[start : start + LONGEST_LINE]
            lines.append('    "' + "".join(escapes.get(letter, letter) for letter in piece) + '"')
    return "\n".join(lines) or '    ""'


def to_header(source, text):
    stem, _, rest = source.name.partition(".")
    kind = rest.split(".")[0]
    variable = re.sub(r"\W", "_", f"{stem}_{kind}")
    header = f"/* Made from {source.name} by embed_text.py. */\n"
    header += f"#ifdef __cplusplus\ninline constexpr char {variable}[] =\n#else\nstatic const char {variable}[] =\n#endif\n"
    header += f"{to_literal(text)};\n"
    if kind == "kernel":
        header += (
            "#ifdef __cplusplus\n"
            f'#define DLR_KERNEL_FILE "{source.name}"\n'
            f"#define DLR_KERNEL_TEXT {variable}\n"
            f"#define DLR_KERNEL_USES_ATOMICS {int('DLR_ATOMIC_ADD' in text)}\n"
            "#include <dlrun/kernel_declare.h>\n"
            "#undef DLR_KERNEL_USES_ATOMICS\n"
            "#undef DLR_KERNEL_TEXT\n"
            "#undef DLR_KERNEL_FILE\n"
            "#endif\n"
        )
    return header


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: embed_text.py INPUT OUTPUT")
    source, target = map(pathlib.Path, sys.argv[1:])
    target.write_text(to_header(source, source.read_text(encoding="utf-8")), encoding="utf-8")


main()
