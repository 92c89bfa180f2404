// The table of functions that every plugin gets.
#pragma once

#include <dlrun/abi.h>

namespace dlrun::host {

const dlr_host* host_table();

// dlr_host.data: datums and databases.
const dlr_data_api* data_api();

}  // namespace dlrun::host
