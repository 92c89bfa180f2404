"""Plugins compiled once (frozen/README.md) load and work with this build, whatever became of the SDK's C++ and of core since."""

import hashlib
import json
import pathlib
import platform
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "commands"))
from support import SOURCE, CommandTest, main  # noqa: E402

FROZEN = SOURCE / "tests/abi/frozen"
LIBRARIES = {
    "database_minimal.so", "device_example.so", "filler_minimal.so", "layer_square.so", "layer_swish.so", "schedule_minimal.so",
    "solver_signum.so", "source_noise.so", "transform_minimal.so",
}
SMALL = 100_000  # bytes
SKIPPED = 77  # Meson's exit code for a test that could not run
JOB = """
solver: {type: Signum, base_lr: 0.002, lr_policy: fixed, momentum: 0.9, max_iter: 200, display: 100, snapshot_prefix: frozen, random_seed: 1}
net:
  name: frozen
  layer:
    - {name: data, type: Noise, top: [x, target], noise_param: {batch_size: 16, width: 6}}
    - {name: hidden, type: InnerProduct, bottom: x, top: hidden,
       inner_product_param: {num_output: 12, weight_filler: {type: xavier}}}
    - {name: swish, type: Swish, bottom: hidden, top: swish, swish_param: {beta: 1.5}}
    - {name: square, type: Square, bottom: swish, top: square, square_param: {scale: 0.5}}
    - {name: relu, type: ReLU, bottom: square, top: relu}
    - {name: out, type: InnerProduct, bottom: relu, top: out,
       inner_product_param: {num_output: 1, weight_filler: {type: xavier}}}
    - {name: loss, type: EuclideanLoss, bottom: [out, target], top: loss}
"""


# One linear layer over two noisy numbers: its first values, rates and inputs are those of frozen plugins.
SMALL_JOB = """
solver: {type: SGD, base_lr: 1, lr_policy: slower, max_iter: 3, display: 1, snapshot_prefix: frozen, random_seed: 1}
net:
  name: frozen
  layer:
    - {name: data, type: Noise, top: [x, target], noise_param: {batch_size: 4, width: 2}, plus_one: {}}
    - {name: ip, type: InnerProduct, bottom: x, top: ip,
       inner_product_param: {num_output: 1, bias_term: false, weight_filler: {type: quarter}}}
    - {name: loss, type: EuclideanLoss, bottom: [ip, target], top: loss}
"""

# Of the first build that ran it, on cpu; the same with any of its instruction sets.
LOSSES = {0: 0.0754378, 20: 0.0575760, 50: 0.00962869}
SMALL_LOSSES = [0.10227393, 0.09845622, 0.04727891]


class Frozen(CommandTest):
    plugin_path = None  # the plugins beside the binary, and these

    def setUp(self):
        super().setUp()
        # A checkout may be anybody's; plugins must belong to who runs them or to root.
        self.plugins = self.folder / "frozen"
        self.plugins.mkdir()
        for library in FROZEN.glob("*.so"):
            shutil.copyfile(library, self.plugins / library.name)

    def log_of(self, job, *options):
        """What training logs, a record for each iteration."""
        self.write("job.yaml", job)
        (self.folder / "log.jsonl").unlink(missing_ok=True)  # a log is added to
        self.expect_ok("train", "job.yaml", "--plugin", self.plugins, "--log", "log.jsonl", *options)
        return [json.loads(line) for line in (self.folder / "log.jsonl").read_text().splitlines()]

    def train(self, *options):
        losses = [record["loss"] for record in self.log_of(JOB, *options)]
        return losses, (self.folder / "frozen_iter_200.caffemodel").read_bytes()

    def test_they_are_the_files_that_were_frozen(self):
        listed = dict(reversed(line.split()) for line in (FROZEN / "SHA256SUMS").read_text().splitlines())
        self.assertEqual(listed.keys(), LIBRARIES)
        found = {path.name: path.read_bytes() for path in FROZEN.glob("*.so")}
        self.assertEqual({name: hashlib.sha256(content).hexdigest() for name, content in found.items()}, listed)
        for name, content in found.items():
            self.assertLess(len(content), SMALL, name)

    def test_each_is_listed_and_none_is_refused(self):
        listed = self.expect_ok("plugins", "list", "--plugin", self.plugins).out
        for name in ("example", "Square", "Swish", "Signum", "Noise", "KEPT", "quarter", "slower", "plus_one"):
            self.assertRegex(listed, rf"\b{name}\b")

    def test_source_layers_and_solver_train_a_net(self):
        losses, _ = self.train("--device", "cpu")
        for iteration, loss in LOSSES.items():
            self.assertAlmostEqual(losses[iteration] / loss, 1, delta=1e-3, msg=f"iteration {iteration}")
        self.assertLess(losses[-1], losses[0] / 20)

    def test_filler_schedule_and_transform_train_a_net(self):
        records = self.log_of(SMALL_JOB, "--device", "cpu")
        for i, (record, loss) in enumerate(zip(records, SMALL_LOSSES, strict=True)):
            self.assertAlmostEqual(record["loss"] / loss, 1, delta=1e-5, msg=f"iteration {i}")
            self.assertAlmostEqual(record["lr"], 0.05 / (1 + i), delta=1e-8, msg=f"iteration {i}")

    def test_the_device_runs_its_operator_and_gives_the_same_weights(self):
        _, expected = self.train("--device", "cpu")
        _, found = self.train("--device", "example", "--fallback", "allow")
        self.assertEqual(found, expected)
        done = self.expect_ok("time", "job.yaml", "--iterations", "2", "--json", "--plugin", self.plugins, "--device", "example",
                              "--fallback", "allow")
        moved = json.loads(done.out)["moved_per_pass"]
        bytes_of_relu = 16 * 12 * 4
        self.assertEqual((moved["bytes_to_device"], moved["bytes_to_host"]), (bytes_of_relu, bytes_of_relu))

    def test_it_declines_what_it_declined_then(self):
        self.write("job.yaml", JOB)
        done = self.run_dlrun("time", "job.yaml", "--iterations", "1", "--plugin", self.plugins, "--device", "example")
        self.assertEqual(done.code, 2)
        self.assertRegex(done.err, r"job.yaml:\d+:\d+: layer '\w+': device 'example' can't run it: the device runs no portable kernels")


if __name__ == "__main__":
    if (platform.machine(), platform.libc_ver()[0]) != ("x86_64", "glibc"):
        print("skipped: the frozen plugins are for x86-64 and glibc")
        sys.exit(SKIPPED)
    main()
