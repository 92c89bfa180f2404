"""`dlrun convert mnist` writes whole databases or none, and never over anything by accident."""

import gzip
import struct

from support import PLUGINS, CommandTest, main


def idx(dims, data):
    return b"\0\0\x08" + bytes([len(dims)]) + struct.pack(f">{len(dims)}I", *dims) + data


IMAGES = idx([3, 1, 2], bytes([10, 11, 20, 21, 30, 31]))
LABELS = idx([3], bytes([7, 8, 9]))
# Datums: channels 1, height 1, width 2, data, label
DATUMS = [b"\x08\x01\x10\x01\x18\x02\x22\x02" + pixels + b"\x28" + label
          for pixels, label in ((b"\x0a\x0b", b"\x07"), (b"\x14\x15", b"\x08"), (b"\x1e\x1f", b"\x09"))]


class ConvertMnist(CommandTest):
    def convert(self, images=IMAGES, labels=LABELS, *more):
        (self.folder / "images").write_bytes(images)
        (self.folder / "labels").write_bytes(labels)
        return self.run_dlrun("convert", "mnist", "images", "labels", "db", *more)

    def leftovers(self):
        return sorted(path.name for path in self.folder.iterdir() if path.name not in ("images", "labels", "cache"))

    def test_every_image_and_label_is_a_datum_under_an_eight_digit_key(self):
        for images in (IMAGES, gzip.compress(IMAGES)):
            done = self.convert(images, LABELS, "--force")
            self.assertEqual(done.code, 0, done.err)
            self.assertIn("3 images of 1x1x2", done.out)
            data = (self.folder / "db/data.mdb").read_bytes()
            for number, datum in enumerate(DATUMS):
                self.assertIn(b"%08d" % number + datum, data)
            self.assertEqual(self.leftovers(), ["db"])

    def test_another_kind_of_database(self):
        if not (PLUGINS / "database_leveldb.so").exists():
            self.skipTest("built without LevelDB")
        self.assertEqual(self.convert(IMAGES, LABELS, "--backend", "leveldb").code, 0)
        self.assertTrue((self.folder / "db/CURRENT").exists())
        self.assertEqual(self.leftovers(), ["db"])

    def test_what_is_there_stays_unless_told_otherwise(self):
        self.assertEqual(self.convert().code, 0)
        before = (self.folder / "db/data.mdb").read_bytes()
        done = self.convert()
        self.assertEqual(done.code, 2)
        self.assertRegex(done.err, "^db: exists already.*--force")
        other = idx([3], bytes([1, 1, 1]))
        self.assertEqual(self.convert(IMAGES, idx([2], b"\1\1"), "--force").code, 2)
        self.assertEqual((self.folder / "db/data.mdb").read_bytes(), before)
        self.assertEqual(self.convert(IMAGES, other, "--force").code, 0)
        self.assertNotEqual((self.folder / "db/data.mdb").read_bytes(), before)

    def test_force_replaces_databases_only(self):
        (self.folder / "db").mkdir()
        (self.folder / "db/letter").write_text("dear", encoding="utf-8")
        done = self.convert(IMAGES, LABELS, "--force")
        self.assertEqual(done.code, 2)
        self.assertIn("isn't a database", done.err)
        self.assertEqual((self.folder / "db/letter").read_text(encoding="utf-8"), "dear")

    def test_wrong_input_is_one_message_and_leaves_nothing(self):
        cases = [
            (b"no", LABELS, (), "images: not an IDX file"),
            (LABELS, IMAGES, (), "images: has 1 dimensions, expected 3.*swapped"),
            (IMAGES, idx([2], b"\1\2"), (), "labels: has 2 labels but 'images' has 3 images"),
            (IMAGES[:-1], LABELS, (), "images: is cut off: it ends within item 3 of 3"),
            (IMAGES + b"x", LABELS, (), "images: is longer than the 3 items"),
            (gzip.compress(IMAGES)[:-10], LABELS, (), "images: "),
            (IMAGES, LABELS, ("--backend", "paper"), "unknown backend 'paper'; there are: "),
        ]
        for images, labels, more, message in cases:
            with self.subTest(message=message):
                done = self.convert(images, labels, *more)
                self.assertEqual(done.code, 2, done.err)
                self.assertRegex(done.err, f"^{message}")
                self.assertEqual(done.err.count("\n"), 1, done.err)
                self.assertEqual(self.leftovers(), [])


if __name__ == "__main__":
    main()
