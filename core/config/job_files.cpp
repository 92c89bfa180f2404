#include "core/config/job_files.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/files.hpp"
#include "core/base/suggest.hpp"
#include "core/config/caffe_formats.hpp"

namespace dlrun::config {
namespace {

constexpr std::array kNetFields = {"net", "train_net", "test_net"};

// Whether a root is a net's: its fields say so.
bool is_net(const Value& root) {
  for (const char* field : {"layer", "layers", "input", "input_dim", "input_shape", "name"}) {
    if (root.has(field)) return true;
  }
  return false;
}

Value as_job(Value root, const std::string& file) {
  const bool net = is_net(root);
  if (is_yaml_name(file) && !net) return root;
  const Place place = root.place;
  Value job = Value::map(place);
  job.add(net ? "net" : "solver", place, std::move(root));
  return job;
}

// An override of something within a net, which has to wait until the net is read.
bool is_within_net(const std::string& assignment) {
  for (const std::string field : kNetFields) {
    if (assignment.rfind(field + ".", 0) == 0 || assignment.rfind(field + "[", 0) == 0) return true;
  }
  return false;
}

// A solver's net, net_param, train_net ... become the job's. Where the job has a net of that kind
// already, `replace` says whether the solver's is a later word or one too many.
void take_nets_of_solver(Value& job, bool replace) {
  Entry* solver = job.find("solver");
  if (solver == nullptr || !solver->value.is_map()) return;
  for (const char* field : kNetFields) {
    // Caffe tests the inline nets first.
    std::vector<Entry> nets = solver->value.take(std::string(field) + "_param");
    for (Entry& named : solver->value.take(field))
      nets.push_back(std::move(named));
    if (nets.empty()) continue;
    if (replace) job.take(field);
    if (const Entry* other = job.find(field)) {
      base::fail_input(nets[0].place.location(), fmt::format("'{}' is given twice, also in line {}",
                                                             nets[0].name, other->place.line));
    }
    for (Entry& net : nets) {
      net.name = field;
      job.entries.push_back(std::move(net));
    }
    solver = job.find("solver");  // adding may have moved it
  }
}

// A net given by its path is read in its place.
void read_named_nets(Value& job) {
  for (Entry& entry : job.entries) {
    bool names_net = false;
    for (const std::string field : kNetFields)
      names_net = names_net || entry.name == field;
    if (!names_net || !entry.value.is_scalar()) continue;
    const base::Location where = entry.value.place.location();
    const std::string path = base::resolve_path(entry.value.text, where.file).string();
    std::string text;
    try {
      text = base::read_file(path);
    } catch (const base::Error& error) {
      base::fail_input(where, fmt::format("{}: {}", entry.name, error.what()));
    }
    Value net = read_value(text, path);
    const bool in_list = entry.value.in_list;
    entry.value = std::move(net);
    entry.value.in_list = in_list;
  }
}

// Which net trains must be clear.
void check_train_net(const Value& job) {
  const Entry* net = job.find("net");
  const Entry* train = job.find("train_net");
  if (net == nullptr || train == nullptr) return;
  base::fail_input(train->place.location(), "both 'net' and 'train_net' are given; keep one");
}

}  // namespace

Value read_job_root(const std::string& text, const std::string& file,
                    const std::vector<std::string>& overrides) {
  Value job = as_job(read_value(text, file), file);
  Entry* solver = job.find("solver");
  if (solver != nullptr) upgrade_solver(solver->value);
  take_nets_of_solver(job, false);
  for (const std::string& assignment : overrides) {
    if (!is_within_net(assignment)) apply_override(job, assignment);
  }
  take_nets_of_solver(job, true);
  check_train_net(job);
  return job;
}

JobValue read_job_value(const std::string& text, const std::string& file,
                        const std::vector<std::string>& overrides) {
  JobValue job{read_job_root(text, file, overrides), {}};
  read_named_nets(job.root);
  for (const char* field : kNetFields) {
    for (Entry* net : job.root.all(field)) {
      if (net->value.is_map()) upgrade_net(net->value, job.notices);
    }
  }
  for (const std::string& assignment : overrides) {
    if (is_within_net(assignment)) apply_override(job.root, assignment);
  }
  Entry* solver = job.root.find("solver");
  if (solver != nullptr && solver->value.is_map()) complete_solver(solver->value, job.notices);
  return job;
}

}  // namespace dlrun::config
