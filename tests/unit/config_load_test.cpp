// From files to a job: which net trains, which are tested, paths, overrides, settings of plugins.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>

#include "core/base/files.hpp"
#include "tests/unit/config_plugins.hpp"

namespace dlrun::config::test {
namespace {

namespace fs = std::filesystem;

// A folder that is removed at the end.
class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("dlrun-config-" + std::to_string(::getpid()))) {
    fs::create_directories(path_ / "nets");
  }
  ~Folder() { fs::remove_all(path_); }
  std::string write(const std::string& name, const std::string& text) const {
    base::replace_file(path_ / name, text);
    return (path_ / name).string();
  }
  std::string path(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

Job load(const std::string& path, const std::vector<std::string>& overrides = {}) {
  FakePlugins plugins;
  return load_job(path, plugins, {overrides});
}

constexpr char kNet[] = "name: 'n' layer { name: 'r' type: 'ReLU' }";

TEST_CASE("a solver's net is found beside the solver, and its places name its own file") {
  const Folder folder;
  folder.write("nets/net.prototxt", kNet);
  const Job job =
      load(folder.write("solver.prototxt", "net: 'nets/net.prototxt' lr_policy: 'fixed'"));
  CHECK(job.has_solver);
  CHECK(job.train_net.text("name") == "n");
  CHECK(job.train_net.where("name").file == folder.path("nets/net.prototxt"));
  CHECK(job.solver.where("lr_policy").file == folder.path("solver.prototxt"));
}

TEST_CASE("a YAML job names a net of either syntax, or holds it") {
  const Folder folder;
  folder.write("net.prototxt", kNet);
  folder.write("net.yaml", "name: n\nlayer: {name: r, type: ReLU}\n");
  const std::string inlined = to_prototxt(load(folder.write("a.yaml", R"(
solver: {lr_policy: fixed}
net: {name: n, layer: {name: r, type: ReLU}}
)"))
                                              .root);
  CHECK(to_prototxt(
            load(folder.write("b.yaml", "solver: {lr_policy: fixed}\nnet: net.prototxt\n")).root) ==
        inlined);
  CHECK(to_prototxt(
            load(folder.write("c.yaml", "solver: {lr_policy: fixed, net: net.yaml}\n")).root) ==
        inlined);
}

TEST_CASE("load_net gives the net of a net file and the trained net of a solver") {
  const Folder folder;
  FakePlugins plugins;
  const std::string net = folder.write("net.prototxt", kNet);
  const std::string solver = folder.write("solver.prototxt", "train_net: 'net.prototxt'");
  CHECK(load_net(net, plugins).text("name") == "n");
  CHECK(load_net(solver, plugins).text("name") == "n");
  CHECK(error_of([&] { load_net(folder.write("s.prototxt", "base_lr: 1"), plugins); }) ==
        folder.path("s.prototxt") + ": has no net, neither inline nor by file");
}

TEST_CASE("a file that is missing is told at the value that names it") {
  const Folder folder;
  const std::string solver = folder.write("solver.prototxt", "base_lr: 1\nnet: 'none.prototxt'");
  CHECK(error_of([&] { load(solver); }) ==
        solver + ":2:6: net: none.prototxt: cannot read: No such file or directory");
  CHECK(error_of([&] { load(folder.path("none.prototxt")); }) ==
        folder.path("none.prototxt") + ": cannot read: No such file or directory");
}

TEST_CASE("errors in a named net point into its file") {
  const Folder folder;
  const std::string net = folder.write("net.prototxt", "layer { name: 'r' typ: 'ReLU' }");
  const std::string solver = folder.write("solver.prototxt", "net: 'net.prototxt'");
  CHECK(error_of([&] { load(solver); }) ==
        net + ":1:19: layer 'r': unknown parameter 'typ'; did you mean 'type'?");
}

TEST_CASE("the nets to test are the solver's own, then the trained one for each test_iter left") {
  const std::string own = " test_net_param { name: 'own' }";
  const auto names = [](const Job& job) {
    std::string text = job.train_net.text("name") + ":";
    for (const Node& net : job.test_nets)
      text += " " + net.text("name");
    return text;
  };
  CHECK(names(parse("net_param { name: 'n' }")) == "n:");
  CHECK(names(parse("net_param { name: 'n' } test_iter: 1 test_interval: 5")) == "n: n");
  CHECK(names(parse("net_param { name: 'n' } test_iter: [1, 2] test_interval: 5" + own)) ==
        "n: own n");
  CHECK(names(parse("train_net_param { name: 't' } test_iter: 1 test_interval: 5" + own)) ==
        "t: own");
  CHECK(names(parse("net_param { name: 'n' } test_iter: 1 test_interval: 0")) == "n: n");
}

TEST_CASE("test nets, test_iter, test_state and test_interval must go together") {
  CHECK(error_in("train_net_param { name: 't' }\ntest_iter: [1, 2] test_net_param { }") ==
        "net.prototxt:2:13: 2 test_iter for 1 test_net, expected one for each");
  CHECK(error_in(
            "net_param { name: 't' } test_iter: 1 test_interval: 1\ntest_state {} test_state {}") ==
        "net.prototxt:2:1: 2 test_state for 1 test_iter, expected one for each");
  CHECK(error_in("net_param { name: 't' }\ntest_iter: 1") ==
        "net.prototxt:2:12: test_iter is given, but test_interval is not: how often to test");
  CHECK(error_in("net_param { name: 't' }\ntrain_net_param { name: 'u' }") ==
        "net.prototxt:2:1: both 'net' and 'train_net' are given; keep one");
  CHECK(error_in("net_param { name: 't' }\nnet: 'u.prototxt'").find("net") != std::string::npos);
}

TEST_CASE("an override is worth more than the file, and has a place of its own") {
  const std::string text =
      "base_lr: 1 stepvalue: [10, 20] net_param { layer { name: 'c' type: 'Convolution' "
      "convolution_param { num_output: 1 } param {} param {} } }";
  const Job job =
      parse(text, "solver.prototxt",
            {"solver.base_lr=0.1", "solver.stepvalue[1]=30", "solver.type=Adam",
             "net.layer[c].convolution_param.num_output=30", "net.layer[0].param[1].lr_mult=2",
             "net.layer[c].convolution_param.weight_filler.type=xavier", "device=cpu",
             "solver.train_state={stage: [a, b]}", "weights=[a.caffemodel, b.caffemodel]"});
  CHECK(job.solver.number("base_lr") == doctest::Approx(0.1));
  CHECK(job.solver.where("base_lr").file == "--set solver.base_lr");
  CHECK(job.solver.integer("stepvalue", 0) == 10);
  CHECK(job.solver.integer("stepvalue", 1) == 30);
  CHECK(job.solver.text("type") == "Adam");
  CHECK(job.solver.message("train_state").text("stage", 1) == "b");
  const Node layer = job.train_net.message("layer");
  CHECK(layer.message("convolution_param").integer("num_output") == 30);
  CHECK(layer.message("convolution_param").message("weight_filler").text("type") == "xavier");
  CHECK(layer.message("param", 1).number("lr_mult") == 2);
  CHECK(job.root.text("device") == "cpu");
  CHECK(job.root.count("weights") == 2);
}

TEST_CASE("an override by layer name reaches every layer of that name, also in old formats") {
  const Job job = parse(
      "layers { name: 'd' type: DATA include { phase: TRAIN } } layers { name: 'd' type: DATA }",
      "net.prototxt", {"net.layer[d].data_param.batch_size=5"});
  for (const Node& layer : job.train_net.messages("layer")) {
    CHECK(layer.message("data_param").integer("batch_size") == 5);
  }
}

TEST_CASE("an override of the net's path replaces the net") {
  const Folder folder;
  folder.write("a.prototxt", "name: 'a'");
  const std::string b = folder.write("b.prototxt", "name: 'b'");
  const std::string solver = folder.write("solver.prototxt", "net: 'a.prototxt'");
  CHECK(load(solver, {"net=" + b}).train_net.text("name") == "b");
  CHECK(load(solver, {"solver.net=" + b}).train_net.text("name") == "b");
}

TEST_CASE("a wrong override is told like any other wrong value") {
  const std::string text =
      "net_param { layer { name: 'conv1' type: 'Convolution' } layer { name: 'r' type: 'ReLU' } }";
  const auto check = [&](const std::string& assignment) {
    return error_in(text, "solver.prototxt", {assignment});
  };
  CHECK(check("solver.base_lr") ==
        "--set solver.base_lr: expected path=value, e.g. solver.base_lr=0.1");
  CHECK(check("solver.base_lr=fast") ==
        "--set solver.base_lr: base_lr: found fast, expected a number");
  CHECK(check("solver.base_lrr=1") ==
        "--set solver.base_lrr: unknown parameter 'base_lrr'; did you mean 'base_lr'?");
  CHECK(check("solver.=1") == "--set solver.: a name is missing in the path");
  CHECK(check("=1") == "--set : a name is missing in the path");
  CHECK(check("net.layer[conv]=1") ==
        "--set net.layer[conv]: no layer 'conv'; did you mean 'conv1'?");
  CHECK(check("net.layer[7].name=x") == "--set net.layer[7].name: no layer[7]: there are 2");
  CHECK(check("net.layer.name=x") ==
        "--set net.layer.name: there are 2 'layer'; say which, e.g. layer[0]");
  CHECK(check("net.layer[0") == "--set net.layer[0: expected path=value, e.g. solver.base_lr=0.1");
  CHECK(check("net.layer[0=1") == "--set net.layer[0: ']' is missing");
  CHECK(check("net.layer[0]x=1") == "--set net.layer[0]x: expected '.' after ']'");
  CHECK(check("net.layer[0].name.x=1") ==
        "--set net.layer[0].name.x: 'name' is not a group of parameters");
  CHECK(check("solver.base_lr=[1").find("--set solver.base_lr:") == 0);
}

TEST_CASE("the folders of plugins are known before any plugin is") {
  const Folder folder;
  folder.write("nets/p.so", "");
  const std::string job = folder.write(
      "job.yaml", "plugins: nets/p.so\nplugin_path: [nets]\nnet: missing.prototxt\nno_such: 1\n");
  const PluginSettings settings = read_plugin_settings(job);
  CHECK(settings.plugins == std::vector<std::string>{folder.path("nets/p.so")});
  CHECK(settings.plugin_path == std::vector<std::string>{folder.path("nets")});
  const std::string solver = folder.write("solver.prototxt", "base_lr: 1");
  CHECK(read_plugin_settings(solver).plugins.empty());
}

TEST_CASE("a plugin that extends a message of core's is used when its field is set") {
  const Job job =
      parse("layer { name: 'd' type: 'Data' transform_param { rotate { degrees: 3 } } }");
  CHECK(job.train_net.message("layer")
            .message("transform_param")
            .message("rotate")
            .number("degrees") == 3);
}

TEST_CASE("a filler's and a solver's own parameters come with their type") {
  const Job job = parse(
      "type: 'LARS' trust: 0.5 net_param { layer { name: 'c' type: 'Convolution' "
      "convolution_param { weight_filler { type: 'noise' amplitude: 2 } } } }");
  CHECK(job.solver.number("trust") == 0.5);
  const Node filler =
      job.train_net.message("layer").message("convolution_param").message("weight_filler");
  CHECK(filler.number("amplitude") == 2);
}

}  // namespace
}  // namespace dlrun::config::test
