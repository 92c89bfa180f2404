"""A plugin built without the version script and with every symbol visible shares no variable of the SDK with another one.

Inline variables are otherwise one in a process, however libraries are opened: the second plugin with a kernel of the same name
would run the first one's code.
"""

import pathlib
import tempfile

from common import ROOT, finish, need, output_of

KERNEL = "DLR_KERNEL(same_name, DLR_OUT(real) y) {\n  DLR_FOR(i) y[i] = R(1);\n}\n"
PLUGIN = """
#define DLR_KERNEL_FILE "same.kernel.h"
#define DLR_KERNEL_TEXT ""
#define DLR_KERNEL_USES_ATOMICS 0
#include <dlrun/kernel_declare.h>
#include <dlrun/plugin.hpp>
const dlr_kernel* shown_kernel() { return &kernels::same_name; }
const dlr_host* shown_host() { return &dlrun::host(); }
"""


def main():
    compiler, readelf = need("g++"), need("readelf")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "same.kernel.h").write_text(KERNEL)
        (folder / "plugin.cpp").write_text(PLUGIN)
        output_of(compiler, "-std=c++17", "-shared", "-fPIC", f"-I{ROOT / 'sdk/include'}", f"-I{folder}",
                  folder / "plugin.cpp", "-o", folder / "plugin.so")
        listed = output_of(readelf, "--wide", "--dyn-syms", folder / "plugin.so").splitlines()
    shared = [line.split()[-1] for line in listed if " UNIQUE " in line]
    problems = [f"{symbol}: one for all plugins of a process" for symbol in shared if "kernels" in symbol or "dlrun" in symbol]
    finish(problems, sum("shown_" in line for line in listed))


if __name__ == "__main__":
    main()
