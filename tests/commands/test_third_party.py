"""A stranger's layers: built outside the tree against the installed SDK alone, in C++, plain C, and with another C++ library."""

import json
import os
import shutil
import subprocess

from support import BUILD, SOURCE, CommandTest, main

NET = """
name: "third_party"
layer {{ name: "data" type: "DummyData" top: "x" top: "target"
  dummy_data_param {{ shape {{ dim: 16 dim: 8 }} shape {{ dim: 16 dim: 1 }}
    data_filler {{ type: "gaussian" }} data_filler {{ type: "constant" value: 0.5 }} }} }}
layer {{ name: "hidden" type: "InnerProduct" bottom: "x" top: "hidden"
  inner_product_param {{ num_output: 16 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "foreign" bottom: "hidden" top: "foreign" {layer} }}
layer {{ name: "out" type: "InnerProduct" bottom: "foreign" top: "out"
  inner_product_param {{ num_output: 1 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "loss" type: "EuclideanLoss" bottom: "out" bottom: "target" top: "loss" }}
"""
SOLVER = 'net: "net.prototxt" type: "SGD" base_lr: 0.05 lr_policy: "fixed" max_iter: 40 snapshot_prefix: "prototxt" random_seed: 1\n'


class ThirdParty(CommandTest):
    plugin_path = None  # the plugins beside the binary, and those that a test adds

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stage = BUILD / "third-party-stage"
        shutil.rmtree(cls.stage, ignore_errors=True)
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

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.stage, ignore_errors=True)
        super().tearDownClass()

    def build_template(self, **environment):
        """The template as a user has it: a folder of its own, pkg-config, Meson."""
        source = self.folder / "swish"
        shutil.copytree(SOURCE / "sdk/template/layer", source)
        environment = {**os.environ, "PKG_CONFIG_PATH": str(self.pkgconfig), **environment}
        for command in (["meson", "setup", "build"], ["ninja", "-C", "build"]):
            done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return source / "build/swish.so"

    def drop(self, library):
        folder = self.folder / "dropped"
        folder.mkdir(exist_ok=True)
        shutil.copy(library, folder)
        return folder

    def train_both_ways(self, folder, prototxt_layer, yaml_layer):
        """Trains the same net from both syntaxes with the plugin dropped into a folder; the weights must be the same."""
        self.write("net.prototxt", NET.format(layer=prototxt_layer))
        self.write("solver.prototxt", SOLVER)
        self.write("job.yaml", YAML.format(layer=yaml_layer, plugins=folder))
        self.expect_ok("train", "solver.prototxt", "--device", "cpu", "--plugin", folder, "--log", "log.jsonl")
        self.expect_ok("train", "job.yaml", "--device", "cpu")
        self.assertEqual((self.folder / "prototxt_iter_40.caffemodel").read_bytes(),
                         (self.folder / "yaml_iter_40.caffemodel").read_bytes())
        losses = [float(line.split('"loss":')[1].split(",")[0]) for line in (self.folder / "log.jsonl").read_text().splitlines()]
        self.assertLess(losses[-1], losses[0])

    def test_the_template_trains_with_its_parameters_in_both_syntaxes(self):
        folder = self.drop(self.build_template())
        self.train_both_ways(folder, 'type: "Swish" swish_param { beta: 1.5 }', "{type: Swish, swish_param: {beta: 1.5}}")

    def test_its_own_job_runs(self):
        library = self.build_template()
        self.expect_ok("train", library.parents[1] / "train.yaml", "--plugin", library, "--device", "cpu")

    def test_its_parameters_change_what_it_computes(self):
        folder = self.drop(self.build_template())
        self.write("net.prototxt", NET.format(layer='type: "Swish" swish_param { beta: 1.5 }'))
        self.write("solver.prototxt", SOLVER)
        weights = []
        for beta in ("1.5", "3"):
            self.expect_ok("train", "solver.prototxt", "--device", "cpu", "--plugin", folder,
                           "--set", f"net.layer[foreign].swish_param.beta={beta}")
            weights.append((self.folder / "prototxt_iter_40.caffemodel").read_bytes())
        self.assertNotEqual(*weights)

    def test_its_kernel_runs_on_every_device_present(self):
        folder = self.drop(self.build_template())
        self.write("net.prototxt", NET.format(layer='type: "Swish" swish_param { beta: 1.5 }'))
        self.write("solver.prototxt", SOLVER)
        listed = self.expect_ok("plugins", "list", "device").out
        for device in ("cpu", "onednn", "opencl", "strict"):
            if device not in listed:
                continue
            with self.subTest(device=device):
                done = self.expect_ok("train", "solver.prototxt", "--device", device, "--plugin", folder)
                self.assertNotIn("on host: Swish", done.err)

    def build_device(self):
        """The device template, likewise."""
        source = self.folder / "device"
        shutil.copytree(next(self.stage.rglob("dlrun/template")) / "device", source)
        for command in (["meson", "setup", "build"], ["ninja", "-C", "build"]):
            done = subprocess.run(command, cwd=source, env={**os.environ, "PKG_CONFIG_PATH": str(self.pkgconfig)},
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return source / "build/device_example.so"

    def test_a_device_of_one_operator_trains_lenet_and_copies_only_for_it(self):
        library = self.build_device()
        lenet = SOURCE / "configs/lenet-mnist.yaml"
        common = ("--plugin", library, "--device", "example", "--fallback", "allow")
        facts = json.loads(self.expect_ok("time", lenet, "--iterations", "5", "--json", *common).out)
        bytes_of_ip1 = 64 * 500 * 4
        self.assertEqual(facts["moved_per_pass"], {
            "conversions": 0, "converted_bytes": 0, "copies_to_device": 1, "bytes_to_device": bytes_of_ip1,
            "copies_to_host": 1, "bytes_to_host": bytes_of_ip1})
        weights = {}
        for device, options in (("example", common), ("cpu", ("--device", "cpu"))):
            self.expect_ok("train", lenet, *options, "--set", "solver.max_iter=100", "--set", f"solver.snapshot_prefix={device}",
                           "--set", "solver.test_initialization=false")
            weights[device] = (self.folder / f"{device}_iter_100.caffemodel").read_bytes()
        self.assertEqual(weights["example"], weights["cpu"])

    def test_a_device_that_runs_no_kernels_is_an_error_unless_fallback_allows_it(self):
        library = self.build_device()
        lenet = SOURCE / "configs/lenet-mnist.yaml"
        done = self.run_dlrun("time", lenet, "--iterations", "1", "--plugin", library, "--device", "example")
        self.assertEqual(done.code, 2)
        self.assertRegex(done.err, r"lenet-mnist.yaml:\d+:\d+: layer 'conv1': device 'example' can't run it: .*fallback: allow")
        done = self.expect_ok("time", lenet, "--iterations", "1", "--plugin", library, "--device", "example", "--fallback", "warn")
        self.assertIn("it runs on the host", done.err)

    def test_the_strict_device_builds_from_the_installed_source(self):
        source = self.folder / "strict"
        shutil.copytree(next(self.stage.rglob("dlrun/strict")), source)
        for command in (["meson", "setup", "build"], ["ninja", "-C", "build"]):
            done = subprocess.run(command, cwd=source, env={**os.environ, "PKG_CONFIG_PATH": str(self.pkgconfig)},
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_misspelt_parameter_of_it_is_found(self):
        folder = self.drop(self.build_template())
        self.write("net.prototxt", NET.format(layer='type: "Swish" swish_param { betta: 1.5 }'))
        done = self.run_dlrun("check", "net.prototxt", "--plugin", folder)
        self.assertEqual(done.code, 2)
        self.assertRegex(done.err, r"net.prototxt:8:\d+: layer 'foreign': unknown parameter 'betta'.*did you mean 'beta'")

    def test_plain_c_works(self):
        library = self.folder / "square.so"
        subprocess.run(["cc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2", "-fPIC", "-fvisibility=hidden", "-shared",
                        f"-I{self.include}", SOURCE / "tests/third_party/square.c", "-o", library], check=True)
        folder = self.drop(library)
        self.train_both_ways(folder, 'type: "Square" square_param { scale: 0.5 }', "{type: Square, square_param: {scale: 0.5}}")

    def test_a_plugin_with_another_cpp_library_works(self):
        if shutil.which("clang++") is None:
            self.skipTest("no clang++ here")
        probe = subprocess.run(["clang++", "-stdlib=libc++", "-x", "c++", "-", "-o", "/dev/null"], input="#include <string>\nint main() {}",
                               text=True, capture_output=True, check=False)
        if probe.returncode != 0:
            self.skipTest("no libc++ here")
        library = self.build_template(CC="clang", CXX="clang++", CXXFLAGS="-stdlib=libc++", LDFLAGS="-stdlib=libc++")
        needed = subprocess.run(["readelf", "-d", library], capture_output=True, text=True, check=True).stdout
        self.assertIn("libc++.so", needed)
        self.assertNotIn("libstdc++", needed)
        folder = self.drop(library)
        self.train_both_ways(folder, 'type: "Swish" swish_param { beta: 1.5 }', "{type: Swish, swish_param: {beta: 1.5}}")


YAML = """
plugins: ["{plugins}"]
solver: {{type: SGD, base_lr: 0.05, lr_policy: fixed, max_iter: 40, snapshot_prefix: yaml, random_seed: 1}}
net:
  name: third_party
  layer:
    - name: data
      type: DummyData
      top: [x, target]
      dummy_data_param:
        shape: [{{dim: [16, 8]}}, {{dim: [16, 1]}}]
        data_filler: [{{type: gaussian}}, {{type: constant, value: 0.5}}]
    - {{name: hidden, type: InnerProduct, bottom: x, top: hidden,
       inner_product_param: {{num_output: 16, weight_filler: {{type: xavier}}}}}}
    - name: foreign
      bottom: hidden
      top: foreign
      <<: {layer}
    - {{name: out, type: InnerProduct, bottom: foreign, top: out,
       inner_product_param: {{num_output: 1, weight_filler: {{type: xavier}}}}}}
    - {{name: loss, type: EuclideanLoss, bottom: [out, target], top: loss}}
"""

if __name__ == "__main__":
    main()
