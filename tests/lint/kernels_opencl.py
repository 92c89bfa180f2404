"""Every kernel file passes clang's OpenCL C 1.2 front end, in float and double; the float build holds no double."""

import re
import subprocess

from common import ROOT, finish, need, sources

FRONT_END = ["-x", "cl", "-cl-std=CL1.2", "--target=spir64", "-Xclang", "-finclude-default-header", "-Werror",
             "-Wno-unused-function", f"-I{ROOT / 'sdk/include'}"]


def source_of(kernel, real_bits, index_bits):
    """The text that an OpenCL device compiles, but for the entry points."""
    return (f"#define DLR_REAL_BITS {real_bits}\n#define DLR_INDEX_BITS {index_bits}\n"
            f"#include <dlrun/kernel_opencl.h>\n#include \"{ROOT / kernel}\"\n")


def run_clang(clang, source, *flags):
    return subprocess.run([clang, *FRONT_END, *flags, "-"], input=source, capture_output=True, text=True, check=False)


def doubles_in(clang, source):
    """Lines of unoptimised LLVM text that work on doubles; without `static` every function is in it."""
    run = run_clang(clang, source, "-O0", "-S", "-emit-llvm", "-Dstatic=", "-Dinline=", "-o", "-")
    return [line.strip() for line in run.stdout.splitlines() if re.search(r"\bdouble\b", line)]


def main():
    clang = need("clang")
    problems = []
    checked = 0
    for kernel in sources("core", "plugins", "devices", "solvers", "sdk/template", suffixes=(".h",)):
        if not kernel.name.endswith(".kernel.h"):
            continue
        for real_bits in (32, 64):
            for index_bits in (32, 64):
                run = run_clang(clang, source_of(kernel, real_bits, index_bits), "-fsyntax-only")
                checked += 1
                if run.returncode != 0:
                    problems.append(f"{kernel}, {real_bits}-bit reals, {index_bits}-bit indices:\n{run.stderr}")
        for line in doubles_in(clang, source_of(kernel, 32, 32)):
            problems.append(f"{kernel}: the float build computes in double: {line}")
    finish(problems, checked)


main()
