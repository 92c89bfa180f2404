"""What the tests of plugins built outside the tree share: dlrun installed to a folder of its own, and builds against that alone."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from support import BUILD, CommandTest


class OutsideTest(CommandTest):
    """`self.stage` is an installation of this build, which pkg-config finds in `build_project`."""

    plugin_path = None  # the plugins beside the binary, and those that a test adds

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._stage = tempfile.TemporaryDirectory(prefix="dlrun-stage-")
        cls.addClassCleanup(cls._stage.cleanup)
        cls.stage = pathlib.Path(cls._stage.name)
        subprocess.run(["meson", "install", "-C", BUILD, "--destdir", cls.stage, "--no-rebuild", "--quiet"], check=True,
                       stdout=subprocess.DEVNULL)
        description = next(cls.stage.rglob("dlrun-sdk.pc"))
        cls.prefix = description.parents[2]
        cls.include = cls.prefix / "include"
        cls.pkgconfig = cls.stage / "pkgconfig"
        cls.pkgconfig.mkdir()
        lines = description.read_text(encoding="utf-8").splitlines()
        moved = [f"prefix={cls.prefix}" if line.startswith("prefix=") else line for line in lines]
        (cls.pkgconfig / "dlrun-sdk.pc").write_text("\n".join(moved) + "\n", encoding="utf-8")

    def build_project(self, source, **environment):
        """Builds a folder that is a project of its own, as its user does; returns the one library."""
        environment = {**os.environ, "PKG_CONFIG_PATH": str(self.pkgconfig), **environment}
        for command in (["meson", "setup", "build"], ["ninja", "-C", "build"]):
            done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        (library,) = (source / "build").glob("*.so")
        return library

    def build_installed(self, name, **environment):
        """A folder of the installed SDK ("template/layer", "strict"), copied and built."""
        source = self.folder / pathlib.Path(name).name
        shutil.copytree(self.prefix / "share/dlrun" / name, source)
        return self.build_project(source, **environment)

    def losses(self, log):
        return [json.loads(line)["loss"] for line in (self.folder / log).read_text(encoding="utf-8").splitlines() if '"loss"' in line]
