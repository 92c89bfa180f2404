"""The tree's own devices need nothing of the tree: each builds from its folder against the installed SDK alone, and runs."""

import json
import shutil

from outside import OutsideTest
from support import PLUGINS, SOURCE, main


class OutsideDevices(OutsideTest):
    def build_device(self, device):
        """The device's folder, with the project file of tests/outside in place of the tree's list of it."""
        if not (PLUGINS / f"device_{device}.so").exists():
            self.skipTest(f"this build has no device {device}")
        source = self.folder / device
        shutil.copytree(SOURCE / "devices" / device, source)
        shutil.copy(SOURCE / "tests/outside" / device / "meson.build", source)
        return self.build_project(source)

    def devices(self, library):
        """What `dlrun devices` says when there are this device and cpu, which runs what others leave to the host."""
        plugins = self.folder / "plugins"
        plugins.mkdir()
        for file in (library, PLUGINS / "device_cpu.so", PLUGINS / "device_cpu.manifest.yaml"):
            shutil.copy(file, plugins)
        done = self.expect_ok("devices", "--json", "--plugin-path", plugins)
        return {entry["device"]: entry for entry in json.loads(done.out)}

    def check_opens(self, device, library):
        found = self.devices(library)[device]
        self.assertGreaterEqual(found["level"], 2, found)

    def test_onednn(self):
        self.check_opens("onednn", self.build_device("onednn"))

    def test_opencl(self):
        self.check_opens("opencl", self.build_device("opencl"))

    def test_cuda_without_a_gpu_says_why(self):
        found = self.devices(self.build_device("cuda"))["cuda"]
        self.assertTrue("level" in found or found.get("reason"), found)

    def test_strict_is_installed_with_the_sdk(self):
        self.check_opens("strict", self.build_installed("strict"))


if __name__ == "__main__":
    main()
