"""Wrong input ends in one message that says where and what, and exit code 1 or 2: a table of cases."""

import os
import shutil
import struct
import subprocess

from support import BUILD, PLUGINS, SOURCE, CommandTest, main

NET = """name: "net"
layer {{ name: "data" type: "DummyData" top: "x" top: "t"
  dummy_data_param {{ shape {{ dim: 4 dim: 3 dim: 8 dim: 8 }} shape {{ dim: 4 }} }} }}
{layers}
"""
INPUT = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } }\n'
LOSS = 'layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 5 } }\n' \
       'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "t" top: "loss" }\n'
SOLVER = 'net: "net.prototxt" type: "SGD" base_lr: 0.01 lr_policy: "fixed" max_iter: 2 snapshot_prefix: "snap" random_seed: 1\n'

# A net's layer lines -> what `dlrun check net.prototxt` must say (a regular expression); the exit code is 2.
WRONG_NETS = {
    "unknown layer type": ('layer { name: "a" type: "Convolutoin" bottom: "x" top: "y" }', r"net\.prototxt:\d+:\d+: layer 'a': .*Convolutoin.*Convolution"),
    "no type": ('layer { name: "a" bottom: "x" top: "y" }', r"layer 'a': has no type"),
    "unknown parameter": ('layer { name: "a" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_outputs: 3 } }',
                          r"net\.prototxt:4:\d+: layer 'a': unknown parameter 'num_outputs'.*did you mean 'num_output'"),
    "unknown common field": ('layer { name: "a" type: "ReLU" bottem: "x" top: "y" }', r"net\.prototxt:4:\d+: .*'bottem'.*'bottom'"),
    "parameter of another layer": ('layer { name: "a" type: "ReLU" bottom: "x" top: "y" pooling_param { pool: MAX } }', r"layer 'a': .*pooling_param"),
    "number where text belongs": ('layer { name: 3 type: "ReLU" bottom: "x" top: "y" }', r"net\.prototxt:4:\d+: "),
    "text where a number belongs": ('layer { name: "a" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: "ten" } }', r"net\.prototxt:4:\d+: layer 'a'.*num_output"),
    "fraction where a whole number belongs": ('layer { name: "a" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 1.5 } }', r"net\.prototxt:4:\d+: layer 'a'.*num_output"),
    "negative where unsigned": ('layer { name: "a" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: -1 } }', r"net\.prototxt:4:\d+: layer 'a'.*num_output"),
    "zero outputs": ('layer { name: "a" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 0 } }', r"net\.prototxt:4:\d+: layer 'a'.*num_output"),
    "missing outputs": ('layer { name: "a" type: "InnerProduct" bottom: "x" top: "y" }', r"layer 'a'.*num_output"),
    "unknown enum value": ('layer { name: "a" type: "Pooling" bottom: "x" top: "y" pooling_param { pool: MAXIMUM kernel_size: 2 } }', r"layer 'a'.*MAXIMUM.*MAX"),
    "missing brace": ('layer { name: "a" type: "ReLU" bottom: "x" top: "y"', r"net\.prototxt:\d+:\d+: "),
    "stray word": ("layer { name: \"a\" } nonsense", r"net\.prototxt:\d+:\d+: .*'nonsense'"),
    "unterminated string": ('layer { name: "a type: ReLU }', r"net\.prototxt:\d+:\d+: "),
    "unknown bottom": ('layer { name: "a" type: "ReLU" bottom: "xx" top: "y" }', r"net\.prototxt:4:\d+: layer 'a': unknown bottom 'xx'.*did you mean 'x'"),
    "too many bottoms": ('layer { name: "a" type: "ReLU" bottom: "x" bottom: "t" top: "y" }', r"layer 'a': .*1 bottom.*2"),
    "too few bottoms": ('layer { name: "a" type: "SoftmaxWithLoss" bottom: "x" top: "y" }', r"layer 'a': .*bottom"),
    "no top": ('layer { name: "a" type: "ReLU" bottom: "x" }', r"layer 'a': .*top"),
    "same top twice": ('layer { name: "a" type: "Split" bottom: "x" top: "y" top: "y" }', r"layer 'a': .*'y'.*twice"),
    "top made twice": ('layer { name: "a" type: "ReLU" bottom: "x" top: "y" }\nlayer { name: "b" type: "ReLU" bottom: "x" top: "y" }', r"layer 'b': top 'y'.*layer 'a'"),
    "same name twice": ('layer { name: "a" type: "ReLU" bottom: "x" top: "y" }\nlayer { name: "a" type: "ReLU" bottom: "y" top: "z" }', r"net\.prototxt:5:\d+: layer 'a': the name is taken"),
    "kernel larger than the image": ('layer { name: "a" type: "Convolution" bottom: "x" top: "y" convolution_param { num_output: 2 kernel_size: 11 } }', r"net\.prototxt:4:\d+: layer 'a': .*kernel.*11.*8"),
    "outputs not divisible by groups": ('layer { name: "a" type: "Convolution" bottom: "x" top: "y" convolution_param { num_output: 4 kernel_size: 3 group: 3 } }', r"layer 'a'.*group"),
    "kernel_size and kernel_h": ('layer { name: "a" type: "Convolution" bottom: "x" top: "y" convolution_param { num_output: 4 kernel_size: 3 kernel_h: 3 } }', r"layer 'a'.*kernel"),
    "no kernel size": ('layer { name: "a" type: "Convolution" bottom: "x" top: "y" convolution_param { num_output: 4 } }', r"layer 'a'.*kernel_size"),
    "axis out of range": ('layer { name: "a" type: "Softmax" bottom: "x" top: "y" softmax_param { axis: 7 } }', r"layer 'a'.*axis"),
    "shapes that differ": ('layer { name: "a" type: "Eltwise" bottom: "x" bottom: "t" top: "y" }', r"layer 'a'.*4x3x8x8"),
    "concat of unlike shapes": ('layer { name: "a" type: "Concat" bottom: "x" bottom: "t" top: "y" }', r"layer 'a'"),
    "reshape to another count": ('layer { name: "a" type: "Reshape" bottom: "x" top: "y" reshape_param { shape { dim: 7 dim: 7 } } }', r"layer 'a'"),
    "labels of another count": ('layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 5 } }\nlayer { name: "l" type: "DummyData" top: "u" dummy_data_param { shape { dim: 3 } } }\nlayer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "u" top: "loss" }', r"layer 'loss'"),
    "even LRN window": ('layer { name: "a" type: "LRN" bottom: "x" top: "y" lrn_param { local_size: 4 } }', r"layer 'a'.*local_size"),
    "dropout of everything": ('layer { name: "a" type: "Dropout" bottom: "x" top: "y" dropout_param { dropout_ratio: 1.5 } }', r"layer 'a'.*dropout_ratio"),
    "include and exclude": ('layer { name: "a" type: "ReLU" bottom: "x" top: "y" include { phase: TEST } exclude { phase: TRAIN } }', r"layer 'a'.*include and exclude"),
    "more params than parameters": ('layer { name: "a" type: "ReLU" bottom: "x" top: "y" param { lr_mult: 1 } }', r"layer 'a'.*1 `param`.*0"),
    "shared parameters of unlike shapes": ('layer { name: "a" type: "InnerProduct" bottom: "x" top: "y" param { name: "w" } inner_product_param { num_output: 2 } }\nlayer { name: "b" type: "InnerProduct" bottom: "x" top: "z" param { name: "w" } inner_product_param { num_output: 3 } }', r"layer 'b'.*'w'.*'a'.*shapes differ"),
    "loss weights for other tops": ('layer { name: "a" type: "ReLU" bottom: "x" top: "y" loss_weight: 1 loss_weight: 2 }', r"layer 'a'.*2.*1 top"),
    "unknown filler": ('layer { name: "a" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 2 weight_filler { type: "xaver" } } }', r"xaver.*xavier"),
    "layer and layers mixed": ('layers { name: "a" type: RELU bottom: "x" top: "y" }', r"layers"),
    "huge nesting": ("layer { " * 500, r"net\.prototxt:\d+:\d+: "),
}

# A solver's text -> what `dlrun train solver.prototxt` must say.
WRONG_SOLVERS = {
    "unknown solver type": ('net: "net.prototxt" type: "SDG" base_lr: 0.1 lr_policy: "fixed" max_iter: 2', r"solver\.prototxt:1:\d+: .*SDG.*SGD"),
    "unknown schedule": ('net: "net.prototxt" type: "SGD" base_lr: 0.1 lr_policy: "stepp" max_iter: 2', r"solver\.prototxt:1:\d+: .*stepp.*step"),
    "schedule without its step": ('net: "net.prototxt" type: "SGD" base_lr: 0.1 lr_policy: "step" gamma: 0.1 max_iter: 2', r"solver\.prototxt:1:\d+: .*stepsize"),
    "no learning rate": ('net: "net.prototxt" type: "SGD" lr_policy: "fixed" max_iter: 2', r"solver\.prototxt:\d+:\d+: .*base_lr"),
    "no iterations": ('net: "net.prototxt" type: "SGD" base_lr: 0.1 lr_policy: "fixed"', r"solver\.prototxt:\d+:\d+: .*max_iter"),
    "no net": ('type: "SGD" base_lr: 0.1 lr_policy: "fixed" max_iter: 2', r"net"),
    "missing net file": ('net: "nowhere.prototxt" type: "SGD" base_lr: 0.1 lr_policy: "fixed" max_iter: 2', r"nowhere\.prototxt"),
    "unknown regularisation": (SOLVER + 'regularization_type: "L3" weight_decay: 0.1', r"solver\.prototxt:2:\d+: .*L3.*L1 or L2"),
    "unwritable snapshot folder": (SOLVER.replace('"snap"', '"/proc/no/such/snap"'), r"/proc/no/such/snap"),
    "misspelt solver field": (SOLVER + "bas_lr: 1", r"solver\.prototxt:2:\d+: .*bas_lr.*base_lr"),
}

# A YAML job -> what `dlrun check job.yaml` must say.
WRONG_YAML = {
    "not YAML": ("solver: {type: SGD\nnet: [", r"job\.yaml:\d+:\d+: "),
    "tab": ("solver:\n\ttype: SGD\n", r"job\.yaml:2:\d+: "),
    "unknown section": ("solvr: {type: SGD}\n", r"job\.yaml:1:1: .*solvr.*solver"),
    "key twice": ("solver: {type: SGD, type: Adam}\n", r"job\.yaml:1:\d+: .*type"),
    "list where a number belongs": ("solver: {type: SGD, base_lr: [1, 2]}\n", r"job\.yaml:1:\d+: .*base_lr"),
    "map where a list belongs": ("net: {layer: {name: a}}\n", r"job\.yaml"),
    "word where a number belongs": ("solver: {type: SGD, base_lr: fast}\n", r"job\.yaml:1:\d+: .*base_lr.*fast|job\.yaml:1:\d+: .*fast"),
    "empty": ("", r"job\.yaml"),
    "unknown device": ("device: gpu9\nsolver: {type: SGD, base_lr: 0.1, max_iter: 1, lr_policy: fixed}\nnet: {layer: [{name: x, type: Input, top: x, input_param: {shape: {dim: [1]}}}]}\n", r"unknown device 'gpu9'"),
}


class BadInput(CommandTest):
    def expect_message(self, done, pattern, codes=(1, 2)):
        report = f"exit {done.code}\n{done.out}\n{done.err}"
        self.assertIn(done.code, codes, report)
        self.assertRegex(done.err, pattern, report)
        self.assertNotIn("internal error", done.err)
        self.assertNotIn("AddressSanitizer", done.err)
        self.assertNotIn("runtime error", done.err)
        errors = [line for line in done.err.splitlines() if line and not line.startswith(("solver.prototxt: the solver has no", "cpu runs"))]
        self.assertLessEqual(len(errors), 8, "more than one message:\n" + done.err)

    def write_job(self, layers=LOSS, solver=SOLVER):
        self.write("net.prototxt", NET.format(layers=layers))
        self.write("solver.prototxt", solver)

    def test_there_are_at_least_sixty_cases(self):
        single = sum(name.startswith("test_") for name in dir(self)) - 4
        self.assertGreaterEqual(len(WRONG_NETS) + len(WRONG_SOLVERS) + len(WRONG_YAML) + single, 60)

    def test_wrong_nets(self):
        for case, (layers, pattern) in WRONG_NETS.items():
            with self.subTest(case=case):
                self.write("net.prototxt", NET.format(layers=layers))
                self.expect_message(self.run_dlrun("check", "net.prototxt"), pattern, codes=(2,))

    def test_wrong_solvers(self):
        for case, (solver, pattern) in WRONG_SOLVERS.items():
            with self.subTest(case=case):
                self.write_job(solver=solver)
                self.expect_message(self.run_dlrun("train", "solver.prototxt", "--device", "cpu"), pattern)

    def test_wrong_yaml(self):
        for case, (text, pattern) in WRONG_YAML.items():
            with self.subTest(case=case):
                self.write("job.yaml", text)
                self.expect_message(self.run_dlrun("train", "job.yaml"), pattern, codes=(1, 2))

    # ---- the command line

    def test_a_missing_configuration(self):
        self.expect_message(self.run_dlrun("train", "nowhere.yaml"), r"nowhere\.yaml", codes=(2,))

    def test_a_folder_as_configuration(self):
        self.expect_message(self.run_dlrun("train", self.folder), r"folder", codes=(2,))

    def test_words_that_no_command_takes(self):
        self.plugin_path = None  # nothing behind the words
        for words, message in {
            ("trian",): "dlrun: unknown command 'trian'; did you mean 'train'?\n`dlrun --help` says what there is\n",
            ("plugins", "lits"): "dlrun plugins: unknown command 'lits'; did you mean 'list'?\n`dlrun plugins --help` says what there is\n",
            # Whose value then stands where the configuration belongs.
            ("train", "--divice", "cpu", "job.yaml"): "dlrun train: unknown option '--divice'; did you mean '--device'?\n`dlrun train --help` says what there is\n",
            ("train", "job.yaml", "--sett=x=1"): "dlrun train: unknown option '--sett'; did you mean '--set'?\n`dlrun train --help` says what there is\n",
            ("train", "job.yaml", "other.yaml"): "dlrun train: 'other.yaml' is one word too many\n`dlrun train --help` says what there is\n",
            ("train",): "dlrun train: CONFIG is missing: job in YAML, or Caffe's solver .prototxt\n`dlrun train --help` says what there is\n",
            ("plugins",): "dlrun plugins: a command is missing: list, why, lock\n`dlrun plugins --help` says what there is\n",
            ("train", "job.yaml", "--threads", "x"): "dlrun train: --threads: Value x not in range 1 to 65536\n",
        }.items():
            with self.subTest(words=words):
                done = self.run_dlrun(*words)
                self.assertEqual((done.code, done.out, done.err), (2, "", message))

    def test_an_override_of_nothing(self):
        self.write_job()
        self.expect_message(self.run_dlrun("train", "solver.prototxt", "--set", "solver.bas_lr=1"), r"--set.*bas_lr.*base_lr", codes=(2,))

    def test_an_override_without_a_value(self):
        self.write_job()
        self.expect_message(self.run_dlrun("train", "solver.prototxt", "--set", "solver.base_lr"), r"--set", codes=(2,))

    def test_an_override_of_a_layer_that_is_not_there(self):
        self.write_job()
        self.expect_message(self.run_dlrun("train", "solver.prototxt", "--set", "net.layer[ipp].inner_product_param.num_output=3"), r"ipp", codes=(2,))

    def test_a_device_that_is_not_there(self):
        self.write_job()
        self.expect_message(self.run_dlrun("train", "solver.prototxt", "--device", "cpu:7"), r"cpu:7", codes=(1, 2))

    # ---- weights and states

    def small_snapshot(self):
        self.write_job()
        self.expect_ok("train", "solver.prototxt", "--device", "cpu")
        return self.folder / "snap_iter_2.caffemodel", self.folder / "snap_iter_2.solverstate"

    def train_with(self, *args):
        return self.run_dlrun("train", "solver.prototxt", "--device", "cpu", *args)

    def test_missing_weights(self):
        self.write_job()
        self.expect_message(self.train_with("--weights", "nowhere.caffemodel"), r"nowhere\.caffemodel")

    def test_truncated_weights(self):
        weights, _ = self.small_snapshot()
        whole = weights.read_bytes()
        for length in (0, 1, 10, len(whole) // 2, len(whole) - 1):
            with self.subTest(length=length):
                (self.folder / "cut.caffemodel").write_bytes(whole[:length])
                self.expect_message(self.train_with("--weights", "cut.caffemodel"), r"cut\.caffemodel")

    def test_random_bytes_as_weights(self):
        self.write_job()
        (self.folder / "noise.caffemodel").write_bytes(bytes((i * 7919 + 13) % 251 for i in range(5000)))
        self.expect_message(self.train_with("--weights", "noise.caffemodel"), r"noise\.caffemodel")

    def test_a_prototxt_as_weights(self):
        self.write_job()
        self.expect_message(self.train_with("--weights", "net.prototxt"), r"net\.prototxt")

    def test_a_solver_state_as_weights(self):
        _, state = self.small_snapshot()
        self.expect_message(self.train_with("--weights", state), r"solverstate")

    def test_weights_of_another_shape(self):
        weights, _ = self.small_snapshot()
        self.write_job(layers=LOSS.replace("num_output: 5", "num_output: 6"))
        self.expect_message(self.train_with("--weights", weights), r"layer 'ip'.*5x192.*6x192.*rename the layer")

    def test_weights_of_another_net(self):
        weights, _ = self.small_snapshot()
        self.write_job(layers=LOSS.replace('"ip"', '"other"'))
        self.expect_message(self.train_with("--weights", weights), r"none of its layers")

    def test_a_truncated_solver_state(self):
        _, state = self.small_snapshot()
        state.write_bytes(state.read_bytes()[:-20])
        self.expect_message(self.train_with("--resume", state), r"solverstate")

    def test_weights_as_solver_state(self):
        weights, state = self.small_snapshot()
        other = self.folder / "renamed.solverstate"
        shutil.copy(weights, other)
        self.expect_message(self.train_with("--resume", other), r"renamed\.solverstate")

    def test_a_state_of_another_solver(self):
        _, state = self.small_snapshot()
        self.write_job(solver=SOLVER.replace('"SGD"', '"Adam"'))
        self.expect_message(self.train_with("--resume", state), r"history")

    def test_weights_alone_given_to_resume(self):
        weights, state = self.small_snapshot()
        state.unlink()
        self.expect_message(self.train_with("--resume", weights), r"file of weights.*--weights")

    def test_a_broken_resume_file(self):
        _, state = self.small_snapshot()
        state.with_suffix(".dlrunstate").write_text("{", encoding="utf-8")
        self.expect_message(self.train_with("--resume", state), r"dlrunstate")

    # ---- data

    def idx_job(self, images, labels="labels"):
        self.write("net.prototxt", f"""layer {{ name: "data" type: "IdxData" top: "x" top: "t"
  idx_data_param {{ images: "{images}" labels: "{labels}" batch_size: 2 }} }}\n""" + LOSS)
        self.write("solver.prototxt", SOLVER)
        return self.train_with()

    def write_idx(self, name, magic, dims, values):
        (self.folder / name).write_bytes(struct.pack(f">{1 + len(dims)}I", magic, *dims) + bytes(values))

    def test_missing_idx_file(self):
        self.expect_message(self.idx_job("nowhere"), r"nowhere")

    def test_idx_file_of_another_kind(self):
        self.write_idx("images", 99, [2, 2, 2], range(8))
        self.write_idx("labels", 2049, [2], range(2))
        self.expect_message(self.idx_job("images"), r"images")

    def test_truncated_idx_file(self):
        self.write_idx("images", 2051, [4, 2, 2], range(8))
        self.write_idx("labels", 2049, [4], range(4))
        self.expect_message(self.idx_job("images"), r"images")

    def test_idx_file_that_claims_too_much(self):
        self.write_idx("images", 2051, [0xFFFFFFFF, 0xFFFF, 0xFFFF], range(8))
        self.write_idx("labels", 2049, [4], range(4))
        self.expect_message(self.idx_job("images"), r"images")

    def test_labels_and_images_that_do_not_match(self):
        self.write_idx("images", 2051, [2, 2, 2], range(8))
        self.write_idx("labels", 2049, [3], range(3))
        self.expect_message(self.idx_job("images"), r"labels|images")

    def data_job(self, source, backend="LMDB"):
        self.write("net.prototxt", f"""layer {{ name: "data" type: "Data" top: "x" top: "t"
  data_param {{ source: "{source}" batch_size: 2 backend: {backend} }} }}\n""" + LOSS)
        self.write("solver.prototxt", SOLVER)
        return self.train_with()

    def test_missing_database(self):
        for backend in ("LMDB", "LEVELDB"):
            with self.subTest(backend=backend):
                self.expect_message(self.data_job("nowhere_db", backend), r"net\.prototxt:\d+:\d+: layer 'data'.*nowhere_db")
                self.assertFalse((self.folder / "nowhere_db").exists(), "reading made a database")

    def test_empty_folder_as_database(self):
        (self.folder / "empty").mkdir()
        self.expect_message(self.data_job("empty"), r"empty")

    def test_corrupt_database(self):
        (self.folder / "bad").mkdir()
        (self.folder / "bad/data.mdb").write_bytes(b"not a database" * 1000)
        self.expect_message(self.data_job("bad"), r"bad")

    def test_truncated_database(self):
        shutil.copytree(SOURCE / "tests/golden/data/raw_lmdb", self.folder / "cut")
        data = self.folder / "cut/data.mdb"
        data.chmod(0o644)
        data.write_bytes(data.read_bytes()[:9000])
        self.expect_message(self.data_job("cut"), r"cut")

    def test_hdf5_list_of_nothing(self):
        self.write("list.txt", "nowhere.h5\n")
        self.write("net.prototxt", 'layer { name: "data" type: "HDF5Data" top: "x" top: "t" hdf5_data_param { source: "list.txt" batch_size: 2 } }\n' + LOSS)
        self.write("solver.prototxt", SOLVER)
        self.expect_message(self.train_with(), r"nowhere\.h5")

    def test_hdf5_file_that_is_none(self):
        self.write("list.txt", "bad.h5\n")
        self.write("bad.h5", "text")
        self.write("net.prototxt", 'layer { name: "data" type: "HDF5Data" top: "x" top: "t" hdf5_data_param { source: "list.txt" batch_size: 2 } }\n' + LOSS)
        self.write("solver.prototxt", SOLVER)
        self.expect_message(self.train_with(), r"bad\.h5")

    def test_crop_larger_than_the_image(self):
        shutil.copytree(SOURCE / "tests/golden/data/raw_lmdb", self.folder / "db")
        self.write("net.prototxt", 'layer { name: "data" type: "Data" top: "x" top: "t" transform_param { crop_size: 500 } data_param { source: "db" batch_size: 2 backend: LMDB } }\n' + LOSS)
        self.write("solver.prototxt", SOLVER)
        self.expect_message(self.train_with(), r"crop_size|500")

    def test_missing_mean_file(self):
        shutil.copytree(SOURCE / "tests/golden/data/raw_lmdb", self.folder / "db")
        self.write("net.prototxt", 'layer { name: "data" type: "Data" top: "x" top: "t" transform_param { mean_file: "nowhere.binaryproto" } data_param { source: "db" batch_size: 2 backend: LMDB } }\n' + LOSS)
        self.write("solver.prototxt", SOLVER)
        self.expect_message(self.train_with(), r"nowhere\.binaryproto")

    def test_converting_files_that_are_none(self):
        self.write("a", "x")
        self.expect_message(self.run_dlrun("convert", "mnist", "a", "a", "out"), r"\ba\b")

    # ---- verify

    def test_verify_against_a_file_that_is_none(self):
        self.write("net.prototxt", INPUT)
        self.write("x.h5", "text")
        self.expect_message(self.run_dlrun("verify", "net.prototxt", "--against", "x.h5"), r"x\.h5")

    # ---- plugins

    def test_no_plugins_at_all(self):
        (self.folder / "none").mkdir()
        self.plugin_path = self.folder / "none"
        self.write_job()
        self.expect_message(self.train_with(), r"layer 'data': unknown type 'DummyData'.*no plugin.*plugins list", codes=(2,))

    def test_a_plugin_that_is_no_library(self):
        self.plugin_path = None
        self.write("broken.so", "this is no library")
        self.write_job(layers='layer { name: "a" type: "Broken" bottom: "x" top: "y" }')
        self.expect_message(self.run_dlrun("check", "net.prototxt", "--plugin", self.folder / "broken.so"), r"Broken")
        why = self.run_dlrun("plugins", "why", "broken", "--plugin", self.folder / "broken.so")
        self.assertRegex(why.out + why.err, r"broken\.so")

    def test_a_broken_plugin_does_not_hurt_others(self):
        self.plugin_path = None
        self.write("broken.so", "this is no library")
        self.write_job()
        self.expect_ok("train", "solver.prototxt", "--device", "cpu", "--plugin", self.folder / "broken.so")

    def test_a_world_writable_plugin(self):
        self.plugin_path = None
        folder = self.folder / "open"
        folder.mkdir()
        shutil.copy(PLUGINS / "relu.so", folder / "relu.so")
        (folder / "relu.so").chmod(0o777)
        done = self.run_dlrun("plugins", "why", "relu.so", "--plugin", folder)
        self.assertRegex(done.out + done.err, r"relu\.so can't be used: refused: every user may write")

    def test_a_missing_plugin_file(self):
        self.plugin_path = None
        self.write_job()
        self.expect_message(self.train_with("--plugin", "nowhere.so"), r"nowhere\.so", codes=(2,))

    # ---- the machine

    def test_a_full_disk_leaves_the_old_snapshot(self):
        if os.geteuid() != 0:
            self.skipTest("mounting needs root")
        small = self.folder / "small"
        small.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", small], capture_output=True, check=False).returncode != 0:
            self.skipTest("no mounts here")
        try:
            self.write_job(solver=SOLVER.replace('"snap"', f'"{small}/snap"') + "snapshot: 1\n")
            done = self.train_with()
            self.expect_message(done, r"No space left", codes=(1,))
            self.assertFalse([path for path in small.iterdir() if ".tmp" in path.name], "a temporary file was left")
        finally:
            subprocess.run(["umount", small], check=True)

    def test_a_loss_that_is_not_a_number(self):
        self.write_job(layers='layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 5 weight_filler { type: "constant" value: 1e30 } bias_filler { type: "constant" value: 1e30 } } }\n'
                              'layer { name: "sq" type: "Power" bottom: "ip" top: "sq" power_param { power: 2 } }\n'
                              'layer { name: "lab" type: "DummyData" top: "u" dummy_data_param { shape { dim: 4 dim: 5 } } }\n'
                              'layer { name: "loss" type: "EuclideanLoss" bottom: "sq" bottom: "u" top: "loss" }\n')
        self.expect_message(self.train_with(), r"iteration \d+: the loss is", codes=(1,))


if __name__ == "__main__":
    main()
