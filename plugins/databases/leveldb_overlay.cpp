// Files in memory in front of the files on disk.
#include "leveldb_overlay.hpp"

#include <algorithm>
#include <cstring>

namespace {

using leveldb::Slice;
using leveldb::Status;
using Contents = OverlayEnvironment::Contents;

class MemorySequentialFile : public leveldb::SequentialFile {
 public:
  explicit MemorySequentialFile(Contents contents) : contents_(std::move(contents)) {}
  Status Read(size_t n, Slice* result, char* scratch) override {
    n = std::min(n, contents_->size() - at_);
    std::memcpy(scratch, contents_->data() + at_, n);
    *result = Slice(scratch, n);
    at_ += n;
    return Status::OK();
  }
  Status Skip(uint64_t n) override {
    at_ += std::min<uint64_t>(n, contents_->size() - at_);
    return Status::OK();
  }

 private:
  Contents contents_;
  size_t at_ = 0;
};

class MemoryRandomAccessFile : public leveldb::RandomAccessFile {
 public:
  explicit MemoryRandomAccessFile(Contents contents) : contents_(std::move(contents)) {}
  Status Read(uint64_t offset, size_t n, Slice* result, char* scratch) const override {
    const size_t begin = std::min<size_t>(offset, contents_->size());
    n = std::min(n, contents_->size() - begin);
    std::memcpy(scratch, contents_->data() + begin, n);
    *result = Slice(scratch, n);
    return Status::OK();
  }

 private:
  Contents contents_;
};

class MemoryWritableFile : public leveldb::WritableFile {
 public:
  explicit MemoryWritableFile(Contents contents) : contents_(std::move(contents)) {}
  Status Append(const Slice& data) override {
    contents_->append(data.data(), data.size());
    return Status::OK();
  }
  Status Close() override { return Status::OK(); }
  Status Flush() override { return Status::OK(); }
  Status Sync() override { return Status::OK(); }

 private:
  Contents contents_;
};

class NoLock : public leveldb::FileLock {};

}  // namespace

Contents OverlayEnvironment::find(const std::string& name) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = files_.find(name);
  return found == files_.end() ? nullptr : found->second;
}

Status OverlayEnvironment::NewSequentialFile(const std::string& name,
                                             leveldb::SequentialFile** out) {
  const Contents contents = find(name);
  if (!contents) return EnvWrapper::NewSequentialFile(name, out);
  *out = new MemorySequentialFile(contents);
  return Status::OK();
}

Status OverlayEnvironment::NewRandomAccessFile(const std::string& name,
                                               leveldb::RandomAccessFile** out) {
  const Contents contents = find(name);
  if (!contents) return EnvWrapper::NewRandomAccessFile(name, out);
  *out = new MemoryRandomAccessFile(contents);
  return Status::OK();
}

Status OverlayEnvironment::NewWritableFile(const std::string& name, leveldb::WritableFile** out) {
  if (frozen_) return Status::IOError(name, "open for reading only");
  const Contents contents = std::make_shared<std::string>();
  const std::lock_guard<std::mutex> lock(mutex_);
  files_[name] = contents;
  *out = new MemoryWritableFile(contents);
  return Status::OK();
}

// Only asked for to go on with an old log, which the options for reading don't do.
Status OverlayEnvironment::NewAppendableFile(const std::string& name, leveldb::WritableFile**) {
  return Status::IOError(name, "open for reading only");
}

bool OverlayEnvironment::FileExists(const std::string& name) {
  return find(name) || EnvWrapper::FileExists(name);
}

Status OverlayEnvironment::GetChildren(const std::string& folder, std::vector<std::string>* out) {
  const Status status = EnvWrapper::GetChildren(folder, out);
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::string prefix = folder + "/";
  for (const auto& [name, contents] : files_) {
    if (name.compare(0, prefix.size(), prefix) == 0) out->push_back(name.substr(prefix.size()));
  }
  return status;
}

// What is on disk stays.
Status OverlayEnvironment::RemoveFile(const std::string& name) {
  const std::lock_guard<std::mutex> lock(mutex_);
  files_.erase(name);
  return Status::OK();
}

Status OverlayEnvironment::CreateDir(const std::string&) {
  return Status::OK();
}

Status OverlayEnvironment::GetFileSize(const std::string& name, uint64_t* bytes) {
  const Contents contents = find(name);
  if (!contents) return EnvWrapper::GetFileSize(name, bytes);
  *bytes = contents->size();
  return Status::OK();
}

Status OverlayEnvironment::RenameFile(const std::string& from, const std::string& to) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = files_.find(from);
  if (found == files_.end()) return Status::OK();
  const Contents contents = found->second;
  files_.erase(found);
  files_[to] = contents;
  return Status::OK();
}

Status OverlayEnvironment::LockFile(const std::string&, leveldb::FileLock** out) {
  *out = new NoLock();
  return Status::OK();
}

Status OverlayEnvironment::UnlockFile(leveldb::FileLock* lock) {
  delete lock;
  return Status::OK();
}

// LevelDB does without a log of its doings when it can't have one.
Status OverlayEnvironment::NewLogger(const std::string& name, leveldb::Logger** out) {
  *out = nullptr;
  return Status::IOError(name, "open for reading only");
}
