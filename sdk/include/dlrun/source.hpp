// source.hpp: the base classes of data sources, transforms and databases.
#pragma once

#include <dlrun/random.h>
#include <dlrun/array.hpp>
#include <dlrun/params.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

namespace dlrun {

struct SourceInfo {
  uint64_t batch_size;
  uint64_t length;  // samples before the source begins anew
};

// An endless sequence of samples; the one at a position is a pure function of parameters, key and
// position. A constructor `YourSource(const Params& layer, int n_tops, dlr_random_key key)` opens
// it.
class Source {
 public:
  virtual ~Source() = default;
  virtual SourceInfo info() const = 0;
  // Fills arrays[0 .. n_tops) with the sample at `position`: pointers that stay valid until the
  // next read.
  virtual void read(uint64_t position, dlr_array* arrays) = 0;
  // Whether transform_param and its like apply to this top.
  virtual bool transforms(int top) const { return top == 0; }
};

// Configured by a field of LayerParameter, under whose name it is provided. A constructor
// `YourTransform(const Params& message, bool is_training)` reads that field's message.
class Transform {
 public:
  virtual ~Transform() = default;
  // Shape and element type of the result for such an input.
  virtual dlr_array shape(const dlr_array& in) = 0;
  virtual void apply(const dlr_array& in, dlr_random_key key, uint64_t position, dlr_array& out) = 0;
};

// Keys and values on disk, in key order. A constructor `YourDatabase(const std::string& path, bool
// create)`.
class Database {
 public:
  virtual ~Database() = default;
  virtual uint64_t count() = 0;
  virtual void first() = 0;
  // The entry under the cursor, then a step; false behind the last. Views live until the next call.
  virtual bool next(std::string_view& key, std::string_view& value) = 0;
  virtual void put(std::string_view key, std::string_view value) = 0;
  virtual void commit() = 0;
};

// Datums and databases, through the host.
class Decoder {
 public:
  Decoder() { check(host().data->open_decoder(&handle_)); }
  ~Decoder() { host().data->close_decoder(handle_); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // channels: 0 as stored, 1 force grey, 3 force colour. Valid until the next call.
  dlr_datum datum(std::string_view bytes, uint32_t channels) {
    dlr_datum datum{};
    datum.size = sizeof datum;
    check(host().data->decode_datum(handle_, to_abi(bytes), channels, &datum));
    return datum;
  }
  // A BlobProto, e.g. a mean file, as float32.
  dlr_array blob(std::string_view bytes) {
    dlr_array array{};
    check(host().data->decode_blob(handle_, to_abi(bytes), &array));
    return array;
  }

 private:
  dlr_decoder* handle_ = nullptr;
};

class DatabaseReader {
 public:
  // `asker`: the parameters that the source was given.
  DatabaseReader(const Params& asker, std::string_view kind, std::string_view path) {
    check(host().data->open_database(asker.handle(), to_abi(kind), to_abi(path), &handle_));
  }
  ~DatabaseReader() { host().data->close_database(handle_); }
  DatabaseReader(const DatabaseReader&) = delete;
  DatabaseReader& operator=(const DatabaseReader&) = delete;

  uint64_t count() {
    uint64_t count = 0;
    check(host().data->count(handle_, &count));
    return count;
  }
  void first() { check(host().data->first(handle_)); }
  bool next(std::string_view& key, std::string_view& value) {
    dlr_string k{};
    dlr_string v{};
    uint8_t at_end = 0;
    check(host().data->next(handle_, &k, &v, &at_end));
    key = from_abi(k);
    value = from_abi(v);
    return at_end == 0;
  }

 private:
  dlr_database* handle_ = nullptr;
};

namespace detail {

template <class S>
struct SourceEntries {
  static Source& source(void* self) { return *static_cast<Source*>(self); }
  static dlr_error* create(const dlr_params* params, uint32_t n_tops, dlr_random_key key, void** self) {
    return guard([&] { *self = static_cast<Source*>(new S(Params(params), static_cast<int>(n_tops), key)); });
  }
  static dlr_error* describe(void* self, dlr_source_info* out) {
    return guard([&] {
      const SourceInfo info = source(self).info();
      out->batch_size = info.batch_size;
      out->length = info.length;
    });
  }
  static dlr_error* read(void* self, uint64_t position, dlr_item* out) {
    return guard([&] { source(self).read(position, out->arrays); });
  }
  static uint8_t transforms_top(void* self, uint32_t top) {
    return source(self).transforms(static_cast<int>(top)) ? 1 : 0;
  }
  static void destroy(void* self) { delete &source(self); }
};

template <class T>
struct TransformEntries {
  static Transform& transform(void* self) { return *static_cast<Transform*>(self); }
  static dlr_error* create(const dlr_params* params, uint8_t is_training, void** self) {
    return guard([&] { *self = static_cast<Transform*>(new T(Params(params), is_training != 0)); });
  }
  static dlr_error* shape(void* self, const dlr_array* in, dlr_array* out) {
    return guard([&] { *out = transform(self).shape(*in); });
  }
  static dlr_error* apply(void* self, const dlr_array* in, dlr_random_key key, uint64_t position, dlr_array* out) {
    return guard([&] { transform(self).apply(*in, key, position, *out); });
  }
  static void destroy(void* self) { delete &transform(self); }
};

template <class D>
struct DatabaseEntries {
  static Database& database(void* self) { return *static_cast<Database*>(self); }
  static dlr_error* open(dlr_string path, uint8_t create, void** self) {
    return guard([&] { *self = static_cast<Database*>(new D(std::string(from_abi(path)), create != 0)); });
  }
  static dlr_error* count(void* self, uint64_t* out) {
    return guard([&] { *out = database(self).count(); });
  }
  static dlr_error* first(void* self) {
    return guard([&] { database(self).first(); });
  }
  static dlr_error* next(void* self, dlr_string* key, dlr_string* value, uint8_t* at_end) {
    return guard([&] {
      std::string_view k;
      std::string_view v;
      *at_end = database(self).next(k, v) ? 0 : 1;
      *key = to_abi(k);
      *value = to_abi(v);
    });
  }
  static dlr_error* put(void* self, dlr_string key, dlr_string value) {
    return guard([&] { database(self).put(from_abi(key), from_abi(value)); });
  }
  static dlr_error* commit(void* self) {
    return guard([&] { database(self).commit(); });
  }
  static void close(void* self) { delete &database(self); }
};

}  // namespace detail

template <class S>
constexpr dlr_source_type source_type(int32_t min_tops, int32_t max_tops) {
  using E = detail::SourceEntries<S>;
  return {sizeof(dlr_source_type), min_tops, max_tops, E::create, E::describe, E::read, E::transforms_top, E::destroy};
}

template <class T>
constexpr dlr_transform_type transform_type() {
  using E = detail::TransformEntries<T>;
  return {sizeof(dlr_transform_type), E::create, E::shape, E::apply, E::destroy};
}

template <class D>
constexpr dlr_database_type database_type() {
  using E = detail::DatabaseEntries<D>;
  return {sizeof(dlr_database_type), E::open, E::count, E::first, E::next, E::put, E::commit, E::close};
}

}  // namespace dlrun
