// Configuration as plugins see it: dlr_params over config::Node.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include <dlrun/abi.h>

#include "core/config/node.hpp"

namespace dlrun::host {
class ParamsOwner;
}
namespace dlrun::net {
class Catalogue;
}

// One message; messages within it are made when first asked for and live as long as their owner.
struct dlr_params {
  dlrun::config::Node node;
  dlrun::host::ParamsOwner* owner;
  std::map<std::pair<std::string, int64_t>, const dlr_params*> inner;
  std::map<std::pair<std::string, int64_t>, std::string> texts;
  std::map<std::pair<std::string, int64_t>, std::string> paths;
};

namespace dlrun::host {

// Owns the messages handed to one plugin object. Not movable: plugins hold pointers into it.
class ParamsOwner {
 public:
  // `catalogue`: where the object's requests for other plugins (databases) go.
  explicit ParamsOwner(net::Catalogue& catalogue) : catalogue_(&catalogue) {}
  ParamsOwner(const ParamsOwner&) = delete;
  ParamsOwner& operator=(const ParamsOwner&) = delete;

  const dlr_params* add(const config::Node& node);
  net::Catalogue& catalogue() const { return *catalogue_; }
  // Held while what reading keeps for the plugin is looked up or made.
  std::mutex& mutex() { return mutex_; }

 private:
  net::Catalogue* catalogue_;
  std::deque<dlr_params> messages_;
  std::mutex mutex_;
};

const dlr_params_api* params_api();

}  // namespace dlrun::host
