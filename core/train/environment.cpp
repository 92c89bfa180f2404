#include "core/train/environment.hpp"

#include <fmt/format.h>

#include "core/host/error.hpp"
#include "core/host/threads.hpp"
#include "core/train/session.hpp"

namespace dlrun::train {

std::map<std::string, std::string> environment_facts(Session& session) {
  const net::Devices& devices = session.devices();
  const host::ThreadBudget budget(session.threads());
  std::map<std::string, std::string> facts;
  facts["threads"] = std::to_string(host::configured_threads());
  facts["device"] = devices.primary->name();
  facts["device name"] = host::from_abi(devices.primary->info().name);
  facts["device driver"] = host::from_abi(devices.primary->info().driver);
  facts["host device"] = host::from_abi(devices.host->info().name);
  facts["host driver"] = host::from_abi(devices.host->info().driver);
  facts["dlrun"] = DLRUN_VERSION;
  return facts;
}

}  // namespace dlrun::train
