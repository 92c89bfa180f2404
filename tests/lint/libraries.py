"""Built plugins: libraries.py exports|threads LIBRARY...

exports: dlrun_plugin_query is the one symbol that a library shows.
threads: no library outside devices/ brings a threading runtime of its own.
"""

import pathlib
import sys

from common import finish, need, output_of

RUNTIMES = ("libgomp", "libomp", "libiomp", "libtbb")


def exports_problem(library):
    shown = [line.split()[-1].split("@")[0] for line in output_of(need("nm"), "-D", "--defined-only", library).splitlines()]
    if shown != ["dlrun_plugin_query"]:
        return f"{library}: exports {', '.join(shown) or 'nothing'}; must export dlrun_plugin_query alone"
    return None


def threads_problem(library):
    if pathlib.Path(library).name.startswith("device_"):
        return None
    needed = [line for line in output_of(need("readelf"), "-d", library).splitlines() if "(NEEDED)" in line]
    found = [line.split("[")[1].rstrip("]") for line in needed if any(runtime in line for runtime in RUNTIMES)]
    return f"{library}: links {', '.join(found)}; use the host's parallel_for" if found else None


def main():
    check = {"exports": exports_problem, "threads": threads_problem}[sys.argv[1]]
    libraries = sys.argv[2:]
    finish([problem for problem in map(check, libraries) if problem], len(libraries))


main()
