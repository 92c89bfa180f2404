"""`dlrun conform --from`: cases made of a net's layers, in its shapes."""

import json
import unittest

from support import BUILD, PLUGINS, SOURCE, CommandTest

GALLERY = BUILD / "tests" / "gallery"
NET = """
input: "a" input_shape { dim: 3 dim: 7 }
input: "b" input_shape { dim: 3 dim: 7 }
layer { name: "mixed" type: "Gallery" bottom: "a" bottom: "b" top: "c" }
layer { name: "again" type: "Gallery" bottom: "c" bottom: "b" top: "d" }
layer { name: "ip" type: "InnerProduct" bottom: "d" top: "e" inner_product_param { num_output: 6 } }
layer { name: "relu" type: "ReLU" bottom: "e" top: "e" }
"""
V1_NET = """
input: "data" input_dim: 2 input_dim: 3 input_dim: 9 input_dim: 8
layers { name: "conv" type: CONVOLUTION bottom: "data" top: "conv" blobs_lr: 1 convolution_param { num_output: 5 kernel_size: 3 } }
layers { name: "relu" type: RELU bottom: "conv" top: "conv" }
layers { name: "pool" type: POOLING bottom: "conv" top: "pool" pooling_param { kernel_size: 3 stride: 2 } }
"""
V0_NET = """
input: "data" input_dim: 2 input_dim: 3 input_dim: 9 input_dim: 8
layers { layer { name: "conv" type: "conv" num_output: 5 kernelsize: 3 } bottom: "data" top: "conv" }
layers { layer { name: "relu" type: "relu" } bottom: "conv" top: "conv" }
layers { layer { name: "pool" type: "pool" kernelsize: 3 stride: 2 } bottom: "conv" top: "pool" }
"""


class From(CommandTest):
    def report(self, plugin, *args):
        done = self.run_dlrun("conform", plugin, "--json", "--from", *args)
        self.assertIn(done.code, (0, 1), done.err)
        report = json.loads(done.out)
        return report["failures"], {rung["rung"]: rung for rung in report["ladder"]}

    # Plugins named by --plugin are found without --plugin-path, which would exclude it.
    def command(self, *args):
        words = super().command(*args)
        if "--plugin" in words:
            del words[-2:]
            words += ["--plugin", str(PLUGINS)]
        return words

    def test_a_layer_is_checked_in_the_shapes_of_the_net(self):
        net = self.write("net.prototxt", NET)
        failures, ladder = self.report(GALLERY / "layer_none.so", net)
        self.assertEqual(failures, [])
        # One case, as both layers are the same; on the host device and on its portable kernels; by L2 and L16.
        self.assertEqual(ladder["gradients"]["passed"], 4)
        self.assertNotIn("state", ladder)

        failures, _ = self.report(GALLERY / "layer_wrong_gradient.so", net)
        self.assertEqual([(failure["rule"], failure["case"]) for failure in failures], [
            ("L2", "Gallery: 'mixed' in net.prototxt (3 7, 3 7)"),
            ("L2", "Gallery: 'mixed' in net.prototxt (3 7, 3 7), portable")])

    def test_an_override_changes_the_shapes(self):
        failures, _ = self.report(GALLERY / "layer_wrong_gradient.so", self.write("net.prototxt", NET), "--set",
                                  "net.layer[input].input_param.shape[0].dim=[2, 5]", "--set",
                                  "net.layer[input].input_param.shape[1].dim=[2, 5]")
        self.assertIn("(2 5, 2 5)", failures[0]["case"])

    def test_a_large_tensor_is_sampled(self):
        large = NET.replace("dim: 3 dim: 7", "dim: 50 dim: 600")
        failures, _ = self.report(GALLERY / "layer_none.so", self.write("net.prototxt", large))
        self.assertEqual(failures, [])
        failures, _ = self.report(GALLERY / "layer_wrong_gradient.so", self.write("net.prototxt", large))
        self.assertEqual({failure["rule"] for failure in failures}, {"L2"})

    def test_a_device_gets_every_layer_and_their_operators(self):
        for name, net in {"v0": V0_NET, "v1": V1_NET}.items():
            with self.subTest(name):
                failures, ladder = self.report(PLUGINS / "device_cpu.so", self.write(f"{name}.prototxt", net))
                self.assertEqual(failures, [])
                # Convolution, ReLU and pooling, in two element types, by N1 and N2.
                self.assertEqual(ladder["layers"]["passed"], 12)
                self.assertGreater(ladder["operators"]["passed"], 20)

    def test_a_wrong_device_is_found(self):
        net = self.write("net.prototxt", NET.replace("Gallery", "Eltwise"))
        failures, _ = self.report(GALLERY / "device_wrong_numbers.so", net)
        self.assertEqual({failure["rule"] for failure in failures}, {"O1"})
        self.assertIn("[3, 7]", failures[0]["case"])

    def test_jobs_of_this_repository(self):
        failures, ladder = self.report(PLUGINS / "device_cpu.so", SOURCE / "configs/lenet-mnist.yaml", "--set",
                                       "net.layer[mnist].idx_data_param.batch_size=2")
        self.assertEqual(failures, [])
        # Two convolutions, a pooling in two shapes, two inner products, ReLU, the loss; and Accuracy of the net for testing.
        self.assertEqual(ladder["layers"]["passed"], 9 * 4)
        failures, _ = self.report(PLUGINS / "sigmoid.so", SOURCE / "configs/mnist-autoencoder.yaml", "--set",
                                  "net.layer[data].idx_data_param.batch_size=2")
        self.assertEqual(failures, [])
        failures, _ = self.report(PLUGINS / "lrn.so", SOURCE / "models/alexnet/deploy.prototxt", "--set",
                                  "net.layer[data].input_param.shape.dim=[1, 3, 67, 67]")
        self.assertEqual(failures, [])

    def expect_error(self, *args):
        done = self.run_dlrun("conform", *args)
        self.assertEqual(done.code, 2, done.out + done.err)
        return done.err

    def test_data_that_is_not_there(self):
        words = self.expect_error(PLUGINS / "lrn.so", "--from", SOURCE / "models/alexnet/train_val.prototxt")
        self.assertIn("train_val.prototxt:14:24: layer 'data': LMDB 'examples/imagenet/ilsvrc12_train_lmdb'", words)
        self.assertIn('give them by `input: "data"`', words)
        failures, ladder = self.report(PLUGINS / "softmax_with_loss.so", SOURCE / "models/alexnet/train_val.prototxt", "--set",
                                       "net.state.stage=synthetic")
        self.assertEqual(failures, [])
        self.assertEqual(ladder["gradients"]["passed"], 2)

    def test_wrong_files(self):
        relu = PLUGINS / "relu.so"
        self.assertIn("no such file", self.expect_error(relu, "--from", "none.prototxt"))
        net = self.write("net.prototxt", NET.replace("num_output", "num_outputs"))
        self.assertIn("net.prototxt:6:", self.expect_error(relu, "--from", net, "--plugin", GALLERY / "layer_none.so"))
        net = self.write("net.prototxt", V1_NET)
        self.assertIn("no layer of type 'LRN' in it; its types are Convolution, Pooling, ReLU",
                      self.expect_error(PLUGINS / "lrn.so", "--from", net))
        self.assertIn("--from", self.expect_error(relu, "--set", "net.name=x"))


if __name__ == "__main__":
    unittest.main()
