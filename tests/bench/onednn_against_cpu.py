"""The devices onednn and cpu on LeNet (batch 64) and AlexNet (batch 16), inference and training, their runs interleaved.

    onednn_against_cpu.py DLRUN CPU_OPERATORS CPU_PLUGIN [ROUNDS]

Prints for each net and pass the least and the median of each device's times over all rounds, the ratio of their medians,
and onednn's conversions of layouts in a pass. Before each round the rate of a 4096 x 4096 matrix product with two threads
is measured; AlexNet's training is also scaled to a machine that multiplies at 195 GFLOP/s, where PyTorch takes 656 ms.
"""

import json
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
ALEXNET = [ROOT / "models/alexnet/train_val.prototxt", "--set", "net.state.stage=synthetic"]
# Name, phase, arguments of `dlrun time`, passes in a run.
WORK = [
    ("LeNet inference", "TEST", [ROOT / "configs/lenet-mnist.yaml"], 100),
    ("LeNet training", "TRAIN", [ROOT / "configs/lenet-mnist.yaml"], 50),
    ("AlexNet inference", "TEST", ALEXNET, 4),
    ("AlexNet training", "TRAIN", ALEXNET, 4),
]
PYTORCH_MS, PYTORCH_RATE = 656, 195


def gemm_rate(cpu_operators, plugin):
    printed = subprocess.run([cpu_operators, plugin, "2", "gemm"], check=True, capture_output=True, text=True).stdout
    return float(re.search(r"([0-9.]+) GFLOP/s", printed)[1])


def time_pass(dlrun, device, phase, arguments, iterations):
    """Milliseconds of a pass (the median of a run's), and the conversions in it."""
    command = [dlrun, "time", *arguments, "--phase", phase, "--device", device, "--fallback", "allow"]
    command += ["--iterations", str(iterations), "--json"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    found = json.loads(printed)
    return found["forward_ms"] + found["backward_ms"], found["moved_per_pass"]["conversions"]


def main():
    dlrun, cpu_operators, plugin = (pathlib.Path(word).resolve() for word in sys.argv[1:4])
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    times = {(name, device): [] for name, *_ in WORK for device in ("cpu", "onednn")}
    conversions, rates, scaled = {}, [], []
    for _ in range(rounds):
        rates.append(gemm_rate(cpu_operators, plugin))
        for name, phase, arguments, iterations in WORK:
            for device in ("cpu", "onednn"):
                ms, conversions[name] = time_pass(dlrun, device, phase, arguments, iterations)
                times[name, device].append(ms)
        scaled.append(times["AlexNet training", "onednn"][-1] * rates[-1] / PYTORCH_RATE)
    print(f"sgemm {statistics.median(rates):.0f} GFLOP/s (median of {rounds} rounds: {', '.join(f'{rate:.0f}' for rate in rates)})")
    for name, *_ in WORK:
        cpu, onednn = times[name, "cpu"], times[name, "onednn"]
        print(
            f"{name:18} cpu {min(cpu):7.1f} to {statistics.median(cpu):7.1f} ms, onednn {min(onednn):7.1f} to"
            f" {statistics.median(onednn):7.1f} ms, cpu / onednn {statistics.median(cpu) / statistics.median(onednn):.2f},"
            f" {conversions[name]:g} conversions"
        )
    print(
        f"AlexNet training on onednn at {PYTORCH_RATE} GFLOP/s: {min(scaled):.0f} to {statistics.median(scaled):.0f} ms;"
        f" PyTorch {PYTORCH_MS} ms"
    )


if __name__ == "__main__":
    main()
