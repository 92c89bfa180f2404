"""Kernels that a device compiled are kept on disk: used again by the next process, made anew when damaged, and not missed when there is no place for them."""

import hashlib
import json
import unittest

from support import PLUGINS, SOURCE, CommandTest, main

LENET = SOURCE / "configs/lenet-mnist.yaml"


@unittest.skipUnless((PLUGINS / "device_opencl.so").exists(), "opencl isn't built")
class KernelCache(CommandTest):
    def losses(self, **environment):
        """Of two iterations of LeNet on opencl."""
        log = self.folder / "log.jsonl"
        log.unlink(missing_ok=True)  # a log is added to
        self.expect_ok(
            "train", LENET, "--device", "opencl", "--fallback", "allow", "--log", log, "--set", "solver.max_iter=2",
            "--set", "solver.test_initialization=false", "--set", "net.layer[mnist].idx_data_param.batch_size=4",
            "--set", f"solver.snapshot_prefix={self.folder / 'lenet'}", env=self.environment(**environment))
        return [json.loads(line)["loss"] for line in log.read_text(encoding="utf-8").splitlines() if '"loss"' in line]

    def kept(self):
        return {path: (path.stat().st_ino, path.read_bytes()) for path in (self.folder / "cache/dlrun/kernels").iterdir()}

    def test_the_next_process_reads_them_and_damage_costs_only_compiling(self):
        first = self.losses()
        kept = self.kept()
        self.assertGreater(len(kept), 5)
        self.assertEqual(self.losses(), first)
        self.assertEqual(self.kept(), kept)  # none was made again

        damage = [lambda content: b"", lambda content: content[:-10], lambda content: content[:-10] + b"0123456789"]
        damaged = sorted(kept)[:len(damage)]
        for path, change in zip(damaged, damage, strict=True):
            path.write_bytes(change(kept[path][1]))
        self.assertEqual(self.losses(), first)
        after = self.kept()
        self.assertEqual(after.keys(), kept.keys())
        for path, (inode, content) in after.items():
            _, digest, binary = content.split(b"\n", 2)
            self.assertEqual(hashlib.sha256(binary).hexdigest().encode(), digest, path)
            self.assertEqual(inode != kept[path][0], path in damaged, path)

    def test_a_place_that_takes_none_isn_t_missed(self):
        self.write("other/dlrun", "a file where the folder would be")
        self.assertEqual(self.losses(XDG_CACHE_HOME=str(self.folder / "other")), self.losses())


if __name__ == "__main__":
    main()
