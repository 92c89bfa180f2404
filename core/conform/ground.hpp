// What checks stand on: the installed plugins, their language, and open devices.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/config/load.hpp"
#include "core/net/catalogue.hpp"
#include "core/net/executor.hpp"

namespace dlrun::conform {

struct Ground {
  net::Catalogue& catalogue;
  config::SchemaSource& schemas;
  net::Devices devices;
  std::string label;  // of the devices, behind the name of a case: "", ", portable"
  std::function<net::Devices()> open_devices = {};  // once more, for a thread of their own

  Ground for_another_thread() const {
    return {catalogue, schemas, open_devices(), label, open_devices};
  }

  // Each text once: checks make a case's net many times over.
  config::Node parse_net(const std::string& prototxt) const;
  config::Node parse_layer(const std::string& fields) const {
    return config::parse_job("layer { name: 'tested' " + fields + " }", "case.prototxt", schemas)
        .train_net.message("layer", 0);
  }
  // `fields` of a FillerParameter.
  config::Node parse_filler(const std::string& fields) const;
  config::Node parse_solver(const std::string& fields) const;

  struct Parsed {
    std::mutex mutex;  // checks of threads share a ground
    std::map<std::string, config::Node> nets;
    std::map<std::string, config::Node> solvers;
  };
  std::shared_ptr<Parsed> parsed = std::make_shared<Parsed>();
};

}  // namespace dlrun::conform
