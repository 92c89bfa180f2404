"""The main job as a user runs it: `dlrun train configs/lenet-mnist.yaml`, start-up, tests and snapshot included.

    whole_job.py DLRUN CPU_OPERATORS CPU_PLUGIN [RUNS [DEVICE]]

Before and after each run the rate of a 4096 x 4096 matrix product with two threads is measured. The limit is 4,600 images/s
(twice what BVLC Caffe reached) on a machine that multiplies at 195 GFLOP/s, and scales with that rate. Prints each run and
fails when the median of their ratios to the limit is below 1.
"""

import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

IMAGES = 2000 * 64
LIMIT = 4600 / 195  # images/s for each GFLOP/s
ROOT = pathlib.Path(__file__).resolve().parents[2]


def gemm_rate(cpu_operators, plugin):
    printed = subprocess.run([cpu_operators, plugin, "2", "gemm"], check=True, capture_output=True, text=True).stdout
    return float(re.search(r"([0-9.]+) GFLOP/s", printed)[1])


def train(dlrun, device):
    """The images trained in a second, and the accuracy at the end."""
    with tempfile.TemporaryDirectory() as folder:
        command = [dlrun, "train", ROOT / "configs/lenet-mnist.yaml", "--device", device]
        command += ["--set", f"solver.snapshot_prefix={folder}/lenet"]
        begin = time.perf_counter()
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
        seconds = time.perf_counter() - begin
    accuracy = re.findall(r"accuracy = ([0-9.]+)", done.stdout + done.stderr)[-1]
    return IMAGES / seconds, float(accuracy)


def main():
    dlrun, cpu_operators, plugin = (pathlib.Path(word).resolve() for word in sys.argv[1:4])
    n_runs = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    device = sys.argv[5] if len(sys.argv) > 5 else "auto"
    ratios = []
    for _ in range(n_runs):
        before = gemm_rate(cpu_operators, plugin)
        speed, accuracy = train(dlrun, device)
        rate = (before + gemm_rate(cpu_operators, plugin)) / 2
        ratios.append(speed / (LIMIT * rate))
        print(f"{device}: {speed:.0f} images/s at {rate:.0f} GFLOP/s, {ratios[-1]:.2f} of the limit; accuracy {accuracy}", flush=True)
    if statistics.median(ratios) < 1:
        sys.exit(f"below the limit of {LIMIT:.1f} images/s for each GFLOP/s")


if __name__ == "__main__":
    main()
