"""Trains one job on several devices, for tests and benchmarks that compare them."""

import json
import re

from support import BUILD, CommandTest, SOURCE

JOBS = {
    "LeNet": SOURCE / "configs/lenet-mnist.yaml",
    "autoencoder": SOURCE / "configs/mnist-autoencoder.yaml",
}
DOUBLE = BUILD / "tests/doubles/cuda/device_cuda.so"  # the cuda device on stand-ins of its libraries; its folder goes before the plugins
UNTESTED = ("--set", "solver.test_interval=1000000", "--set", "solver.test_initialization=false")


class DevicesTest(CommandTest):
    def devices(self):
        """The names of the devices there are, each kind once, but for the reference."""
        listed = json.loads(self.expect_ok("devices", "--json").out)
        return [entry["device"] for entry in listed
                if "reason" not in entry and entry["device"] != "cpu" and ":" not in entry["device"]]

    def train(self, job, device, *args, iterations=None):
        """The loss of every iteration, and the last number of each name that a test printed; by default as many iterations as the job says."""
        length = ("--set", f"solver.max_iter={iterations}") if iterations is not None else ()
        log = self.folder / f"{job}-{device}.jsonl"
        log.unlink(missing_ok=True)  # a log is added to
        where = ("--device", "cuda", "--plugin-path", DOUBLE.parent) if device == "cuda-double" else ("--device", device)
        done = self.expect_ok(
            "train", JOBS[job], *where, "--fallback", "allow", "--log", log,
            *length, "--set", f"solver.snapshot_prefix={self.folder / job}-{device}", *args)
        losses = [json.loads(line)["loss"] for line in log.read_text(encoding="utf-8").splitlines() if '"loss"' in line]
        return losses, {name: float(value) for name, value in re.findall(r"^ *(\w+) = ([0-9.e+-]+)", done.out, re.MULTILINE)}


def farthest(losses, reference):
    """The largest relative difference of two runs' losses, and its iteration."""
    return max((abs(a - b) / abs(b), i) for i, (a, b) in enumerate(zip(losses, reference, strict=True)))
