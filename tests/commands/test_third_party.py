"""A stranger's layers: built outside the tree against the installed SDK alone, in C++, plain C, and with another C++ library."""

import json
import shutil
import subprocess

from outside import OutsideTest
from support import BUILD, SOURCE, main

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


class ThirdParty(OutsideTest):
    def build_template(self, **environment):
        """The template as a user has it: a folder of its own, pkg-config, Meson."""
        return self.build_installed("template/layer", **environment)

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
        losses = self.losses("log.jsonl")
        self.assertLess(losses[-1], losses[0])

    def test_the_template_trains_with_its_parameters_in_both_syntaxes(self):
        folder = self.drop(self.build_template())
        self.train_both_ways(folder, 'type: "Swish" swish_param { beta: 1.5 }', "{type: Swish, swish_param: {beta: 1.5}}")

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

    def test_its_kernels_run_on_every_device_present(self):
        """One source of kernels, all devices: each reports that it runs every layer, and the losses agree."""
        folder = self.drop(self.build_template())
        self.write("net.prototxt", NET.format(layer='type: "Swish" swish_param { beta: 1.5 }'))
        self.write("solver.prototxt", SOLVER)
        losses = {}
        for device, *double in [*((name,) for name in self.devices_present()), *self.doubles()]:
            with self.subTest(device=device):
                log = f"{device}.jsonl"
                done = self.expect_ok("train", "solver.prototxt", "--device", device, "--plugin", folder, "--log", log, *double)
                self.assertRegex(done.out + done.err, rf"{device} runs (\d+) of \1 layers")
                losses[device] = self.losses(log)
                for ours, cpu in zip(losses[device], losses["cpu"], strict=True):
                    self.assertAlmostEqual(ours, cpu, delta=1e-3 * abs(cpu) + 1e-5)
        self.assertIn("strict", losses)

    @staticmethod
    def doubles():
        """cuda on its double, where that is built."""
        library = BUILD / "tests/doubles/cuda/device_cuda.so"
        return [("cuda", "--plugin", library)] if library.exists() else []

    def devices_present(self):
        """Those that can be opened here, cpu first."""
        listed = json.loads(self.expect_ok("devices", "--json").out)
        names = [entry["device"] for entry in listed if "level" in entry and ":" not in entry["device"]]
        return sorted(names, key=lambda name: name != "cpu")

    def test_a_device_of_one_operator_trains_lenet_and_copies_only_for_it(self):
        library = self.build_installed("template/device")
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
        library = self.build_installed("template/device")
        lenet = SOURCE / "configs/lenet-mnist.yaml"
        done = self.run_dlrun("time", lenet, "--iterations", "1", "--plugin", library, "--device", "example")
        self.assertEqual(done.code, 2)
        self.assertRegex(done.err, r"lenet-mnist.yaml:\d+:\d+: layer 'conv1': device 'example' can't run it: .*fallback: allow")
        done = self.expect_ok("time", lenet, "--iterations", "1", "--plugin", library, "--device", "example", "--fallback", "warn")
        self.assertIn("it runs on the host", done.err)

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
