#include "core/conform/solver/subject.hpp"

#include <fmt/format.h>

#include "core/host/error.hpp"

namespace dlrun::conform {

Updated::Updated(net::Executor& executor, const Shape& the_shape, uint32_t dtype,
                 uint32_t n_history)
    : shape(the_shape), param(executor, shape, dtype), gradient(executor, shape, dtype) {
  for (uint32_t i = 0; i < n_history; ++i)
    history.push_back(std::make_unique<LooseTensor>(executor, shape, dtype));
}

std::vector<Values> Updated::state() {
  std::vector<Values> state = {param.values()};
  for (const auto& tensor : history)
    state.push_back(tensor->values());
  return state;
}

void Updated::set_state(const std::vector<Values>& state) {
  param.set(state.at(0));
  for (std::size_t i = 0; i < history.size(); ++i)
    history[i]->set(state.at(i + 1));
}

SolverSubject::SolverSubject(const Ground& ground, const SolverCase& solver_case, uint32_t dtype)
    : executor_(*ground.devices.primary, *ground.devices.host),
      dtype_(dtype),
      params_owner_(ground.catalogue),
      solver_(ground.catalogue.get<dlr_solver_type>("solver", solver_case.type, {}, ""), "",
              params_owner_.add(ground.parse_solver(
                  fmt::format("type: '{}' {}", solver_case.type, solver_case.fields)))) {
  context_.executor = &executor_;
  context_.dtype = dtype;
}

// Of many elements the same few again and again: more of them would only be more chances for a rule
// that goes by signs to hang on rounding.
Values SolverSubject::some_values(std::size_t count, uint64_t stream) {
  constexpr std::size_t kMany = 20000;
  if (count < kMany) return spread_values(count, stream);
  const Values period = spread_values(kPeriod, stream);
  Values values(count);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = period[i % kPeriod];
  return values;
}

std::unique_ptr<Updated> SolverSubject::make(const Shape& shape, uint64_t stream) {
  auto made = std::make_unique<Updated>(executor_, shape, dtype_, n_history());
  made->param.set(some_values(static_cast<std::size_t>(shape.count()), stream));
  return made;
}

std::vector<Values> SolverSubject::train(const Shape& shape, uint64_t stream) {
  const auto updated = make(shape, stream);
  for (int64_t iteration = 0; iteration < kIterations; ++iteration)
    update(*updated, stream, iteration);
  return updated->state();
}

Values SolverSubject::gradient_of(std::size_t count, uint64_t stream, int64_t iteration) {
  constexpr uint64_t kFirstGradient = 1000;
  const uint64_t own = kFirstGradient * (stream + 1) + static_cast<uint64_t>(iteration);
  Values gradient = some_values(count, own);
  // So that no simple mean of gradients is 0, where a rule that goes by signs hangs on rounding.
  const double scale = 1 / (1 + 0.618034 * static_cast<double>(iteration));
  for (double& value : gradient)
    value *= scale;
  return gradient;
}

void SolverSubject::update(Updated& updated, uint64_t stream, int64_t iteration) {
  const auto count = static_cast<std::size_t>(updated.shape.count());
  const double rate = 0.125 / (static_cast<double>(iteration + 1) + static_cast<double>(stream));
  update(updated, gradient_of(count, stream, iteration), iteration, rate);
}

void SolverSubject::update(Updated& updated, const Values& gradient, int64_t iteration,
                           double rate) {
  updated.gradient.set(gradient);
  std::vector<dlr_tensor*> history;
  for (const auto& tensor : updated.history)
    history.push_back(tensor->handle());
  const dlr_update update = {sizeof(dlr_update),
                             &context_,
                             updated.param.handle(),
                             updated.gradient.handle(),
                             history.data(),
                             history.size(),
                             iteration,
                             rate};
  host::check(solver_->update(solver_.self(), &update), "update: ");
}

}  // namespace dlrun::conform
