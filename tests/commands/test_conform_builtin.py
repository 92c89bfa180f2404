"""Every plugin of the build conforms: test_conform_builtin.py PREFIX..., of the libraries' names; "-" is whatever no prefix names.

A whole path is a library outside the plugins' folder.
"""

import json
import pathlib
import sys
import unittest

from support import PLUGINS, CommandTest

KINDS = ("device_", "source_", "database_")
chosen = []


def libraries():
    yield from (pathlib.Path(path) for path in chosen if "/" in path)
    for library in sorted(PLUGINS.glob("*.so")):
        kind = next((prefix for prefix in KINDS if library.name.startswith(prefix)), "-")
        if kind in chosen or any(library.name.startswith(prefix) for prefix in chosen):
            yield library


class Builtin(CommandTest):
    def without_other_devices(self):
        """A folder of plugins whose only device is the host's: each other device compares all layers and solvers itself."""
        folder = self.folder / "plugins"
        folder.mkdir()
        for library in PLUGINS.glob("*.so"):
            if not library.name.startswith("device_") or library.name == "device_cpu.so":
                (folder / library.name).symlink_to(library)
        return folder

    def test_every_plugin_conforms(self):
        if "-" in chosen:
            self.plugin_path = self.without_other_devices()
        n = 0
        for library in libraries():
            n += 1
            with self.subTest(library.name):
                done = self.run_dlrun("conform", library, "--json")
                self.assertIn(done.code, (0, 1), done.err)
                self.assertEqual(json.loads(done.out)["failures"], [])
        self.assertGreater(n, 0)


if __name__ == "__main__":
    chosen, sys.argv[1:] = sys.argv[1:], []
    unittest.main()
