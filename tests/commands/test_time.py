"""`dlrun time`: layers, the trace, what moves, and dispatch; `dlrun devices`."""

import json
import tempfile
import unittest

from support import BUILD, CommandTest, PLUGINS, SOURCE, main

LENET = SOURCE / "configs/lenet-mnist.yaml"
HAS_OPENCL = (PLUGINS / "device_opencl.so").exists()
CUDA_ON_DOUBLE = BUILD / "tests/doubles/cuda/device_cuda.so"


def spans_by_thread(trace):
    threads = {}
    for event in trace["traceEvents"]:
        if event["ph"] == "X":
            threads.setdefault((event["pid"], event["tid"]), []).append(event)
    return threads


class Time(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kernels = tempfile.TemporaryDirectory(prefix="dlrun-test-")
        cls.addClassCleanup(cls.kernels.cleanup)

    def environment(self, **extra):
        return super().environment(XDG_CACHE_HOME=self.kernels.name, **extra)  # compiled once for all tests

    def time(self, device, *args):
        done = self.expect_ok("time", LENET, "--device", device, "--iterations", 2, "--json", *args)
        return json.loads(done.out)

    def check_trace(self, device, *args):
        timed = self.time(device, "--per-layer", "--trace", self.folder / "trace.json", *args)
        trace = json.loads((self.folder / "trace.json").read_text())
        threads = spans_by_thread(trace)
        names = {(event["pid"], event["name"]): event["args"]["name"] for event in trace["traceEvents"] if event["ph"] == "M"}
        for key, spans in threads.items():
            self.assertIn((key[0], "process_name"), names)
            self.assertIn((key[0], "thread_name"), names)
            self.check_nesting(spans)
        host = [event for event in threads[(1, 1)] if event["cat"] == "layer"]
        for layer in timed["layers"]:
            for phase in ("forward", "backward"):
                found = [event for event in host if event["name"] == layer["layer"] and event["args"]["phase"] == phase]
                if phase == "forward" or layer["backward_ms"] > 0:
                    self.assertEqual(len(found), 2, (layer, phase))
                for event in found:
                    self.assertEqual(event["args"]["type"], layer["type"])
                    self.assertIn("flops", event["args"])
                    self.assertIn("bytes", event["args"])
        runs_backward = {layer["layer"] for layer in timed["layers"] if layer["backward_ms"] > 0}
        self.assertLessEqual({"conv1", "pool1", "conv2", "pool2", "ip1", "relu1", "ip2", "loss"}, runs_backward)
        return timed, threads, names

    def check_nesting(self, spans):
        """Of any two spans of a thread, one lies within the other or they don't overlap. Times are whole nanoseconds."""
        open_ends = []
        ordered = [(round(e["ts"] * 1000), -round(e["dur"] * 1000), e["name"]) for e in spans]
        for begin, negative_duration, name in sorted(ordered, key=lambda span: span[:2]):
            end = begin - negative_duration
            self.assertGreaterEqual(begin, 0)
            self.assertGreater(end, begin, name)
            while open_ends and open_ends[-1] <= begin:
                open_ends.pop()
            if open_ends:
                self.assertLessEqual(end, open_ends[-1], name)
            open_ends.append(end)

    def test_a_trace_by_the_host_clock(self):
        timed, threads, _ = self.check_trace("cpu")
        self.assertEqual({layer["clock"] for layer in timed["layers"]}, {"host"})
        self.assertEqual(set(threads), {(1, 1)})

    @unittest.skipUnless(HAS_OPENCL, "built without opencl")
    def test_a_trace_by_the_device_clock(self):
        self.check_trace_of_device("opencl")

    @unittest.skipUnless(CUDA_ON_DOUBLE.exists(), "built without cuda")
    def test_a_trace_by_the_clock_of_cuda_on_the_double(self):
        self.check_trace_of_device("cuda", "--plugin-path", CUDA_ON_DOUBLE.parent)

    def check_trace_of_device(self, device, *args):
        timed, threads, names = self.check_trace(device, *args)
        self.assertEqual(names[(2, "process_name")], f"device {device}")
        clocks = {layer["layer"]: layer["clock"] for layer in timed["layers"]}
        self.assertEqual(clocks["conv1"], "device")
        self.assertEqual(clocks["mnist"], "host")
        events = [event for (process, _), spans in threads.items() if process == 2 for event in spans]
        layers = {(event["name"], event["args"]["phase"]) for event in events if event["cat"] == "layer"}
        for layer in ("conv1", "pool1", "conv2", "pool2", "ip1", "relu1", "ip2", "loss"):
            self.assertLessEqual({(layer, "forward"), (layer, "backward")}, layers)
        work = {event["name"] for event in events if event["cat"] == "work"}
        self.assertIn("copy to the device", work)
        self.assertGreater(len(work), 5)

    @unittest.skipUnless(HAS_OPENCL, "built without opencl")
    def test_what_moves_is_told_by_tensor(self):
        timed = self.time("opencl")
        found = {(move["layer"], move["tensor"], move["what"]): move for move in timed["moves"]}
        data = found[("conv1", "'data'", "copied to a device")]
        self.assertEqual((data["times"], data["bytes"]), (1, 64 * 28 * 28 * 4))
        self.assertEqual(sum(move["bytes"] for move in timed["moves"] if move["what"] == "copied to a device"),
                         timed["moved_per_pass"]["bytes_to_device"])
        text = self.expect_ok("time", LENET, "--device", "opencl", "--iterations", 1)
        self.assertIn("conv1 forward: 'data' copied to a device, 0.201 MB", text.out)
        trained = self.expect_ok("train", LENET, "--device", "opencl", "--set", "solver.max_iter=3", "--set", "solver.test_interval=100", "--set", "solver.test_initialization=false", "--set", "solver.test_iter=1",
                                 "--set", f"solver.snapshot_prefix={self.folder / 'a'}")
        self.assertIn("conv1 forward: 'data' copied to a device, 0.201 MB", trained.out + trained.err)

    def test_without_kernels_little_is_left(self):
        whole = self.time("cpu")
        dispatch = self.time("cpu", "--no-kernels")
        self.assertLess(dispatch["forward_ms"] + dispatch["backward_ms"], (whole["forward_ms"] + whole["backward_ms"]) / 10)

    def test_devices_say_their_level(self):
        devices = {device["device"]: device for device in json.loads(self.expect_ok("devices", "--json").out)}
        self.assertEqual(devices["cpu"]["level"], 3)
        self.assertGreater(devices["cpu"]["memory"], 0)
        for name, level in (("onednn", 4), ("opencl", 2), ("strict", 4)):
            if name in devices and "reason" not in devices[name]:
                self.assertEqual(devices[name]["level"], level, name)

    @unittest.skipUnless(HAS_OPENCL, "built without opencl")
    def test_a_backend_without_a_device_says_why(self):
        empty = self.folder / "no-vendors"
        empty.mkdir()
        done = self.expect_ok("devices", "--json", env=self.environment(OCL_ICD_VENDORS=str(empty)))
        opencl = [device for device in json.loads(done.out) if device["device"] == "opencl"]
        self.assertEqual(len(opencl), 1)
        self.assertIn("no OpenCL platform", opencl[0]["reason"])


main()
