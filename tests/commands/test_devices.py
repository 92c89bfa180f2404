"""Devices train alike: the losses of the first iterations agree with the cpu device's.

In float32 that ends with LeNet's first near-ties in max pooling (docs/devices.md); in float64 there are none in a hundred iterations.
"""

from device_losses import DOUBLE, DevicesTest, UNTESTED, farthest
from support import main

# Small batches and no tests in between: strict, the slowest, computes one element at a time.
QUICK = {
    "LeNet": (8, "--set", "net.layer[mnist].idx_data_param.batch_size=8", *UNTESTED),
    "autoencoder": (4, "--set", "net.layer[data].idx_data_param.batch_size=10", *UNTESTED),
}


class Devices(DevicesTest):
    def compare(self, job):
        iterations, *settings = QUICK[job]
        reference, _ = self.train(job, "cpu", *settings, iterations=iterations)
        self.assertEqual(len(reference), iterations)
        self.assertGreater(len(set(reference)), iterations // 2)  # something was learned
        for device in self.devices():
            with self.subTest(job=job, device=device):
                losses, _ = self.train(job, device, *settings, iterations=iterations)
                difference, iteration = farthest(losses, reference)
                self.assertLess(difference, 1e-3, f"at iteration {iteration}: {losses[iteration]} and {reference[iteration]}")

    def test_lenet(self):
        self.compare("LeNet")

    def test_a_hundred_iterations_of_lenet_in_float64(self):
        settings = ("--float64", "--set", "net.layer[mnist].idx_data_param.batch_size=16", *UNTESTED)
        reference, _ = self.train("LeNet", "cpu", *settings, iterations=100)
        double = ["cuda-double"] if DOUBLE.exists() else []
        for device, also in [("cpu", ("--isa", "baseline")), *((name, ()) for name in self.devices() + double)]:
            with self.subTest(device=device):
                losses, _ = self.train("LeNet", device, *settings, *also, iterations=100)
                difference, iteration = farthest(losses, reference)
                self.assertLess(difference, 1e-3, f"at iteration {iteration}: {losses[iteration]} and {reference[iteration]}")

    def test_the_autoencoder(self):
        self.compare("autoencoder")


if __name__ == "__main__":
    main()
