// Reading YAML: the same configurations as prototxt, and what YAML adds (lists, anchors, merging).
#include <doctest/doctest.h>

#include "tests/unit/config_plugins.hpp"

namespace dlrun::config::test {
namespace {

// The whole resolved job as text.
std::string resolved(const std::string& text, const std::string& file) {
  return to_prototxt(parse(text, file).root);
}

constexpr char kYaml[] = R"(# A job.
solver:
  base_lr: 1e-2
  lr_policy: step
  gamma: 0.1
  stepsize: 100
  momentum: .9
  max_iter: 0x10
  type: Adam
  snapshot_format: HDF5
  solver_mode: CPU
  random_seed: -1
  test_iter: 10
  test_interval: 5
  test_state: {stage: [a, b], level: 1}
net:
  name: "tiny"
  force_backward: true
  layer:
    - name: data
      type: Data
      top: [data, label]
      include: {phase: TRAIN}
      data_param: {source: "some: db", batch_size: 64, backend: LMDB}
      transform_param: {scale: 0.00390625, mean_value: [1, 2.5, 3]}
    - name: conv1
      type: Convolution
      bottom: data
      top: conv1
      param:
        - lr_mult: 1
        - {lr_mult: 2, decay_mult: 0}
      convolution_param:
        num_output: 20
        kernel_size: [5, 3]
        bias_term: false
        weight_filler: {type: xavier}
        bias_filler:
    - {name: '5', type: SoftmaxWithLoss, bottom: [conv1, label], loss_weight: [1, -.5], propagate_down: [true, false]}
)";

constexpr char kSolverPrototxt[] = R"(
  base_lr: 0.01 lr_policy: "step" gamma: 0.1 stepsize: 100 momentum: 0.9 max_iter: 16 type: "Adam"
  snapshot_format: HDF5 solver_mode: CPU random_seed: -1
  test_iter: 10 test_interval: 5 test_state { stage: "a" stage: "b" level: 1 }
  net_param {
    name: "tiny" force_backward: true
    layer {
      name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
      data_param { source: "some: db" batch_size: 64 backend: LMDB }
      transform_param { scale: 0.00390625 mean_value: 1 mean_value: 2.5 mean_value: 3 }
    }
    layer {
      name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
      param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
      convolution_param {
        num_output: 20 kernel_size: 5 kernel_size: 3 bias_term: false
        weight_filler { type: "xavier" } bias_filler {}
      }
    }
    layer {
      name: "5" type: "SoftmaxWithLoss" bottom: "conv1" bottom: "label" loss_weight: 1 loss_weight: -0.5
      propagate_down: true propagate_down: false
    }
  })";

TEST_CASE("a job in YAML and in prototxt is the same tree") {
  CHECK(resolved(kYaml, "job.yaml") == resolved(kSolverPrototxt, "solver.prototxt"));
}

TEST_CASE("JSON is YAML") {
  CHECK(resolved(R"({"net": {"layer": [{"name": "p", "type": "Pooling",
                    "pooling_param": {"pool": "AVE", "kernel_size": 2}}]}})",
                 "job.json") ==
        resolved("layer { name: 'p' type: 'Pooling' pooling_param { pool: AVE kernel_size: 2 } }",
                 "net.prototxt"));
}

TEST_CASE("a YAML file with a net at its root is a net") {
  const Job job = parse("name: n\nlayer:\n- {name: r, type: ReLU}\n", "net.yml");
  CHECK_FALSE(job.has_solver);
  CHECK(job.train_net.message("layer").text("type") == "ReLU");
}

TEST_CASE("every value has its place") {
  const Job job = parse(kYaml, "job.yaml");
  CHECK(place(job.solver.where("base_lr")) == "3:12");
  const Node conv = job.train_net.message("layer", 1);
  CHECK(place(conv.where()) == "26:7");
  CHECK(place(conv.where("param", 1)) == "32:11");
  CHECK(place(conv.message("convolution_param").where("kernel_size", 1)) == "35:26");
  CHECK(place(job.train_net.message("layer", 0).where("top", 1)) == "22:19");
  CHECK(conv.where("name").file == "job.yaml");
}

TEST_CASE("anchors, aliases and merge keys expand; what is written beside a merge wins") {
  const Job job = parse(
      "net:\n"
      "  layer:\n"
      "  - &base\n"
      "    name: a\n"
      "    type: Convolution\n"
      "    convolution_param: &small {num_output: 1, kernel_size: 3}\n"
      "  - <<: *base\n"
      "    name: b\n"
      "  - {name: c, type: Convolution, convolution_param: {<<: [*small, {axis: 1}], num_output: "
      "7}}\n",
      "job.yaml");
  const std::vector<Node> layers = job.train_net.messages("layer");
  REQUIRE(layers.size() == 3);
  CHECK(layers[1].text("name") == "b");
  CHECK(layers[1].message("convolution_param").integer("num_output") == 1);
  CHECK(layers[2].message("convolution_param").integer("num_output") == 7);
  CHECK(layers[2].message("convolution_param").integer("kernel_size", 0) == 3);
  CHECK(layers[2].message("convolution_param").has("axis"));
}

TEST_CASE("what is no YAML, or no configuration, is told with its place") {
  const auto check = [](const std::string& text) { return error_in(text, "job.yaml"); };
  CHECK(check("net:\n \tlayer: 1\n") ==
        "job.yaml:2:2: found a tab in the indentation, expected spaces");
  CHECK(check("net: {layer: [\n").substr(0, 13) == "job.yaml:2:1:");
  CHECK(check("threads: 1\nthreads: 2\n") == "job.yaml:2:1: 'threads' is given twice");
  CHECK(check("- 1\n- 2\n") ==
        "job.yaml:1:1: found no 'name: value' lines, expected a configuration");
  CHECK(check("threads: 1\n---\nthreads: 2\n") ==
        "job.yaml:3:1: found a second document, expected one");
  CHECK(check("threads: [[1]]\n") == "job.yaml:1:11: threads: a list in a list");
  CHECK(check("? [a]\n: 1\n") == "job.yaml:1:3: found a list or map, expected a name");
  CHECK(check("<<: 5\n") == "job.yaml:1:5: '<<' expects a map, such as an alias of one");
  CHECK(check("threads: *nowhere\n").find("job.yaml:1:") == 0);
}

TEST_CASE("an alias within itself, deep nesting and aliases of aliases end in an error") {
  CHECK(error_in("net: &a\n  layer: *a\n", "job.yaml").find("job.yaml:") == 0);
  std::string deep;
  for (int i = 0; i < 300; ++i)
    deep += "{a: ";
  CHECK(error_in(deep, "job.yaml").find("job.yaml:") == 0);
  std::string bomb = "a0: &a0 {x: 1}\n";
  for (int i = 1; i < 12; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " {";
    for (int k = 0; k < 9; ++k) {
      bomb += "x" + std::to_string(k) + ": *a" + std::to_string(i - 1) + ", ";
    }
    bomb += "}\n";
  }
  CHECK(error_in(bomb, "job.yaml").find("too large") != std::string::npos);
}

TEST_CASE("quoted numbers are texts, plain ones are what the schema asks for") {
  CHECK(error_in("threads: '4'\n", "job.yaml") ==
        "job.yaml:1:10: threads: found \"4\", expected a whole number");
  CHECK(parse("device: 4\n", "job.yaml").root.text("device") == "4");
  CHECK(parse("device: true\n", "job.yaml").root.text("device") == "true");
}

}  // namespace
}  // namespace dlrun::config::test
