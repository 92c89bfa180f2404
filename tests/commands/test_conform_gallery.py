"""`dlrun conform` finds each mistake of tests/gallery, under exactly the rule that it breaks."""

import json
import unittest

from support import BUILD, PLUGINS, SOURCE, CommandTest

CASES = SOURCE / "tests/gallery/cases.yaml"
KINDS = ("database", "device", "filler", "layer", "library", "schedule", "solver", "source", "transform")
GALLERY = BUILD / "tests" / "gallery"


class Gallery(CommandTest):
    def report(self, plugin):
        seconds = "5" if plugin.endswith("hangs") else "60"  # machines may be busy
        done = self.run_dlrun("conform", GALLERY / f"{plugin}.so", "--json", "--time-limit", seconds, "--cases", CASES)
        self.assertIn(done.code, (0, 1), done.err)
        report = json.loads(done.out)
        self.assertEqual(done.code, 0 if report["passed"] else 1)
        return report

    def expect(self, plugin, rule):
        failures = self.report(plugin)["failures"]
        self.assertEqual({failure["rule"] for failure in failures}, {rule}, f"{plugin}: {failures}")

    def expect_each(self, kind, rules):
        for defect, rule in rules.items():
            with self.subTest(defect):
                self.expect(f"{kind}_{defect}", rule)

    def test_what_is_right_passes(self):
        for plugin in ("device_example", "kernel_device_none", *(f"{kind}_none" for kind in KINDS)):
            with self.subTest(plugin):
                report = self.report(plugin)
                self.assertEqual(report["failures"], [])
                self.assertGreater(len(report["ladder"]), 3)

    def test_every_installed_layer_and_solver_is_run_on_a_device(self):
        self.plugin_path = None  # beside the binary, and these
        for kind, expected in (("layer", {("N1", "Gallery"), ("N2", "Gallery"), ("N1", "Accuracy"), ("N1", "DummyData")}),
                               ("solver", {("N4", "GallerySolver")})):
            report = json.loads(self.run_dlrun(
                "conform", GALLERY / "kernel_device_none.so", "--json", "--plugin", GALLERY / f"{kind}_none.so").out)
            self.assertTrue(report["passed"], report["failures"])
            passed = {(check["rule"], check["case"].split(":")[0]) for check in report["checks"]
                      if check["verdict"] == "passed" and not check["case"].endswith(": cases")}
            self.assertLessEqual(expected, passed)

    def test_a_failed_rung_says_what_is_not_reached(self):
        report = self.report("device_copies_backwards")
        reached = {rung["rung"]: rung for rung in report["ladder"]}
        self.assertEqual(reached["memory"]["verdict"], "failed")
        for rung in ("kernels", "operators", "layers"):
            self.assertEqual(reached[rung]["verdict"], "absent")
            self.assertIn("not reached: what is below it failed", reached[rung]["reasons"])

    def test_of_several_devices_each_can_be_checked(self):
        second = ("--device-index", "1", "--json")
        report = json.loads(self.run_dlrun("conform", PLUGINS / "device_strict.so", *second).out)  # it has two
        self.assertTrue(report["passed"], report["failures"])
        failures = json.loads(self.run_dlrun("conform", GALLERY / "device_none.so", *second).out)["failures"]
        self.assertEqual([(failure["rule"], failure["found"]) for failure in failures], [("D1", "1 devices")])

    def test_what_conform_can_t_use_is_refused(self):
        for words, message in ((("--time-limit", "0"), "--time-limit is 0, expected at least 1"),
                               (("--from", CASES), "--from gives cases to layers and devices")):
            done = self.run_dlrun("conform", GALLERY / "solver_none.so", *words)
            self.assertEqual(done.code, 2, done.out)
            self.assertIn(message, done.err)

    def test_what_is_wrong_with_the_author_s_cases_is_no_fault_of_the_plugin(self):
        for text, message in (("GallerySolver: [{case: x", r"cases.yaml:1:\d+: a case of 'GallerySolver'"),
                              ("GallerySolver:\n  - {fields: ''}", r"cases.yaml:2:\d+: a case of 'GallerySolver' needs `case:`")):
            (self.folder / "cases.yaml").write_text(text, encoding="utf-8")
            done = self.run_dlrun("conform", GALLERY / "solver_none.so", "--cases", "cases.yaml")
            self.assertEqual(done.code, 2, done.out + done.err)
            self.assertRegex(done.err, message)

    def test_devices(self):
        self.expect_each("device", {
            "wrong_numbers": "O1",
            "plans_too_much": "O2",
            "missing_direction": "O3",
            "beta_ignored": "O4",
            "stale_cache": "O6",
            "copies_backwards": "D3",
            "missing_wait": "D7",
            "leaks": "D8",
            "leaks_pages": "D8",
            "leaks_plans": "D8",
            "copies_beyond": "D9",
            "spoils_youngest": "D10",
            "shares_memory": "D11",
            "plans_malformed": "O8",
            "plans_share_shape": "O9",
            "overruns_workspace": "O10",
            "trusts_workspace": "O10",
            "dirty_padding": "Y2",
            "wraps_at_32_bits": "Y3",
            "sets_reserved": "A5",
            "flushes_while_running": "A6",
            "crashes": "A10",
            "hangs": "A11",
            "opens_anything": "D1",
            "overlaps": "D2",
            "zeroes_from_start": "D4",
            "out_of_memory_unsaid": "D5",
            "zeroes_at_once": "D6",
            "spoils_input": "O5",
            "ignores_fusions": "O7",
            "fusion_forgets_slope": "O11",
            "ignores_attributes": "O7",
            "ignores_arguments": "O7",
            "reorders_lossy": "Y1",
            "clears_in_place": "O12",
            "keeps_addresses": "O6",
            "caches_by_shape": "O1",
            "drops_long_sums": "O1",
            "leaks_at_declines": "D8",
            "waits_for_one_stream": "D6",
            "waits_for_the_new_mark": "D7",
            "drops_bits_of_offsets": "D3",
            "drops_bits_of_addresses": "D3",
            "drops_bits_when_zeroing": "D4",
            "copies_within_one_buffer": "D3",
        })

    def test_devices_of_kernels(self):
        self.expect_each("kernel_device", {
            "wrong_numbers": "K1",
            "ignores_offsets": "K2",
            "unrepeatable": "K3",
            "builds_nonsense": "K4",
            "skips_the_last": "N1",
            "leaks_in_layers": "N3",
            "doubles_rates": "N4",
            "limits_items": "K1",
            "rounds_reals": "K1",
            "truncates_integers": "K1",
        })

    def test_libraries(self):
        self.expect_each("library", {
            "nameless": "A1",
            "serves_any_major": "A2",
            "changes_its_answer": "A2",
            "exports_more": "A3",
            "links_threads": "A4",
            "inits_once": "A9",
        })

    def test_layers(self):
        self.expect_each("layer", {
            "wrong_gradient": "L2",
            "missing_gradient": "L3",
            "unwritten_in_test": "L3",
            "unneeded_is_read": "L4",
            "false_alias": "L5",
            "false_per_sample": "L6",
            "false_first_sample": "L6",
            "leaks": "L14",
            "hides_errors": "A12",
            "stuck_behind_errors": "A12",
            "shares_state": "A13",
            "bound_to_a_thread": "A13",
            "crashes": "A10",
            "crashes_in_each_thread": "A10",
            "exits": "A10",
            "hangs": "A11",
            "flushes_denormals": "A6",
            "changes_locale": "A7",
            "starts_thread": "A8",
            "sets_reserved": "A5",
            "flushes_while_running": "A6",
            "moves_while_running": "A7",
            "starts_thread_while_running": "A8",
            "unlisted_kernel": "L15",
            "unlisted_in_backward": "L15",
            "never_alone": "L16",
            "shape_grows": "L1",
            "false_zero_to_zero": "L7",
            "draws_unsaid": "L8",
            "ignores_seed": "L8",
            "ignores_name": "L8",
            "restless": "L9",
            "restless_in_test": "L9",
            "false_identity": "L10",
            "false_elementwise": "L11",
            "loses_precision": "L12",
            "loses_precision_in_test": "L12",
            "forgets_state": "L13",
            "ignores_full_disk": "A12",
            "cannot_be_set_up": "L1",
            "reads_its_output": "A5",
        })

    def test_solvers(self):
        self.expect_each("solver", {
            "wrong_numbers": "S1",
            "grows_history": "S2",
            "writes_behind": "S3",
            "unrepeatable": "S4",
            "takes_first_rate": "S4",
            "remembers": "S5",
            "loses_precision": "S6",
            "refuses_empty": "S7",
            "stops_early": "S7",
            "leaks": "S8",
            "unlisted_kernel": "S9",
        })

    @unittest.skipUnless((PLUGINS / "device_opencl.so").exists(), "the build has no device that compiles kernels")
    def test_kernels_that_other_devices_can_t_compile(self):
        self.expect("layer_kernel_in_cpp", "N1")
        self.expect("solver_kernel_in_cpp", "N4")

    def test_sources(self):
        self.expect_each("source", {
            "restless": "R1",
            "wrong_bytes": "R2",
            "ignores_position": "R3",
            "other_rounds": "R4",
            "ignores_missing": "R5",
            "crashes_on_damage": "A10",
            "leaks": "R6",
            "leaks_files": "R6",
            "leaks_at_errors": "A12",
            "shares_state": "A13",
        })

    def test_databases(self):
        self.expect_each("database", {
            "unsorted": "B1",
            "never_rewinds": "B2",
            "makes_missing": "B3",
            "crashes_on_damage": "A10",
            "replaces_existing": "B3",
            "loses_committed": "B4",
            "keeps_uncommitted": "B4",
            "touches_files": "B5",
            "litters": "B6",
            "leaks": "B6",
        })

    def test_schedules(self):
        self.expect_each("schedule", {
            "wrong_numbers": "C1",
            "counts_itself": "C2",
            "turns_negative": "C3",
            "leaks": "C4",
        })

    def test_fillers(self):
        self.expect_each("filler", {
            "unrepeatable": "F1",
            "ignores_key": "F2",
            "other_in_float32": "F3",
            "skips_the_last": "F4",
            "writes_behind": "F4",
            "wrong_range": "F5",
            "leaks": "F6",
        })

    def test_transforms(self):
        self.expect_each("transform", {
            "wrong_numbers": "T1",
            "shape_grows": "T2",
            "skips_the_last": "T2",
            "draws_by_itself": "T3",
            "looks_at_the_data": "A10",
            "changes_its_input": "T4",
            "writes_behind": "T4",
            "takes_anything": "T5",
            "leaks": "T6",
        })


if __name__ == "__main__":
    unittest.main()
