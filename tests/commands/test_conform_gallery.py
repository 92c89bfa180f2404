"""`dlrun conform` finds each mistake of tests/gallery, under exactly the rule that it breaks."""

import json
import unittest

from support import BUILD, CommandTest

GALLERY = BUILD / "tests" / "gallery"


class Gallery(CommandTest):
    def report(self, plugin):
        done = self.run_dlrun("conform", GALLERY / f"{plugin}.so", "--json", "--time-limit", "5")
        self.assertIn(done.code, (0, 1), done.err)
        report = json.loads(done.out)
        self.assertEqual(done.code, 0 if report["passed"] else 1)
        return report

    def expect(self, plugin, rule):
        failures = self.report(plugin)["failures"]
        self.assertEqual({failure["rule"] for failure in failures}, {rule}, f"{plugin}: {failures}")

    def test_what_is_right_passes(self):
        for plugin in ("layer_none", "device_none", "device_example"):
            self.assertEqual(self.report(plugin)["failures"], [])

    def test_devices(self):
        for defect, rule in {
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
            "changes_rounding": "A6",
            "crashes": "A10",
            "hangs": "A11",
        }.items():
            with self.subTest(defect):
                self.expect(f"device_{defect}", rule)

    def test_layers(self):
        for defect, rule in {
            "wrong_gradient": "L2",
            "missing_gradient": "L3",
            "unneeded_is_read": "L4",
            "false_alias": "L5",
            "false_per_sample": "L6",
            "leaks": "L14",
            "crashes": "A10",
            "exits": "A10",
            "hangs": "A11",
            "flushes_denormals": "A6",
            "changes_locale": "A7",
            "starts_thread": "A8",
            "sets_reserved": "A5",
            "changes_rounding": "A6",
            "unlisted_kernel": "L15",
            "unlisted_in_backward": "L15",
        }.items():
            with self.subTest(defect):
                self.expect(f"layer_{defect}", rule)


if __name__ == "__main__":
    unittest.main()
