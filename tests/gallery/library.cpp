// A plugin that is wrong as a library in one way, chosen by -DDEFECT=NAME; with `none` it is right.
// What it provides is a schedule: base_lr, always. meson.build links `exports_more` and
// `links_threads` otherwise than the rest.
#include <dlrun/plugin.hpp>
#include <dlrun/solver.hpp>

namespace {

enum Defect {
  none,
  nameless,
  serves_any_major,
  changes_its_answer,
  exports_more,
  links_threads,
  inits_once,
};
constexpr Defect kDefect = DEFECT;

using namespace dlrun;

class Constant final : public Schedule {
 public:
  explicit Constant(const Params& solver) : base_(solver.get<double>("base_lr")) {}
  double rate(int64_t) const override { return base_; }

 private:
  double base_;
};

const dlr_schedule_type kSchedule = schedule_type<Constant>();
const dlr_provided kProvided = {sizeof(dlr_provided), literal("dlrun.schedule/1"),
                                literal("gallery_library"), literal("a library with one mistake"),
                                &kSchedule};
const dlr_provided* const kAll[] = {&kProvided};

dlr_error* init(const dlr_host* host, dlr_string folder) {
  static bool was_here = false;
  if (kDefect == inits_once && was_here)
    return host->error(DLR_INTERNAL_ERROR, literal("init a second time"));
  was_here = true;
  return detail::init(host, folder);
}

}  // namespace

extern "C" DLR_EXPORT const dlr_plugin* dlrun_plugin_query(uint32_t host_major, uint32_t,
                                                           const char** why) {
  static dlr_plugin plugin = [] {
    dlr_plugin made = detail::plugin(literal("org.example.gallery.library"), literal("1.0.0"),
                                     nullptr, 0, kAll, 1, nullptr);
    if (kDefect == nameless) made.id = {nullptr, 0};
    made.init = init;
    return made;
  }();
  static int times = 0;
  if (kDefect == changes_its_answer && ++times > 1) plugin.version = literal("1.0.1");
  if (kDefect == serves_any_major) return &plugin;
  return detail::answer(plugin, host_major, why);
}

// The linker's version script hides it; exports_more is linked without.
extern "C" DLR_EXPORT int gallery_helper();
extern "C" int gallery_helper() {
  return 0;
}
