"""Each public header compiles alone, without a warning: headers.py COMPILER (gcc or clang; the C++ compiler is beside it)."""

import subprocess
import sys

from common import ROOT, finish, need, sources

C_HEADERS = ("abi.h", "profiler.h", "random.h")
# Pieces of the kernel dialect, compiled only as part of a kernel's build.
PIECES = ("kernel_build.h", "kernel_declare.h", "kernel_cuda.h", "kernel_opencl.h", "kernel_random.h")
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", f"-I{ROOT / 'sdk/include'}"]
LANGUAGES = {
    "c": ["-std=c99", "-Wstrict-prototypes"],
    "c-short-enums": ["-std=c99", "-fshort-enums"],
    "c++": ["-std=c++17"],
    "c++20": ["-std=c++20"],
}


def main():
    c_compiler = need(sys.argv[1])
    cpp_compiler = need({"gcc": "g++", "clang": "clang++"}[sys.argv[1]])
    problems = []
    checked = 0
    for path in sources("sdk/include/dlrun", suffixes=(".h", ".hpp")):
        if path.name in PIECES:
            continue
        for name, flags in LANGUAGES.items():
            is_c = not name.startswith("c++")
            if is_c and path.name not in C_HEADERS:
                continue
            language = "c" if is_c else "c++"
            run = subprocess.run(
                [c_compiler if is_c else cpp_compiler, *WARNINGS, *flags, "-x", language, "-"],
                input=f"#include <dlrun/{path.name}>\n", capture_output=True, text=True, check=False,
            )
            checked += 1
            if run.returncode != 0:
                problems.append(f"{path} as {name}:\n{run.stderr}")
    finish(problems, checked)


main()
