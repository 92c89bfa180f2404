"""The data layers deliver what BVLC Caffe's delivered, from databases that its own tools wrote."""

import json
import shutil

from support import CommandTest, SOURCE, main

GOLDEN = SOURCE / "tests/golden/data"


class RecordedData(CommandTest):
    def test_every_recorded_batch_is_the_same(self):
        work = self.folder / "data"
        shutil.copytree(GOLDEN, work)
        for path in work.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        cases = sorted(path.stem for path in work.glob("*.prototxt"))
        self.assertGreaterEqual(len(cases), 10)
        for case in cases:
            with self.subTest(case=case):
                done = self.expect_ok("verify", f"{case}.prototxt", "--against", f"{case}.h5", "--device", "cpu", "--json", cwd=work)
                rows = json.loads(done.out)["rows"]
                self.assertGreater(len(rows), 3)
                self.assertTrue(all(row["dataset"].startswith("batch/") for row in rows))


if __name__ == "__main__":
    main()
