"""What the tests of commands share: running dlrun, and reading its files without its code."""

import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("DLRUN_SOURCE_ROOT", pathlib.Path(__file__).parents[2]))
BUILD = pathlib.Path(os.environ.get("DLRUN_BUILD_ROOT", SOURCE / "build"))
DLRUN = BUILD / "dlrun"
PLUGINS = BUILD / "plugins"
TRAIN_TIMEOUT = 600  # seconds; sanitizer builds are slow


class Finished:
    """A command's end: exit code and what it printed."""

    def __init__(self, process):
        self.code = process.returncode
        self.out = process.stdout
        self.err = process.stderr


class CommandTest(unittest.TestCase):
    """Each test has a folder of its own, `self.folder`, and runs dlrun in it."""

    timeout = TRAIN_TIMEOUT
    plugin_path = PLUGINS  # for --plugin-path; None: the search as it is

    def setUp(self):
        self._folder = tempfile.TemporaryDirectory(prefix="dlrun-test-")
        self.addCleanup(self._folder.cleanup)
        self.folder = pathlib.Path(self._folder.name)

    def environment(self, **extra):
        # Nothing of the machine's own plugins or caches: only what this build made.
        environment = {**os.environ, "XDG_CACHE_HOME": str(self.folder / "cache"), "XDG_DATA_HOME": str(self.folder / "data")}
        environment.pop("DLRUN_PLUGIN_PATH", None)
        return {**environment, **extra}

    def command(self, *args):
        words = [str(DLRUN), *map(str, args)]
        return words if self.plugin_path is None else [*words, "--plugin-path", str(self.plugin_path)]

    def run_dlrun(self, *args, cwd=None, env=None):
        process = subprocess.run(
            self.command(*args), cwd=cwd or self.folder, env=env or self.environment(),
            capture_output=True, text=True, timeout=self.timeout, check=False)
        return Finished(process)

    def start_dlrun(self, *args):
        return subprocess.Popen(
            self.command(*args), cwd=self.folder, env=self.environment(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def expect_ok(self, *args, **options):
        done = self.run_dlrun(*args, **options)
        self.assertEqual(done.code, 0, f"dlrun {args}\n{done.out}\n{done.err}")
        return done

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


def fields(message):
    """Walks a protobuf message: (field number, value) with ints, or bytes for strings, messages and packed fields."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        tag = varint()
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            yield number, varint()
        elif wire == 2:
            length = varint()
            yield number, message[at:at + length]
            at += length
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
            yield number, message[at:at + size]
            at += size
        else:
            raise ValueError(f"wire type {wire} at {at}")


def blob_values(blob):
    """The floats of a BlobProto (field 5, packed)."""
    return [value for number, data in fields(blob) if number == 5 for value in struct.unpack(f"<{len(data) // 4}f", data)]


def caffemodel(path):
    """{layer name: [values of each blob]} of a binary .caffemodel (layer = 100: name = 1, blobs = 7)."""
    layers = {}
    for number, layer in fields(pathlib.Path(path).read_bytes()):
        if number != 100:
            continue
        content = list(fields(layer))
        name = next(value for field, value in content if field == 1).decode()
        layers[name] = [blob_values(value) for field, value in content if field == 7]
    return layers


def largest_error(found, expected):
    """(largest difference, largest value) over two lists of blobs."""
    return max(
        ((max(abs(a - b) for a, b in zip(x, y, strict=True)), max(map(abs, y))) for x, y in zip(found, expected, strict=True)),
        key=lambda pair: pair[0] - 1e-3 * pair[1])


main = unittest.main
