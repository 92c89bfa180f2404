"""The solver jobs recorded from BVLC Caffe give its losses' consequences, the weights, also when resumed halfway."""

import json
import shutil

from support import CommandTest, SOURCE, caffemodel, largest_error, main

GOLDEN = SOURCE / "tests/golden/solvers"
SOLVERS = ("sgd", "nesterov", "adam")
TOLERANCE = 1e-3  # of a blob's largest value


def jobs():
    names = sorted(path.stem for path in GOLDEN.glob("*.json"))
    return [name for name in names if name.startswith(SOLVERS) and not name.startswith(("adadelta", "adagrad"))]


class RecordedSolvers(CommandTest):
    def setUp(self):
        super().setUp()
        self.work = self.folder / "solvers"
        shutil.copytree(GOLDEN, self.work)
        for path in self.work.iterdir():
            path.chmod(0o644)

    def expect_recorded_weights(self, job, iteration):
        name = f"{job}_iter_{iteration}.caffemodel"
        found, expected = caffemodel(self.work / name), caffemodel(GOLDEN / name)
        for layer, blobs in expected.items():
            if not blobs:
                continue
            error, largest = largest_error(found[layer], blobs)
            self.assertLessEqual(error, TOLERANCE * largest, f"{name}: layer {layer}")

    def test_there_are_eighteen(self):
        self.assertEqual(len(jobs()), 18)

    def test_training_gives_the_recorded_weights(self):
        for job in jobs():
            with self.subTest(job=job):
                self.expect_ok("train", f"{job}.prototxt", "--weights", "init.caffemodel", "--device", "cpu", cwd=self.work)
                for iteration in (12, 24):
                    self.expect_recorded_weights(job, iteration)

    def test_training_gives_the_recorded_losses(self):
        for job in jobs():
            with self.subTest(job=job):
                recorded = json.loads((GOLDEN / f"{job}.json").read_text(encoding="utf-8"))["loss_cls_loss_reg"]
                self.expect_ok("train", f"{job}.prototxt", "--weights", "init.caffemodel", "--device", "cpu",
                               "--log", "losses.jsonl", cwd=self.work)
                lines = (self.work / "losses.jsonl").read_text(encoding="utf-8").splitlines()
                self.assertEqual(len(lines), len(recorded))
                for line, (classes, regression) in zip(lines, recorded, strict=True):
                    outputs = json.loads(line)["outputs"]
                    self.assertAlmostEqual(outputs["loss_cls"], classes, delta=TOLERANCE * abs(classes))
                    self.assertAlmostEqual(outputs["loss_reg"], regression, delta=TOLERANCE * abs(regression))
                (self.work / "losses.jsonl").unlink()

    def test_resuming_from_caffes_halfway_state_ends_at_the_recorded_weights(self):
        for job in jobs():
            with self.subTest(job=job):
                (self.work / f"{job}_iter_24.caffemodel").unlink()
                self.expect_ok("train", f"{job}.prototxt", "--resume", f"{job}_iter_12.solverstate", "--device", "cpu",
                               cwd=self.work)
                self.expect_recorded_weights(job, 24)


if __name__ == "__main__":
    main()
