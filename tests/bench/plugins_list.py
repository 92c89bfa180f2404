"""Start-up: `dlrun plugins list` with 300 manifests and a warm index, in milliseconds.

    plugins_list.py DLRUN NUMBERED_SO [LIMIT_MS]

NUMBERED_SO is tests/plugins/numbered.so. Prints the shortest of several runs (the machine may be busy) and fails when
that is over the limit.
"""

import hashlib
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

N_PLUGINS = 300
N_RUNS = 20


def make_plugins(dlrun, model, folder):
    library = model.read_bytes()
    subprocess.run([dlrun, "manifest", model, "-o", folder / "model.yaml"], check=True)
    manifest = (folder / "model.yaml").read_text()
    for i in range(N_PLUGINS):
        digits = f"umbered{i:04d}"
        copy = library.replace(b"umbered0000", digits.encode())
        text = manifest.replace("umbered0000", digits)
        text = text.replace(hashlib.sha256(library).hexdigest(), hashlib.sha256(copy).hexdigest())
        (folder / f"plugin{i:04d}.so").write_bytes(copy)
        (folder / f"plugin{i:04d}.manifest.yaml").write_text(text)


def measure(command, environment):
    """Wall and processor time of one run in milliseconds, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    wall = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall * 1000, processor * 1000, done.stdout.decode()


def main():
    dlrun, model = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    limit = float(sys.argv[3]) if len(sys.argv) > 3 else 30.0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_plugins(dlrun, model, folder)
        environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
        command = [dlrun, "plugins", "list", "--plugin-path", folder]
        cold, _, listing = measure(command, environment)
        if listing.count("org.example.numbered") != N_PLUGINS:
            sys.exit(f"expected {N_PLUGINS} plugins, found:\n{listing}")
        runs = [measure(command, environment) for _ in range(N_RUNS)]
    warm = min(run[0] for run in runs)
    processor = min(run[1] for run in runs)
    print(f"plugins list, {N_PLUGINS} manifests: warm {warm:.1f} ms ({processor:.1f} ms of processor), cold {cold:.0f} ms")
    if warm > limit:
        sys.exit(f"over the limit of {limit:g} ms")


if __name__ == "__main__":
    main()
