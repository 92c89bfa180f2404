"""`dlrun plugins list|why|lock` and `dlrun manifest`."""

import json
import shutil
import stat
import unittest

from support import BUILD, PLUGINS, CommandTest

SMALL_PLUGINS = BUILD / "tests" / "plugins"


JOB_ON_A_BOX = """
plugins: [plugins]
device: box
fallback: allow
net:
  layer:
    - {name: x, type: Input, top: x, input_param: {shape: {dim: [1, 2]}}}
    - {name: relu, type: ReLU, bottom: x, top: y}
"""


class Plugins(CommandTest):
    plugin_path = None

    def setUp(self):
        super().setUp()
        self.plugins = self.folder / "plugins"
        self.plugins.mkdir()

    def add(self, name):
        return shutil.copy(SMALL_PLUGINS / f"{name}.so", self.plugins)

    def plugin_command(self, *args, **options):
        return self.run_dlrun("plugins", *args, "--plugin-path", self.plugins, **options)

    def test_an_empty_path_lists_nothing_and_says_where_it_looked(self):
        done = self.plugin_command("list")
        self.assertEqual(done.code, 0)
        self.assertEqual(done.out, f"no plugins\n  looked in {self.plugins} (--plugin-path): no libraries\n")

    def test_list_prints_a_table_and_what_is_not_usable(self):
        self.add("good")
        self.add("wrong_major")
        done = self.plugin_command("list")
        self.assertEqual(done.code, 0)
        lines = done.out.splitlines()
        self.assertEqual(lines[0].split(), ["KIND", "NAME", "PLUGIN", "VERSION", "FILE"])
        self.assertEqual(lines[1].split(), ["layer", "Good", "org.example.good", "1.2.3", str(self.plugins / "good.so")])
        self.assertIn("built for plugin interface 3.2, this dlrun speaks", lines[-1])

    def test_list_of_a_kind_lists_only_that(self):
        self.add("good")
        self.assertNotIn("Trace", self.plugin_command("list", "layer").out)
        self.assertIn("no plugins of kind solver", self.plugin_command("list", "solver").out)
        done = self.plugin_command("list", "layr")
        self.assertEqual(done.code, 2)
        self.assertIn("unknown kind 'layr'; did you mean 'layer'?", done.err)

    def test_list_prints_json(self):
        self.add("good")
        self.add("crashes_in_query")
        facts = json.loads(self.plugin_command("list", "--json").out)
        good = facts["provided"][0]
        self.assertEqual((good["kind"], good["name"], good["plugin"]), ("layer", "Good", "org.example.good"))
        self.assertEqual((good["bottoms"], good["tops"]), ([1, 1], [1, -1]))
        self.assertIn("crashed with signal 11", facts["not_usable"][0]["reason"])
        self.assertEqual(facts["looked_in"][0]["path"], str(self.plugins))

    def test_why_gives_the_stored_reason(self):
        self.add("crashes_in_query")
        self.assertIn("crashed with signal 11", self.plugin_command("why", "crashes_in_query").out)
        self.assertIn("no plugin provides 'Nonsense'", self.plugin_command("why", "Nonsense").out)

    def test_lock_pins_what_is_found(self):
        self.add("good")
        self.assertEqual(self.plugin_command("lock").code, 0)
        self.assertIn("org.example.good", (self.folder / "plugins.lock").read_text())
        (self.folder / "elsewhere").mkdir()
        self.assertEqual(self.plugin_command("lock", "elsewhere/job.yaml").code, 0)
        self.assertTrue((self.folder / "elsewhere" / "plugins.lock").exists())

    def test_lock_knows_the_plugins_of_the_job(self):
        self.add("good")
        self.write("job.yaml", "plugins: [plugins]\nnet: {layer: []}\n")
        done = self.run_dlrun("plugins", "lock", "job.yaml")
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("org.example.good", (self.folder / "plugins.lock").read_text())

    def test_a_job_names_plugins_beside_its_folders(self):
        shutil.copy(SMALL_PLUGINS / "good.so", self.folder)
        self.add("plain")
        self.write("job.yaml", "plugins: [good.so]\nplugin_path: [plugins]\nnet: {layer: []}\n")
        self.assertEqual(self.run_dlrun("plugins", "lock", "job.yaml").code, 0)
        locked = (self.folder / "plugins.lock").read_text()
        self.assertIn("org.example.good", locked)
        self.assertIn("org.example.plain", locked)
        self.assertNotIn("org.dlrun", locked)

    def test_lock_wants_a_choice_between_rivals(self):
        self.add("plain")
        self.add("plain_rival")
        done = self.plugin_command("lock")
        self.assertEqual(done.code, 2)
        self.assertIn("leave one out with --exclude", done.err)
        self.assertEqual(self.plugin_command("lock", "--exclude", "org.example.plain").code, 0)
        self.assertIn("com.acme.plain", (self.folder / "plugins.lock").read_text())

    def test_a_damaged_lock_can_be_written_anew(self):
        self.add("good")
        (self.folder / "plugins.lock").write_text("plugins: [")
        self.assertEqual(self.plugin_command("list").code, 2)
        self.assertEqual(self.plugin_command("lock").code, 0)
        self.assertEqual(self.plugin_command("list").code, 0)

    def test_manifest_is_written_beside_the_plugin_or_where_it_is_wanted(self):
        good = self.add("good")
        self.assertEqual(self.run_dlrun("manifest", good).code, 0)
        beside = (self.plugins / "good.manifest.yaml").read_text()
        self.assertIn('id: "org.example.good"', beside)
        self.assertEqual(self.run_dlrun("manifest", good, "-o", "other.yaml").code, 0)
        self.assertEqual((self.folder / "other.yaml").read_text(), beside)
        self.assertEqual(self.run_dlrun("manifest", good, "-o", "-").out, beside)

    def test_manifest_of_a_bad_plugin_is_an_error(self):
        done = self.run_dlrun("manifest", self.add("bad_schema"))
        self.assertEqual(done.code, 1)
        self.assertIn("bad_schema.so: its schema is wrong: wrong.proto:2:", done.err)
        self.assertEqual(list(self.plugins.glob("*.yaml")), [])
        self.assertEqual(self.run_dlrun("manifest", "nowhere.so").code, 2)

    def test_a_plugin_and_a_path_exclude_each_other(self):
        self.assertEqual(self.plugin_command("list", "--plugin", self.add("good")).code, 2)

    def test_a_device_without_what_is_optional_is_listed_for_what_it_has(self):
        for build in ("", "_older", "_newer"):
            with self.subTest(build=build):
                self.add(f"minimal_device{build}")
                listed = json.loads(self.run_dlrun("devices", "--json", "--plugin-path", self.plugins).out)
                self.assertEqual([(device["device"], device["level"]) for device in listed], [("box", 0)])
                (self.plugins / f"minimal_device{build}.so").unlink()

    def test_a_library_that_may_be_a_device_is_listed_with_why_it_is_not_usable(self):
        needy = shutil.copy(SMALL_PLUGINS / "needs_library.so", self.plugins / "device_needy.so")
        self.add("crashes_in_query")  # nothing says that it was a device
        environment = self.environment()
        environment.pop("LD_LIBRARY_PATH", None)  # Meson's leads to the library that is to be missing
        listed = json.loads(self.run_dlrun("devices", "--json", "--plugin-path", self.plugins, env=environment).out)
        self.assertEqual([device["device"] for device in listed], ["needy"])
        reason = f"{needy} can't be used: the library libmiddle.so is missing"
        self.assertIn(reason, listed[0]["reason"])
        table = self.run_dlrun("devices", "--plugin-path", self.plugins, env=environment).out.splitlines()
        self.assertIn(f"none: {reason}", table[1])
        self.assertEqual(len(table), 2, table)
        self.add("minimal_device")
        self.write("job.yaml", JOB_ON_A_BOX)
        for wanted, told in (("needy", reason), ("other", "2 plugins there can't be used; `dlrun plugins list` says why")):
            done = self.run_dlrun("time", "job.yaml", "--device", wanted, env=environment)
            self.assertEqual(done.code, 2)
            self.assertIn(f"unknown device '{wanted}'", done.err)
            self.assertIn("; known are auto, ", done.err)
            self.assertIn(told, done.err)

    def test_rival_devices_are_told_apart_by_their_plugins(self):
        self.add("minimal_device")
        self.add("minimal_device_rival")
        rivals = ["org.example.minimal-device/box", "com.acme.box/box"]
        listed = json.loads(self.run_dlrun("devices", "--json", "--plugin-path", self.plugins).out)
        self.assertCountEqual([device["device"] for device in listed], rivals)
        self.write("job.yaml", JOB_ON_A_BOX)
        done = self.run_dlrun("check", "job.yaml")
        self.assertEqual(done.code, 2)
        self.assertIn("job.yaml:3:9: two plugins provide the device 'box'", done.err)
        for rival in rivals:
            self.assertIn(f"'{rival}'", done.err)
            self.assertIn(f"{rival} runs", self.expect_ok("time", "job.yaml", "--device", rival).out)
        (self.plugins / "minimal_device_rival.so").unlink()
        self.assertIn("box runs", self.expect_ok("time", "job.yaml", "--device", rivals[0]).out)

    def test_a_layer_whose_top_is_of_another_type_is_refused(self):
        self.add("minimal_layer_of_bytes")
        self.write("job.yaml", JOB_ON_A_BOX.replace("box", "cpu").replace("ReLU", "Double"))
        done = self.run_dlrun("check", "job.yaml")
        self.assertEqual(done.code, 1)
        self.assertIn("layer 'relu': top 0 would be of element type 0x7508: the layer's author must give it the net's", done.err)

    def test_a_world_writable_plugin_is_refused(self):
        good = self.plugins / "good.so"
        self.add("good")
        good.chmod(good.stat().st_mode | stat.S_IWOTH)
        done = self.plugin_command("list")
        self.assertEqual(done.code, 0)
        self.assertIn("refused: every user may write to the file", done.out)

    def test_the_current_folder_is_not_searched(self):
        self.add("good")
        done = self.run_dlrun("plugins", "list", cwd=self.plugins, env=self.environment(DLRUN_PLUGIN_PATH="."))
        self.assertEqual(done.code, 0)
        self.assertNotIn("org.example.good", done.out)

    def test_every_built_in_plugin_has_a_manifest_that_is_believed(self):
        done = self.run_dlrun("plugins", "list", "--plugin-path", PLUGINS, "--json")
        facts = json.loads(done.out)
        self.assertGreater(len(facts["provided"]), 20)
        self.assertEqual(facts["not_usable"], [])
        for library in PLUGINS.glob("*.so"):
            self.assertTrue(library.with_suffix(".manifest.yaml").exists(), library)


if __name__ == "__main__":
    unittest.main()
