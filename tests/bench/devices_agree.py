"""Whole training jobs on every device there is: how far their losses and results are from the cpu device's.

    devices_agree.py [DEVICE ...]

Of each job: the largest relative difference of the first losses (limit 0.001) and of the first 100, and of the whole run LeNet's accuracy (limit
0.3 points) or the autoencoder's loss on the test digits (limit 1 %). `strict` runs the first iterations only, as it is slow on purpose, and `cuda-double`
(the cuda device on the double of its libraries) nothing, unless they are named: then each takes up to three quarters of an hour.
"""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "commands"))
from device_losses import DevicesTest, UNTESTED, farthest  # noqa: E402

RESULT = {"LeNet": "accuracy", "autoencoder": "cross_entropy_loss"}
# Behind these, sums of another order lead LeNet elsewhere (docs/devices.md), so only they are held to the limit.
ALIKE = {"LeNet": 15, "autoencoder": 100}
LIMIT = {"LeNet": 0.003, "autoencoder": 0.01}
chosen = []


class WholeJobs(DevicesTest):
    timeout = 6000  # seconds for one job; PoCL needs some 700 for the autoencoder

    def compare(self, job):
        reference, results = self.train(job, "cpu")
        expected = results[RESULT[job]]
        print(f"{job} on cpu: {RESULT[job]} = {expected}", flush=True)
        for device in chosen or self.devices():
            with self.subTest(job=job, device=device):
                whole = device != "strict" or device in chosen
                losses, results = self.train(job, device) if whole else self.train(job, device, *UNTESTED, iterations=ALIKE[job])
                difference, _ = farthest(losses[:ALIKE[job]], reference[:ALIKE[job]])
                later, iteration = farthest(losses[:100], reference[:len(losses[:100])])
                found = results[RESULT[job]] if whole else None
                print(f"{job} on {device}: first {ALIKE[job]} losses within {difference:.1e}, first {len(losses[:100])} within {later:.1e} (iteration {iteration})"
                      + (f"; {RESULT[job]} = {found}" if whole else ""), flush=True)
                self.assertLess(difference, 1e-3)
                if whole:
                    scale = 1 if job == "LeNet" else expected
                    self.assertLessEqual(abs(found - expected) / scale, LIMIT[job])

    def test_lenet(self):
        self.compare("LeNet")

    def test_the_autoencoder(self):
        self.compare("autoencoder")


if __name__ == "__main__":
    chosen = sys.argv[1:]
    unittest.main(argv=sys.argv[:1])
