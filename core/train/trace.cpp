#include "core/train/trace.hpp"

#include <algorithm>
#include <map>
#include <vector>

namespace dlrun::train {
namespace {

using nlohmann::json;

constexpr int kHostProcess = 1;

const char* phase_name(bool backward) {
  return backward ? "backward" : "forward";
}

json layer_facts(const net::Stage& stage, bool backward) {
  json facts = {{"type", stage.config.text("type")},
                {"device", stage.layer ? stage.layer->context.executor->device().name() : "host"},
                {"phase", phase_name(backward)},
                {"flops", stage.layer ? stage.layer->flops : 0},
                {"bytes", stage.layer ? stage.layer->bytes : 0}};
  if (stage.fused_into != nullptr) facts["fused_into"] = stage.fused_into->name;
  return facts;
}

// Times are microseconds from the first event on.
class TraceWriter {
 public:
  TraceWriter(const net::Net& net, const Timeline& timeline) : net_(net), timeline_(timeline) {
    if (!timeline.layers.empty()) start_ns_ = timeline.layers.front().begin_ns;
    for (const DeviceWork& work : timeline.devices) {
      for (const memory::Span& span : work.spans)
        start_ns_ = std::min(start_ns_, span.begin_ns);
    }
  }

  json write() {
    write_host();
    for (size_t i = 0; i < timeline_.devices.size(); ++i)
      write_device(kHostProcess + 1 + static_cast<int>(i), timeline_.devices[i]);
    return {{"displayTimeUnit", "ms"}, {"traceEvents", std::move(events_)}};
  }

 private:
  void name(const char* what, int process, uint64_t thread, const std::string& name) {
    events_.push_back({{"ph", "M"},
                       {"name", what},
                       {"pid", process},
                       {"tid", thread},
                       {"args", {{"name", name}}}});
  }

  void span(int process, uint64_t thread, const std::string& name, const char* category,
            int64_t begin_ns, int64_t end_ns, json args) {
    events_.push_back({{"ph", "X"},
                       {"name", name},
                       {"cat", category},
                       {"pid", process},
                       {"tid", thread},
                       {"ts", static_cast<double>(begin_ns - start_ns_) / 1e3},
                       {"dur", static_cast<double>(end_ns - begin_ns) / 1e3},
                       {"args", std::move(args)}});
  }

  void layer_span(int process, uint64_t thread, const LayerSpan& layer, int64_t begin_ns,
                  int64_t end_ns) {
    const net::Stage& stage = *net_.stages()[layer.stage];
    span(process, thread, stage.name, "layer", begin_ns, end_ns,
         layer_facts(stage, layer.backward));
  }

  void write_host() {
    name("process_name", kHostProcess, 0, "host");
    name("thread_name", kHostProcess, 1, "layers, as the host issues them");
    const std::vector<LayerSpan>& layers = timeline_.layers;
    for (size_t first = 0; first < layers.size();) {
      size_t end = first + 1;
      while (end < layers.size() && continues(layers[end - 1], layers[end]))
        ++end;
      span(kHostProcess, 1, phase_name(layers[first].backward), "pass", layers[first].begin_ns,
           layers[end - 1].end_ns, json::object());
      for (; first < end; ++first)
        layer_span(kHostProcess, 1, layers[first], layers[first].begin_ns, layers[first].end_ns);
    }
  }

  // Whether the second belongs to the pass of the first.
  static bool continues(const LayerSpan& first, const LayerSpan& second) {
    if (first.backward != second.backward) return false;
    return second.backward ? second.stage < first.stage : second.stage > first.stage;
  }

  void write_device(int process, const DeviceWork& work) {
    name("process_name", process, 0, "device " + work.device);
    std::map<uint64_t, std::vector<memory::Span>> streams;
    for (const memory::Span& span : work.spans)
      streams[span.stream].push_back(span);
    for (auto& [stream, spans] : streams) {
      name("thread_name", process, stream, "stream " + std::to_string(stream));
      write_stream(process, stream, spans);
    }
  }

  // Work of one stream runs in order; where a device's clock says otherwise, by some nanoseconds,
  // the later one is cut.
  void write_stream(int process, uint64_t stream, std::vector<memory::Span>& spans) {
    int64_t last_ns = start_ns_;
    for (memory::Span& span : spans) {
      span.begin_ns = std::max(span.begin_ns, last_ns);
      span.end_ns = last_ns = std::max(span.end_ns, span.begin_ns + 1);
    }
    for (size_t first = 0; first < spans.size();) {
      size_t end = first;
      while (end < spans.size() && spans[end].label == spans[first].label)
        ++end;
      const uint64_t label = spans[first].label;
      if (label > 0)
        layer_span(process, stream, timeline_.layers[label - 1], spans[first].begin_ns,
                   spans[end - 1].end_ns);
      for (; first < end; ++first) {
        span(process, stream, spans[first].name, "work", spans[first].begin_ns, spans[first].end_ns,
             json::object());
      }
    }
  }

  const net::Net& net_;
  const Timeline& timeline_;
  int64_t start_ns_ = 0;
  json events_ = json::array();
};

}  // namespace

json chrome_trace(const net::Net& net, const Timeline& timeline) {
  return TraceWriter(net, timeline).write();
}

}  // namespace dlrun::train
