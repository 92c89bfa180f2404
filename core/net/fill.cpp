#include "core/net/fill.hpp"

#include <algorithm>

#include "core/host/error.hpp"

namespace dlrun::net {

void fill_tensor(Catalogue& catalogue, Executor& executor, dlr_tensor& tensor,
                 const dlr_params& filler, dlr_random_key key) {
  const config::Node& node = filler.node;
  const auto& type = catalogue.get<dlr_filler_type>("filler", node.text("type"), node.where("type"),
                                                    node.subject());
  dlr_array array{};
  array.data = executor.map(tensor, DLR_WRITE);
  array.bytes = memory::plain_bytes(tensor.desc);
  array.dtype = tensor.desc.dtype;
  array.rank = tensor.desc.rank;
  std::copy_n(tensor.desc.dim, tensor.desc.rank, array.dim);
  host::check(type.fill(&filler, key, &array), node.subject());
}

}  // namespace dlrun::net
