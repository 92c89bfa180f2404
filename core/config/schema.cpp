// Composes core's messages and the plugins' into one file of one private pool.
#include "core/config/schema.hpp"

#include <fmt/format.h>
#include <google/protobuf/unknown_field_set.h>

#include <cstring>
#include <set>
#include <stdexcept>
#include <utility>

#include "core/config/schema_text.hpp"

namespace dlrun::config {
namespace {

namespace pb = google::protobuf;

// Numbers from here on are dlrun's own, given where a plugin's number was taken.
constexpr int kFirstPrivateNumber = 400'000'000;

// Field numbers of the options in core.proto.
constexpr int kHelpOption = 61001;
constexpr int kUnitOption = 61002;
constexpr int kMinOption = 61003;
constexpr int kMaxOption = 61004;

// Builds the composed file, plugin by plugin.
class Composer {
 public:
  explicit Composer(const CoreSchema& core) : core_(core), plugins_(&core.pool), file_(core.proto) {
    for (pb::DescriptorProto& message : *file_.mutable_message_type()) {
      Target& target = targets_[message.name()];
      target.message = &message;
      for (const pb::FieldDescriptorProto& field : message.field()) {
        target.owners[field.name()] = Owner{};
        target.numbers.insert(field.number());
      }
    }
  }

  // Adds all of a plugin, or throws and adds nothing of it.
  void add(const PluginSchema& plugin) {
    PluginPart part = parse_plugin_schema(plugin, new_package(plugin.plugin_id), core_, plugins_);
    std::vector<PluginPart::Extension> added;
    for (const PluginPart::Extension& extension : part.extensions) {
      if (!is_there_already(part, extension)) added.push_back(extension);
    }
    add_package(*part.package);
    parts_.push_back(std::make_unique<PluginPart>(std::move(part)));
    for (const PluginPart::Extension& extension : added)
      add_field(*parts_.back(), extension);
  }

  const pb::FileDescriptorProto& file() const { return file_; }
  std::map<std::string, std::string> take_providers() { return std::move(providers_); }

 private:
  // The plugin that added a field; core's own fields have none.
  struct Owner {
    const PluginPart* part = nullptr;
    const pb::FieldDescriptor* field = nullptr;
  };
  struct Target {
    pb::DescriptorProto* message = nullptr;
    std::map<std::string, Owner> owners;
    std::set<int> numbers;
  };

  std::string new_package(const std::string& plugin_id) {
    const std::string name = package_name(plugin_id);
    std::string candidate = name;
    for (int i = 2; !packages_.insert(candidate).second; ++i) {
      candidate = fmt::format("{}_{}", name, i);
    }
    return candidate;
  }

  // Whether another plugin declared the very same field; throws when it declared another by that
  // name.
  bool is_there_already(const PluginPart& part, const PluginPart::Extension& extension) {
    const Target& target = targets_.at(extension.target);
    const auto found = target.owners.find(extension.field->name());
    if (found == target.owners.end()) return false;
    const base::Location where{part.source->file};
    const Owner& owner = found->second;
    if (owner.part == nullptr) {
      base::fail_input(where, fmt::format("adds '{}' to {}, which has a field of that name",
                                          extension.field->name(), extension.target));
    }
    if (declaration(*extension.field, *part.package) ==
        declaration(*owner.field, *owner.part->package)) {
      return true;
    }
    base::fail_input(
        where, fmt::format("plugin '{}' and plugin '{}' ({}) both add '{}' to {}, but "
                           "differently; use only one of them in a job",
                           part.source->plugin_id, owner.part->source->plugin_id,
                           owner.part->source->file, extension.field->name(), extension.target));
  }

  // Copies the messages as the pool resolved them, without the helper that holds the extensions.
  void add_package(const pb::Descriptor& package) {
    pb::DescriptorProto& copy = *file_.add_message_type();
    package.CopyTo(&copy);
    copy.mutable_nested_type()->RemoveLast();
  }

  void add_field(const PluginPart& part, const PluginPart::Extension& extension) {
    Target& target = targets_.at(extension.target);
    pb::FieldDescriptorProto& field = *target.message->add_field();
    extension.field->CopyTo(&field);
    if (!target.numbers.insert(field.number()).second) {
      field.set_number(next_private_number_++);
      target.numbers.insert(field.number());
    }
    target.owners[field.name()] = Owner{&part, extension.field};
    providers_[extension.target + "." + field.name()] = part.source->plugin_id;
  }

  const CoreSchema& core_;
  pb::DescriptorPool plugins_;  // where each is validated alone; a file of its own for each
  pb::FileDescriptorProto file_;
  std::map<std::string, Target> targets_;
  std::vector<std::unique_ptr<PluginPart>> parts_;
  std::set<std::string> packages_;
  std::map<std::string, std::string> providers_;
  int next_private_number_ = kFirstPrivateNumber;
};

const pb::UnknownField* find_option(const pb::FieldDescriptor& field, int number) {
  const pb::FieldOptions& options = field.options();
  const pb::UnknownFieldSet& unknown = options.GetReflection()->GetUnknownFields(options);
  for (int i = 0; i < unknown.field_count(); ++i) {
    if (unknown.field(i).number() == number) return &unknown.field(i);
  }
  return nullptr;
}

std::string text_option(const pb::FieldDescriptor& field, int number) {
  const pb::UnknownField* option = find_option(field, number);
  return option == nullptr ? std::string() : option->length_delimited();
}

double number_option(const pb::FieldDescriptor& field, int number, double otherwise) {
  const pb::UnknownField* option = find_option(field, number);
  if (option == nullptr) return otherwise;
  const uint64_t bits = option->fixed64();
  double value = 0;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

}  // namespace

std::shared_ptr<const Schema> Schema::compose(const std::vector<PluginSchema>& plugins,
                                              OnTrouble on_trouble) {
  const CoreSchema core;
  Composer composer(core);
  for (const PluginSchema& plugin : plugins) {
    try {
      composer.add(plugin);
    } catch (const base::Error&) {
      if (on_trouble == OnTrouble::kFail) throw;
    }
  }
  std::shared_ptr<Schema> schema(new Schema);
  schema->file_ = schema->pool_.BuildFile(composer.file());
  if (schema->file_ == nullptr) base::fail_work("the plugins' schemas do not go together");
  schema->providers_ = composer.take_providers();
  return schema;
}

const pb::Descriptor& Schema::descriptor(const std::string& name) const {
  const pb::Descriptor* found = file_->FindMessageTypeByName(name);
  if (found == nullptr) throw std::logic_error("no message " + name + " in core.proto");
  return *found;
}

std::unique_ptr<pb::Message> Schema::make(const std::string& name) const {
  return std::unique_ptr<pb::Message>(factory_.GetPrototype(&descriptor(name))->New());
}

std::string Schema::provider(const pb::FieldDescriptor& field) const {
  const auto found = providers_.find(field.containing_type()->name() + "." + field.name());
  return found == providers_.end() ? std::string() : found->second;
}

bool Schema::is_renumbered(const pb::FieldDescriptor& field) {
  return field.number() >= kFirstPrivateNumber;
}

std::string check_schema(const PluginSchema& plugin) {
  try {
    const CoreSchema core;
    Composer(core).add(plugin);
  } catch (const base::Error& error) {
    return error.what();
  }
  return {};
}

FieldNotes notes_of(const pb::FieldDescriptor& field) {
  FieldNotes notes;
  notes.help = text_option(field, kHelpOption);
  notes.unit = text_option(field, kUnitOption);
  notes.min = number_option(field, kMinOption, notes.min);
  notes.max = number_option(field, kMaxOption, notes.max);
  return notes;
}

}  // namespace dlrun::config
