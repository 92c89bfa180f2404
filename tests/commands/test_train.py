"""`dlrun train` on real digits: it learns, resumes exactly, and both syntaxes are one."""

import os
import re
import signal
import time

from support import BUILD, CommandTest, SOURCE, caffemodel, fields, main

GALLERY = BUILD / "tests/gallery"
LENET = SOURCE / "configs/lenet-mnist.yaml"
SHORT = ("--device", "cpu", "--set", "solver.max_iter=60", "--set", "solver.test_interval=30", "--set", "solver.display=20")


class Training(CommandTest):
    def train(self, prefix, *args, config=LENET):
        return self.expect_ok("train", config, *SHORT, "--set", f"solver.snapshot_prefix={self.folder / prefix}", *args)

    def weights(self, prefix, iteration=60):
        return (self.folder / f"{prefix}_iter_{iteration}.caffemodel").read_bytes()

    def test_it_learns_digits_and_says_so(self):
        done = self.train("a", "--set", "solver.max_iter=300", "--set", "solver.test_interval=300")
        accuracies = [float(value) for value in re.findall(r"accuracy = ([0-9.]+)", done.out)]
        self.assertLess(accuracies[0], 0.3)
        self.assertGreater(accuracies[-1], 0.93)
        self.assertRegex(done.out, r"iteration 300/300, loss [0-9.e-]+, lr [0-9.e-]+, [0-9]+ images/s, ETA .*, data wait")

    def test_a_net_in_which_nothing_learns_is_warned_of(self):
        first, second = "layer { name: 'in' type: 'DummyData' top: 'x' dummy_data_param { shape { dim: 2 dim: 3 } } }\n", \
            "layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y' inner_product_param { num_output: 2 } %s }\n"
        solver = "type: 'SGD' base_lr: 0.1 lr_policy: 'fixed' max_iter: 1 net_param { name: 'n'\n"
        for fields, expected in [("", "it has no loss"), ("loss_weight: 1 param { lr_mult: 0 } param { lr_mult: 0 }", "it has no parameter with a learning rate"),
                                 ("loss_weight: 1", "")]:
            job = self.folder / "job.prototxt"
            job.write_text(solver + first + second % fields + "}\n")
            done = self.expect_ok("train", job, "--device", "cpu")
            self.assertIn(f"job.prototxt:1:57: nothing in this net learns: {expected}" if expected else "", done.err)
            self.assertEqual("learns" in done.err, expected != "")

    def crash(self, plugin, *args):
        """What a net with the gallery's layer ends with, above what it logs."""
        self.plugin_path = None  # which excludes --plugin
        job = self.folder / "job.prototxt"
        job.write_text("""type: 'SGD' base_lr: 0.1 lr_policy: 'fixed' max_iter: 1 net_param {
            layer { name: 'in' type: 'DummyData' top: 'x' dummy_data_param { shape { dim: 64 dim: 3 } } }
            layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y' inner_product_param { num_output: 4096 } }
            layer { name: 'bad' type: 'Gallery' bottom: 'y' bottom: 'y' top: 'z' loss_weight: 1 } }""")
        done = self.run_dlrun("train", job, "--device", "cpu", "--plugin", plugin, *args)
        self.assertEqual(done.code, -signal.SIGSEGV)
        return [line for line in done.err.splitlines() if "crashed" in line]

    def test_a_plugin_s_crash_says_which_layer(self):
        plugin = GALLERY / "layer_crashes.so"
        told = f"layer 'bad': crashed in forward (segmentation fault), in the plugin {plugin} or in what it called"
        self.assertEqual(self.crash(plugin), [told])

    def test_a_crash_of_many_threads_is_told_once(self):
        plugin = GALLERY / "layer_crashes_in_each_thread.so"
        own = f"layer 'bad': crashed in forward (segmentation fault), in the plugin {plugin} or in what it called"
        helper = f"layer 'bad': a thread crashed (segmentation fault) while it was in forward, in the plugin {plugin} or elsewhere"
        for _ in range(20):
            told = self.crash(plugin, "--threads", "8")
            self.assertIn(told, ([own], [helper]))

    def test_the_same_run_gives_the_same_bits(self):
        self.train("a")
        self.train("b")
        self.assertEqual(self.weights("a"), self.weights("b"))

    def test_another_seed_gives_other_weights(self):
        self.train("a")
        self.train("b", "--set", "solver.random_seed=7")
        self.assertNotEqual(self.weights("a"), self.weights("b"))

    def test_prototxt_over_a_converted_database_gives_the_bits_of_yaml(self):
        images = SOURCE / "configs/data/mnist-10k"
        for split in ("train", "test"):
            self.expect_ok("convert", "mnist", images / f"{split}-images-idx3-ubyte.gz",
                           images / f"{split}-labels-idx1-ubyte.gz", self.folder / f"mnist_{split}_lmdb")
        for name in ("lenet_solver.prototxt", "lenet_train_test.prototxt"):
            text = (SOURCE / "configs/lenet-mnist" / name).read_text(encoding="utf-8")
            text = re.sub(r'"[^"]*mnist_(train|test)_lmdb"', lambda m: f'"{self.folder}/mnist_{m[1]}_lmdb"', text)
            text = re.sub(r'net: "[^"]*"', f'net: "{self.folder}/lenet_train_test.prototxt"', text)
            self.write(name, text)
        self.train("yaml")
        self.train("prototxt", config=self.folder / "lenet_solver.prototxt")
        self.assertEqual(caffemodel(self.folder / "yaml_iter_60.caffemodel"), caffemodel(self.folder / "prototxt_iter_60.caffemodel"))

    def test_a_run_killed_without_warning_resumes_exactly(self):
        self.train("whole", "--set", "solver.max_iter=400")
        killed = self.start_dlrun("train", LENET, *SHORT, "--set", "solver.max_iter=400", "--set", "solver.snapshot=50",
                                  "--set", f"solver.snapshot_prefix={self.folder / 'killed'}")
        deadline = time.monotonic() + 120
        while not (self.folder / "killed_iter_50.dlrunstate").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        killed.kill()
        killed.communicate()
        self.assertFalse((self.folder / "killed_iter_400.caffemodel").exists(), "the run ended before it could be killed")
        self.train("killed", "--set", "solver.max_iter=400", "--set", "solver.snapshot=50", "--resume", "auto")
        self.assertEqual(self.weights("whole", 400), self.weights("killed", 400))

    def test_interrupting_writes_a_snapshot_and_stops(self):
        self.train("whole", "--set", "solver.max_iter=400")
        run = self.start_dlrun("train", LENET, *SHORT, "--set", "solver.max_iter=400",
                               "--set", f"solver.snapshot_prefix={self.folder / 'stopped'}")
        for line in run.stdout:
            if line.startswith("iteration 20/"):
                break
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate()
        self.assertEqual(run.returncode, 0, out)
        self.assertIn("go on with --resume auto", out)
        self.assertFalse((self.folder / "stopped_iter_400.caffemodel").exists())
        self.train("stopped", "--set", "solver.max_iter=400", "--resume", "auto")
        self.assertEqual(self.weights("whole", 400), self.weights("stopped", 400))

    def test_hanging_up_writes_a_snapshot_and_goes_on(self):
        run = self.start_dlrun("train", LENET, *SHORT, "--set", "solver.max_iter=300",
                               "--set", f"solver.snapshot_prefix={self.folder / 'hup'}")
        for line in run.stdout:
            if line.startswith("iteration 20/"):
                break
        run.send_signal(signal.SIGHUP)
        out, _ = run.communicate()
        self.assertEqual(run.returncode, 0, out)
        self.assertEqual(len(list(self.folder.glob("hup_iter_*.caffemodel"))), 2, out)

    def test_an_incomplete_snapshot_is_passed_over(self):
        self.train("a", "--set", "solver.snapshot=30")
        newest = self.folder / "a_iter_60.caffemodel"
        newest.write_bytes(newest.read_bytes()[:1000])
        done = self.train("a", "--resume", "auto")
        self.assertIn("iter_60", done.err)
        self.assertIn("resumed from", done.err)
        self.assertIn("at iteration 30", done.err)

    def test_the_solver_state_has_caffes_fields(self):
        self.train("a")
        content = list(fields((self.folder / "a_iter_60.solverstate").read_bytes()))
        self.assertEqual([value for number, value in content if number == 1], [60])
        self.assertEqual([value.decode() for number, value in content if number == 2], [str(self.folder / "a_iter_60.caffemodel")])
        self.assertEqual(sum(number == 3 for number, _ in content), 8)  # a history for each of LeNet's parameters

    def test_a_run_without_a_seed_resumes_with_the_seed_it_drew(self):
        unseeded = ("--set", "solver.random_seed=-1")
        self.train("a", *unseeded, "--set", "solver.max_iter=30")
        self.train("a", *unseeded, "--resume", "auto")
        once = self.weights("a")
        (self.folder / "a_iter_60.solverstate").unlink()
        self.train("a", *unseeded, "--resume", "auto")
        self.assertEqual(once, self.weights("a"))

    def test_one_thread_and_two_can_both_be_asked_for(self):
        for threads in ("1", "2"):
            self.train(f"t{threads}", "--threads", threads)
        self.assertTrue(os.path.exists(self.folder / "t1_iter_60.caffemodel"))


if __name__ == "__main__":
    main()
