#include "core/registry/bytes.hpp"

#include <cstring>

#include "core/base/error.hpp"

namespace dlrun::registry {
namespace {

[[noreturn]] void fail_damaged() {
  base::fail_work("damaged data");
}

// FNV-1a over words, not bytes: fast, and good enough against half-written files.
std::uint64_t checksum(std::string_view bytes) {
  constexpr std::uint64_t kPrime = 0x100000001b3;
  std::uint64_t hash = 0xcbf29ce484222325 ^ bytes.size();
  while (!bytes.empty()) {
    const std::size_t n = std::min<std::size_t>(bytes.size(), sizeof(std::uint64_t));
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), n);
    hash = (hash ^ word) * kPrime;
    hash ^= hash >> 32;
    bytes.remove_prefix(n);
  }
  return hash;
}

void write_type(ByteWriter& out, const ProvidedType& type) {
  for (const std::string* text : {&type.interface_id, &type.kind, &type.name, &type.summary}) {
    out.text(*text);
  }
  for (const std::int32_t number : {type.min_bottoms, type.max_bottoms, type.min_tops,
                                    type.max_tops, type.score, std::int32_t{type.is_host}}) {
    out.number(static_cast<std::uint32_t>(number));
  }
}

ProvidedType read_type(ByteReader& in) {
  ProvidedType type;
  for (std::string* text : {&type.interface_id, &type.kind, &type.name, &type.summary}) {
    *text = in.text();
  }
  for (std::int32_t* number :
       {&type.min_bottoms, &type.max_bottoms, &type.min_tops, &type.max_tops, &type.score}) {
    *number = static_cast<std::int32_t>(in.number());
  }
  type.is_host = in.number() != 0;
  return type;
}

}  // namespace

void ByteWriter::number(std::uint64_t value) {
  // Seven bits a byte, lowest first; most numbers are small.
  for (; value >= 0x80; value >>= 7)
    bytes_.push_back(static_cast<char>(value | 0x80));
  bytes_.push_back(static_cast<char>(value));
}

void ByteWriter::text(std::string_view value) {
  number(value.size());
  bytes_.append(value);
}

std::string_view ByteReader::take(std::uint64_t n) {
  if (n > rest_.size()) fail_damaged();
  const std::string_view taken = rest_.substr(0, n);
  rest_.remove_prefix(n);
  return taken;
}

std::uint64_t ByteReader::number() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(take(1).front());
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if ((byte & 0x80u) == 0) return value;
  }
  fail_damaged();
}

std::string ByteReader::text() {
  return std::string(take(number()));
}

std::uint64_t ByteReader::count() {
  const std::uint64_t n = number();
  if (n > rest_.size()) fail_damaged();
  return n;
}

void write(ByteWriter& out, const Manifest& manifest) {
  for (const std::string* text : {&manifest.file.native(), &manifest.id, &manifest.version,
                                  &manifest.needs_cpu, &manifest.sanitizer, &manifest.sha256}) {
    out.text(*text);
  }
  for (const std::uint64_t number :
       {std::uint64_t{manifest.abi_major}, std::uint64_t{manifest.abi_minor_built},
        std::uint64_t{manifest.abi_minor_required}, manifest.bytes}) {
    out.number(number);
  }
  out.number(manifest.provided.size());
  for (const ProvidedType& type : manifest.provided)
    write_type(out, type);
  out.number(manifest.schemas.size());
  for (const SchemaText& schema : manifest.schemas) {
    out.text(schema.file);
    out.text(schema.text);
  }
  out.number(manifest.needed.size());
  for (const std::string& name : manifest.needed)
    out.text(name);
}

Manifest read_manifest(ByteReader& in) {
  Manifest manifest;
  manifest.file = in.text();
  for (std::string* text : {&manifest.id, &manifest.version, &manifest.needs_cpu,
                            &manifest.sanitizer, &manifest.sha256}) {
    *text = in.text();
  }
  for (std::uint32_t* number :
       {&manifest.abi_major, &manifest.abi_minor_built, &manifest.abi_minor_required}) {
    *number = static_cast<std::uint32_t>(in.number());
  }
  manifest.bytes = in.number();
  for (std::uint64_t n = in.count(); n > 0; --n)
    manifest.provided.push_back(read_type(in));
  for (std::uint64_t n = in.count(); n > 0; --n) {
    SchemaText schema;
    schema.file = in.text();
    schema.text = in.text();
    manifest.schemas.push_back(std::move(schema));
  }
  for (std::uint64_t n = in.count(); n > 0; --n)
    manifest.needed.push_back(in.text());
  return manifest;
}

std::string seal(std::string_view mark, std::string_view bytes) {
  std::string sealed(mark);
  sealed.append(bytes);
  const std::uint64_t sum = checksum(sealed);
  sealed.append(reinterpret_cast<const char*>(&sum), sizeof sum);
  return sealed;
}

std::string_view open_sealed(std::string_view mark, std::string_view sealed) {
  std::uint64_t sum = 0;
  if (sealed.size() < mark.size() + sizeof sum || !sealed.starts_with(mark)) fail_damaged();
  const std::string_view covered = sealed.substr(0, sealed.size() - sizeof sum);
  std::memcpy(&sum, sealed.data() + covered.size(), sizeof sum);
  if (sum != checksum(covered)) fail_damaged();
  return covered.substr(mark.size());
}

}  // namespace dlrun::registry
