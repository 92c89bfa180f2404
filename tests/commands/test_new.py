"""`dlrun new`: what it makes builds against the installed SDK alone and trains; wrong names and failures leave nothing."""

import json
import re
import resource
import signal
import subprocess

from outside import OutsideTest
from support import DLRUN, SOURCE, main

# Steps of the ladder that a template must climb, whatever may be declined.
RUNGS = {
    "layer": ("gradients", "memory", "errors", "threads"),
    "solver": ("state", "numbers", "memory", "errors", "threads"),
    "source": ("samples", "positions", "memory", "errors", "threads"),
    "device": ("memory", "operators"),
}
KINDS = ("layer", "solver", "source", "device")


class New(OutsideTest):
    def installed(self, *args, **options):
        """Runs the dlrun that is installed, with what is installed beside it."""
        return subprocess.run([self.prefix / "bin/dlrun", *map(str, args)], cwd=self.folder, env=self.environment(),
                              capture_output=True, text=True, check=False, **options)

    def expect_installed(self, *args):
        done = self.installed(*args)
        self.assertEqual(done.returncode, 0, f"dlrun {args}\n{done.stdout}\n{done.stderr}")
        return done

    def make_and_train(self, kind, name, file):
        self.expect_installed("new", kind, name)
        library = self.build_project(self.folder / file)
        self.assertEqual(library.name, f"{kind}_{file}.so")
        self.expect_installed("train", f"{file}/train.yaml", "--plugin", library, "--log", "log.jsonl")
        losses = self.losses("log.jsonl")
        self.assertLess(losses[-1], losses[0] / 4, losses)
        self.assertIn(kind, self.expect_installed("plugins", "list", kind, "--plugin", library).stdout)
        self.conform(kind, file, library)
        return library

    def conform(self, kind, file, library):
        cases = self.folder / file / "cases.yaml"
        report = json.loads(self.expect_installed("conform", library, "--json", *(("--cases", cases) if cases.exists() else ())).stdout)
        self.assertEqual(report["failures"], [])
        verdicts = {rung["rung"]: rung["verdict"] for rung in report["ladder"]}
        for rung in RUNGS[kind]:
            self.assertEqual(verdicts[rung], "passed", report)

    def test_a_layer(self):
        library = self.make_and_train("layer", "DeepSwish", "deep_swish")
        self.assertIn("deep_swish_param", self.expect_installed("show", "DeepSwish", "--plugin", library).stdout)

    def test_a_solver(self):
        library = self.make_and_train("solver", "tiger", "tiger")
        self.assertIn("decay", self.expect_installed("show", "Tiger", "--plugin", library).stdout)

    def test_a_source(self):
        library = self.make_and_train("source", "DotCloud", "dot_cloud")
        tested = self.expect_installed("train", "dot_cloud/train.yaml", "--plugin", library)
        accuracy = float(re.findall(r"accuracy = ([\d.]+)", tested.stdout + tested.stderr)[-1])
        self.assertGreater(accuracy, 0.9)

    def test_a_device(self):
        library = self.make_and_train("device", "my_chip", "my_chip")
        self.assertIn("my_chip", self.expect_installed("devices", "--plugin", library).stdout)

    def test_nothing_of_the_template_s_own_name_is_left(self):
        for kind in KINDS:
            self.expect_ok("new", kind, "Quux", "--folder", kind)
            own = next((SOURCE / "sdk/template" / kind).glob("*.cpp")).stem
            files = list((self.folder / kind).iterdir())
            text = "".join(file.name + file.read_text(encoding="utf-8") for file in files)
            self.assertEqual(re.findall(own, text.replace("com.example.", ""), re.IGNORECASE), [], kind)
            self.assertIn("README.md", [file.name for file in files])

    def test_two_new_layers_have_parameters_of_different_numbers(self):
        numbers = set()
        for name in ("One", "Two"):
            self.expect_ok("new", "layer", name)
            numbers.add(re.search(r"_param = (\d+);", (self.folder / f"{name.lower()}/{name.lower()}.proto").read_text())[1])
        self.assertEqual(len(numbers), 2)

    def test_the_readme_has_three_commands(self):
        for kind in KINDS:
            lines = (SOURCE / "sdk/template" / kind / "README.md").read_text(encoding="utf-8").splitlines()
            self.assertEqual(len([line for line in lines if line.startswith("    ")]), 3, kind)

    def expect_refused(self, message, *args):
        done = self.run_dlrun("new", *args)
        self.assertEqual(done.code, 2, done.out + done.err)
        self.assertRegex(done.err, message)

    def test_wrong_names_and_kinds_are_refused_and_nothing_is_made(self):
        for name in ("3d", "../x", "a-b", "", "a b", "_x", "x" * 65, "é"):
            self.expect_refused(r"expected a letter and then letters, digits or '_'", "layer", name)
        self.expect_refused(r"there is a layer 'ReLU' already", "layer", "ReLU")
        self.expect_refused(r"there is a device 'cpu' already", "device", "Cpu")
        self.expect_refused(r"has LayerParameter or layer_param already", "layer", "Layer")
        self.expect_refused(r"has TransformParameter or transform_param already", "layer", "Transform")
        self.expect_refused(r"no template for kind 'lyer'; did you mean 'layer'\?; there are device, layer, solver, source", "lyer", "X")
        self.assertEqual(self.made(), [])

    def made(self):
        return sorted(path.name for path in self.folder.iterdir() if path.name not in ("cache", "data"))

    def test_an_existing_folder_is_left_as_it_is(self):
        (self.folder / "mine").mkdir()
        self.expect_refused(r"mine: is there already", "layer", "Mine")
        self.assertEqual(list((self.folder / "mine").iterdir()), [])

    def test_a_disk_that_is_full_leaves_nothing(self):
        def small_files_only():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))

        self.run_dlrun("plugins", "list")  # writes the index of plugins
        done = subprocess.run([DLRUN, "new", "layer", "Mine"], cwd=self.folder, env=self.environment(), preexec_fn=small_files_only,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertEqual(self.made(), [])

    def test_a_folder_that_cannot_be_made_is_an_error(self):
        done = self.run_dlrun("new", "layer", "Mine", "--folder", "no/such/folder")
        self.assertEqual(done.code, 1)
        self.assertIn("no/such/folder: cannot make the folder: No such file or directory", done.err)


if __name__ == "__main__":
    main()
