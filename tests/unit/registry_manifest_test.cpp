// Manifests: made from a library, written and read as YAML and as bytes.
#include "core/registry/manifest.hpp"

#include "core/registry/bytes.hpp"
#include "core/registry/scan.hpp"
#include "tests/unit/registry_support.hpp"

using namespace dlrun::registry;
using namespace registry_test;

namespace {

// A manifest with something in every field, and texts that are hard to write.
Manifest full_manifest() {
  Manifest manifest;
  manifest.file = "/plugins/full.so";
  manifest.id = "com.acme.full";
  manifest.version = "1.10";
  manifest.abi_minor_built = 7;
  manifest.abi_minor_required = 3;
  manifest.needs_cpu = "avx2 fma";
  manifest.provided = {
      {"dlrun.layer/1", "layer", "Yes", "a: \"b\" # c \\ d", 1, -1, 2, 3, 0, false},
      {"dlrun.source/1", "source", "Null", "", 0, 0, 1, 2, 0, false},
      {"dlrun.device/1", "device", "1e3", "\xc3\xa9t\xc3\xa9", 0, 0, 0, 0, -5, true},
      {"com.acme.tracing/2", "com.acme.tracing", "T", "x", 0, 0, 0, 0, 0, false},
  };
  manifest.schemas = {{"plain.proto", "message A {\n  optional int32 b = 1;\n\n}\n"},
                      {"odd.proto", "  indented\n\ttab \"quoted\" \\n\n\n"},
                      {"short.proto", "x"},
                      {"empty.proto", ""},
                      {"windows.proto", "a\r\nb\r\n"}};
  manifest.needed = {"libstdc++.so.6", "libc.so.6"};
  manifest.sanitizer = "address";
  manifest.bytes = 123456789012;
  manifest.sha256 = std::string(64, 'a');
  return manifest;
}

std::string yaml_error(const std::string& yaml) {
  return message_of([&] { parse_manifest(yaml, "x.manifest.yaml", "/x.so"); });
}

}  // namespace

TEST_CASE("a manifest written as YAML reads back the same") {
  const Manifest manifest = full_manifest();
  CHECK(parse_manifest(to_yaml(manifest), "full.manifest.yaml", manifest.file) == manifest);
}

TEST_CASE("a manifest written as bytes reads back the same") {
  const Manifest manifest = full_manifest();
  ByteWriter out;
  write(out, manifest);
  ByteReader in(out.bytes());
  CHECK(read_manifest(in) == manifest);
  CHECK(in.at_end());
}

TEST_CASE("manifest bytes cut off anywhere are an error, never a crash") {
  ByteWriter out;
  write(out, full_manifest());
  for (size_t n = 0; n < out.bytes().size(); ++n) {
    CHECK_THROWS_AS(
        [&] {
          ByteReader in(std::string_view(out.bytes()).substr(0, n));
          read_manifest(in);
        }(),
        dlrun::base::Error);
  }
}

TEST_CASE("sealed bytes open only unchanged and with their mark") {
  const std::string sealed = seal("mark 1\n", "some bytes of any length");
  CHECK(open_sealed("mark 1\n", sealed) == "some bytes of any length");
  CHECK_THROWS_AS(open_sealed("mark 2\n", sealed), dlrun::base::Error);
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string damaged = sealed;
    damaged[i] ^= 1;
    CHECK_THROWS_AS(open_sealed("mark 1\n", damaged), dlrun::base::Error);
  }
}

TEST_CASE("a wrong manifest file is an error at its place") {
  const std::string yaml = to_yaml(full_manifest());
  CHECK(contains(yaml_error("a: ["), "x.manifest.yaml:1:"));
  CHECK(contains(yaml_error("just text"), "x.manifest.yaml:1:1: expected a group of fields"));
  CHECK(contains(yaml_error("manifest: 1\n"), "the field 'id' is missing"));
  CHECK(contains(yaml_error("manifest: 99\n"),
                 "x.manifest.yaml:1:11: expected a manifest of format 1"));
  std::string wrong = yaml;
  wrong.replace(wrong.find("major: 0"), 8, "major: x");
  CHECK(contains(yaml_error(wrong), "the field 'major' must be a whole number"));
  CHECK(yaml_error(yaml).empty());
}

TEST_CASE("a library's own description becomes its manifest") {
  const Folder folder;
  const fs::path library = folder.add("good");
  const Manifest manifest = make_manifest(library);
  CHECK(manifest.file == library);
  CHECK(manifest.id == "org.example.good");
  CHECK(manifest.version == "1.2.3");
  CHECK(manifest.abi_major == DLR_ABI_MAJOR);
  CHECK(manifest.abi_minor_built == DLR_ABI_MINOR);
  REQUIRE(manifest.provided.size() == 2);
  const ProvidedType* layer = manifest.find("layer", "Good");
  REQUIRE(layer != nullptr);
  CHECK(layer->min_bottoms == 1);
  CHECK(layer->max_tops == DLR_UNBOUNDED);
  CHECK(manifest.provided[1].kind == "com.acme.tracing");
  CHECK(manifest.find("layer", "Trace") == nullptr);
  REQUIRE(manifest.schemas.size() == 1);
  CHECK(manifest.schemas[0].file == "good.proto");
  CHECK(contains(manifest.schemas[0].text, "message GoodParameter"));
  CHECK(manifest.bytes == fs::file_size(library));
  CHECK(manifest.sha256.size() == 64);
}

TEST_CASE("the helper process gives the manifest that this process would") {
  const Folder folder;
  const fs::path library = folder.add("good");
  CHECK(scan_in_helper(library, {helper()}) == make_manifest(library));
}

TEST_CASE("versions are compared by major and by the least minor that the plugin requires") {
  CHECK(check_abi(DLR_ABI_MAJOR, DLR_ABI_MINOR, DLR_ABI_MINOR).empty());
  CHECK(check_abi(DLR_ABI_MAJOR, DLR_ABI_MINOR + 100, 0).empty());
  CHECK(contains(check_abi(DLR_ABI_MAJOR + 3, 2, 0),
                 "built for plugin interface 3.2, this dlrun speaks 0."));
  CHECK(contains(check_abi(DLR_ABI_MAJOR, 902, 901), "needs plugin interface 0.901 or later"));
}
