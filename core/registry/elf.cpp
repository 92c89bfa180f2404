#include "core/registry/elf.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "core/base/error.hpp"

namespace dlrun::registry {
namespace {

namespace fs = std::filesystem;

// Reads pieces of a file; a piece that reaches beyond its end is an error.
class FileReader {
 public:
  explicit FileReader(const fs::path& path) : path_(path) {
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) base::fail_work(fmt::format("cannot be read: {}", std::strerror(errno)));
    bytes_ = static_cast<std::uint64_t>(::lseek(descriptor_, 0, SEEK_END));
  }
  ~FileReader() { ::close(descriptor_); }
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  const fs::path& path() const { return path_; }

  void require(std::uint64_t offset, std::uint64_t n) const {
    if (offset > bytes_ || n > bytes_ - offset) {
      base::fail_work(
          fmt::format("the file is truncated: it has {} bytes, and says that {} follow at {}",
                      bytes_, n, offset));
    }
  }

  std::string read(std::uint64_t offset, std::uint64_t n) const {
    require(offset, n);
    std::string piece(n, '\0');
    const ssize_t got = ::pread(descriptor_, piece.data(), n, static_cast<off_t>(offset));
    if (got != static_cast<ssize_t>(n)) base::fail_work("cannot be read: input/output error");
    return piece;
  }

  template <class T>
  std::vector<T> read_array(std::uint64_t offset, std::uint64_t n) const {
    static_assert(std::is_trivially_copyable_v<T>);
    const std::string piece = read(offset, n * sizeof(T));
    std::vector<T> array(n);
    if (n > 0) std::memcpy(array.data(), piece.data(), piece.size());
    return array;
  }

 private:
  fs::path path_;
  int descriptor_ = -1;
  std::uint64_t bytes_ = 0;
};

using Header = ElfW(Ehdr);
using Segment = ElfW(Phdr);
using DynamicEntry = ElfW(Dyn);
using Section = ElfW(Shdr);
using Symbol = ElfW(Sym);

// The running executable is of the right class, byte order and machine.
const Header& own_header() {
  static const Header header = FileReader("/proc/self/exe").read_array<Header>(0, 1).front();
  return header;
}

Header read_header(const FileReader& file) {
  const std::string magic = file.read(0, SELFMAG);
  if (magic != ELFMAG) base::fail_work("not a shared library: it doesn't begin as an ELF file");
  const Header header = file.read_array<Header>(0, 1).front();
  const Header& own = own_header();
  if (header.e_ident[EI_CLASS] != own.e_ident[EI_CLASS] ||
      header.e_ident[EI_DATA] != own.e_ident[EI_DATA] || header.e_machine != own.e_machine) {
    base::fail_work(fmt::format(
        "built for another machine (ELF machine {}, class {}; this is {}, {})", header.e_machine,
        header.e_ident[EI_CLASS], own.e_machine, own.e_ident[EI_CLASS]));
  }
  if (header.e_type != ET_DYN || header.e_phentsize != sizeof(Segment)) {
    base::fail_work("not a shared library: an ELF file of another type");
  }
  return header;
}

// Where the bytes of a virtual address lie in the file.
std::uint64_t file_offset(const std::vector<Segment>& segments, std::uint64_t address) {
  for (const Segment& segment : segments) {
    if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
        address - segment.p_vaddr < segment.p_filesz) {
      return segment.p_offset + (address - segment.p_vaddr);
    }
  }
  base::fail_work("a damaged ELF file: its dynamic section points outside its segments");
}

std::vector<DynamicEntry> read_dynamic(const FileReader& file,
                                       const std::vector<Segment>& segments) {
  for (const Segment& segment : segments) {
    if (segment.p_type != PT_DYNAMIC) continue;
    return file.read_array<DynamicEntry>(segment.p_offset, segment.p_filesz / sizeof(DynamicEntry));
  }
  base::fail_work("not a shared library: it has no dynamic section");
}

std::string string_at(const std::string& strings, std::uint64_t offset) {
  if (offset >= strings.size())
    base::fail_work("a damaged ELF file: a name lies outside its table");
  return strings.c_str() + offset;
}

void add_run_paths(ElfFacts& facts, const std::string& list, const fs::path& origin) {
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(':', begin), list.size());
    std::string path = list.substr(begin, end - begin);
    for (const std::string_view variable : {"${ORIGIN}", "$ORIGIN"}) {
      const std::size_t at = path.find(variable);
      if (at != std::string::npos) path.replace(at, variable.size(), origin.string());
    }
    if (!path.empty()) facts.run_paths.emplace_back(path);
    begin = end + 1;
  }
}

// The global symbols that the dynamic table defines.
std::vector<std::string> read_exports(const FileReader& file, const Header& header) {
  std::vector<std::string> names;
  const auto sections = file.read_array<Section>(header.e_shoff, header.e_shnum);
  for (const Section& section : sections) {
    if (section.sh_type != SHT_DYNSYM || section.sh_link >= sections.size()) continue;
    const Section& text = sections[section.sh_link];
    const std::string strings = file.read(text.sh_offset, text.sh_size);
    for (const Symbol& symbol :
         file.read_array<Symbol>(section.sh_offset, section.sh_size / sizeof(Symbol))) {
      if (symbol.st_shndx != SHN_UNDEF && ELF64_ST_BIND(symbol.st_info) != STB_LOCAL)
        names.push_back(string_at(strings, symbol.st_name));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool mentions(const std::string& strings, const char* symbol) {
  // With the zero bytes before and after: the whole name.
  const std::string_view whole(symbol, std::strlen(symbol) + 1);
  for (std::size_t at = strings.find(whole); at != std::string::npos;
       at = strings.find(whole, at + 1)) {
    if (at > 0 && strings[at - 1] == '\0') return true;
  }
  return false;
}

}  // namespace

ElfFacts read_elf(const fs::path& library) {
  const FileReader file(library);
  const Header header = read_header(file);
  const std::vector<Segment> segments = file.read_array<Segment>(header.e_phoff, header.e_phnum);
  for (const Segment& segment : segments) {
    if (segment.p_type == PT_LOAD) file.require(segment.p_offset, segment.p_filesz);
  }
  const std::vector<DynamicEntry> dynamic = read_dynamic(file, segments);
  std::uint64_t table = 0;
  std::uint64_t table_bytes = 0;
  for (const DynamicEntry& entry : dynamic) {
    if (entry.d_tag == DT_STRTAB) table = entry.d_un.d_ptr;
    if (entry.d_tag == DT_STRSZ) table_bytes = entry.d_un.d_val;
  }
  const std::string strings = file.read(file_offset(segments, table), table_bytes);

  ElfFacts facts;
  for (const DynamicEntry& entry : dynamic) {
    if (entry.d_tag == DT_NULL) break;
    if (entry.d_tag == DT_NEEDED) facts.needed.push_back(string_at(strings, entry.d_un.d_val));
    if (entry.d_tag == DT_RUNPATH || entry.d_tag == DT_RPATH) {
      add_run_paths(facts, string_at(strings, entry.d_un.d_val), library.parent_path());
    }
  }
  facts.has_entry = mentions(strings, "dlrun_plugin_query");
  facts.exports = read_exports(file, header);
  if (mentions(strings, "__asan_init")) facts.sanitizer = "address";
  if (mentions(strings, "__tsan_init")) facts.sanitizer = "thread";
  return facts;
}

std::string own_sanitizer() {
#if defined(__SANITIZE_ADDRESS__)
  return "address";
#elif defined(__SANITIZE_THREAD__)
  return "thread";
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
  return "address";
#elif __has_feature(thread_sanitizer)
  return "thread";
#endif
#endif
  return "none";
}

}  // namespace dlrun::registry
