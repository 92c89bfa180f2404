// What checks stand on: the installed plugins, their language, and open devices.
#pragma once

#include <functional>
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

  config::Node parse_net(const std::string& prototxt) const {
    return config::parse_job(prototxt, "case.prototxt", schemas).train_net;
  }
  config::Node parse_layer(const std::string& fields) const {
    return parse_net("layer { name: 'tested' " + fields + " }").message("layer", 0);
  }
  // `fields` of a FillerParameter.
  config::Node parse_filler(const std::string& fields) const;
  config::Node parse_solver(const std::string& fields) const {
    return config::parse_job(fields + " net_param { name: 'n' }", "case.prototxt", schemas).solver;
  }
};

}  // namespace dlrun::conform
