#include "core/cli/command_convert.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>

#include "core/base/error.hpp"
#include "core/cli/database_writer.hpp"
#include "core/cli/plugin_options.hpp"
#include "core/model_io/datum.hpp"
#include "core/model_io/idx_reader.hpp"
#include "core/train/session.hpp"

namespace dlrun::cli {
namespace {

struct MnistOptions {
  registry::SearchOptions search;
  std::string images;
  std::string labels;
  std::string database;
  std::string backend = "lmdb";
  bool force = false;
};

// Each image with its label as one Datum; the keys are eight-digit numbers, as Caffe's tool writes
// them.
int convert_mnist(const MnistOptions& options) {
  model_io::IdxReader images(options.images, 3);
  model_io::IdxReader labels(options.labels, 1);
  const uint32_t count = images.dims()[0];
  if (labels.dims()[0] != count) {
    base::fail_input({options.labels, 0, 0},
                     fmt::format("has {} labels but '{}' has {} images; they don't belong together",
                                 labels.dims()[0], options.images, count));
  }
  train::Plugins plugins(options.search);
  DatabaseWriter database(plugins.catalogue(), options.backend, options.database, options.force);
  model_io::Datum datum;
  datum.channels = 1;
  datum.height = static_cast<int32_t>(images.dims()[1]);
  datum.width = static_cast<int32_t>(images.dims()[2]);
  for (uint32_t i = 0; i < count; ++i) {
    const std::vector<uint8_t>& pixels = images.next();
    datum.data = {reinterpret_cast<const char*>(pixels.data()), pixels.size()};
    datum.label = labels.next()[0];
    database.put(fmt::format("{:08}", i), model_io::encode_datum(datum));
  }
  images.expect_end();
  labels.expect_end();
  database.finish();
  fmt::print("{}: {} images of 1x{}x{} ({})\n", options.database, count, datum.height, datum.width,
             database.kind());
  return 0;
}

void add_mnist(CLI::App& convert, MnistOptions& options) {
  CLI::App* command =
      convert.add_subcommand("mnist", "IDX files of images and labels to a database");
  command->footer(
      "Example:\n  dlrun convert mnist train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz "
      "mnist_train_lmdb");
  command->add_option("IMAGES", options.images, "IDX file of images, plain or gzipped")
      ->required()
      ->type_name("FILE");
  command->add_option("LABELS", options.labels, "IDX file of labels, plain or gzipped")
      ->required()
      ->type_name("FILE");
  command->add_option("DATABASE", options.database, "folder to write")
      ->required()
      ->type_name("FOLDER");
  command
      ->add_option("--backend", options.backend,
                   "kind of database: lmdb, leveldb or another plugin's")
      ->capture_default_str()
      ->type_name("KIND");
  command->add_flag("--force", options.force, "replace a database that is there");
  add_plugin_options(*command, options.search);
}

}  // namespace

std::function<int()> add_convert_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("convert", "make a database from other files");
  command->require_subcommand(1);
  const auto options = std::make_shared<MnistOptions>();
  add_mnist(*command, *options);
  return [options] { return convert_mnist(*options); };
}

}  // namespace dlrun::cli
