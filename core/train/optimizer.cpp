#include "core/train/optimizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.hpp"
#include "core/base/plugin_call.hpp"
#include "core/host/error.hpp"
#include "core/host/threads.hpp"
#include "core/net/core_kernels.hpp"
#include "core/train/weights.hpp"

namespace dlrun::train {
namespace {

constexpr int64_t kNormChunk = 4096;  // elements that one group sums

int64_t norm_groups(const dlr_tensor& tensor) {
  return (memory::element_count(tensor.desc) + kNormChunk - 1) / kNormChunk;
}

}  // namespace

Optimizer::Optimizer(const config::Node& solver, net::Net& net, net::Catalogue& catalogue)
    : net_(net), params_owner_(catalogue) {
  iter_size_ = static_cast<int>(solver.integer("iter_size"));
  clip_ = solver.number("clip_gradients");
  weight_decay_ = solver.number("weight_decay");
  const std::string regularization = solver.text("regularization_type");
  decay_is_l1_ = regularization == "L1";
  if (regularization != "L1" && regularization != "L2") {
    solver.fail("regularization_type", fmt::format("is '{}', expected L1 or L2", regularization));
  }
  const dlr_params* params = params_owner_.add(solver);
  schedule_ = {catalogue.get<dlr_schedule_type>("schedule", solver.text("lr_policy"),
                                                solver.where("lr_policy"), subject_),
               "", params};
  const net::Provided provided =
      catalogue.load("solver", solver.text("type"), solver.where("type"), subject_);
  solver_file_ = provided.plugin_file;
  const base::PluginCall call(subject_, solver_file_, "create");
  solver_ = {*static_cast<const dlr_solver_type*>(provided.type), "", params};
  context_.executor = &net.executor();
  context_.dtype = net.options().dtype;

  const uint32_t n_history = solver_->n_history(solver_.self());
  int64_t most_groups = 1;
  for (const auto& param : net.params()) {
    history_.emplace_back();
    history_pointers_.emplace_back();
    for (uint32_t i = 0; i < n_history; ++i) {
      history_.back().push_back(net.make_tensor(param->data.desc));
      history_pointers_.back().push_back(history_.back().back().get());
    }
    most_groups = std::max(most_groups, norm_groups(param->data));
  }
  if (clip_ >= 0) {
    dlr_tensor_desc desc{};
    desc.size = sizeof desc;
    desc.dtype = context_.dtype;
    desc.rank = 1;
    desc.dim[0] = most_groups;
    square_sums_ = net.make_tensor(desc);
  }
}

double Optimizer::rate(int64_t iteration) const {
  return schedule_->rate(schedule_.self(), iteration);
}

// Caffe's order: clip the sum over iter_size batches, then divide it by iter_size, then add the
// weight decay.
void Optimizer::step(int64_t iteration) {
  const host::ThreadBudget budget(net_.options().threads);
  const double base_rate = rate(iteration);
  double scale = 1.0 / iter_size_;
  if (clip_ >= 0) {
    const double norm = gradient_norm();
    if (norm > clip_) scale *= clip_ / norm;
  }
  for (size_t i = 0; i < net_.params().size(); ++i) {
    net::Param& param = *net_.params()[i];
    if (!param.wants_gradient) continue;
    regularize(param, scale);
    update(i, iteration, base_rate * param.lr_mult);
  }
}

double Optimizer::gradient_norm() {
  double sum = 0;
  for (const auto& param : net_.params()) {
    if (!param->wants_gradient) continue;
    const int64_t groups = norm_groups(param->gradient);
    const dlr_arg args[] = {
        {&param->gradient, 0, 0, DLR_READ, 0},
        {square_sums_.get(), 0, 0, DLR_WRITE, 0},
        {nullptr, 0, memory::element_count(param->gradient.desc), DLR_SCALAR, 0},
        {nullptr, 0, kNormChunk, DLR_SCALAR, 0}};
    net_.executor().launch(kernels::core_square_sums, context_.dtype, groups, kNormChunk, args, 4);
    const void* partial = net_.executor().map(*square_sums_, DLR_READ);
    for (int64_t group = 0; group < groups; ++group) {
      sum += context_.dtype == DLR_F64 ? static_cast<const double*>(partial)[group]
                                       : static_cast<const float*>(partial)[group];
    }
  }
  return std::sqrt(sum);
}

void Optimizer::regularize(net::Param& param, double scale) {
  const double decay = weight_decay_ * param.decay_mult;
  if (scale == 1 && decay == 0) return;
  const dlr_arg args[] = {{&param.gradient, 0, 0, DLR_READ_WRITE, 0},
                          {&param.data, 0, 0, DLR_READ, 0},
                          {nullptr, scale, 0, DLR_SCALAR, 0},
                          {nullptr, decay_is_l1_ ? 0 : decay, 0, DLR_SCALAR, 0},
                          {nullptr, decay_is_l1_ ? decay : 0, 0, DLR_SCALAR, 0}};
  net_.executor().launch(kernels::core_regularize, context_.dtype,
                         memory::element_count(param.data.desc), 1, args, 5);
}

void Optimizer::update(size_t index, int64_t iteration, double rate) {
  net::Param& param = *net_.params()[index];
  const std::vector<dlr_tensor*>& history = history_pointers_[index];
  const dlr_update update = {sizeof(dlr_update), &context_,      &param.data, &param.gradient,
                             history.data(),     history.size(), iteration,   rate};
  const base::PluginCall call(subject_, solver_file_, "update");
  host::check(solver_->update(solver_.self(), &update), subject_);
}

std::vector<model_io::HostBlob> Optimizer::history() {
  std::vector<model_io::HostBlob> blobs;
  const size_t rounds = history_.empty() ? 0 : history_[0].size();
  for (size_t round = 0; round < rounds; ++round) {
    for (const auto& of_param : history_)
      blobs.push_back(read_blob(net_, *of_param[round]));
  }
  return blobs;
}

void Optimizer::set_history(const std::vector<model_io::HostBlob>& blobs, const std::string& file) {
  const size_t rounds = history_.empty() ? 0 : history_[0].size();
  if (blobs.size() != rounds * history_.size()) {
    base::fail_input(
        {file},
        fmt::format(
            "holds {} history blobs, the solver needs {} ({} for each of {} parameters); it "
            "was made by another solver type or net",
            blobs.size(), rounds * history_.size(), rounds, history_.size()));
  }
  for (size_t i = 0; i < blobs.size(); ++i) {
    dlr_tensor& tensor = *history_[i % history_.size()][i / history_.size()];
    const std::vector<int64_t> shape(tensor.desc.dim, tensor.desc.dim + tensor.desc.rank);
    if (!blobs[i].shape_fits(shape)) {
      base::fail_input({file}, fmt::format("history blob {} has shape {}, the net wants {}", i,
                                           model_io::shape_to_string(blobs[i].shape),
                                           model_io::shape_to_string(shape)));
    }
    write_blob(net_, tensor, blobs[i]);
  }
}

}  // namespace dlrun::train
