// A LevelDB environment that never changes what is on disk.
#pragma once

#include <leveldb/env.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

// LevelDB writes whenever it opens a database: a lock, a log, a new manifest, what its old log
// held. Here all that goes to memory, so that a database may lie in a folder that can't be written
// to, be read by several nets at once, and is afterwards what it was before.
class OverlayEnvironment : public leveldb::EnvWrapper {
 public:
  using Contents = std::shared_ptr<std::string>;

  OverlayEnvironment() : EnvWrapper(leveldb::Env::Default()) {}

  // From now on new files are refused: LevelDB gives up the compactions it would do in the
  // background.
  void freeze() { frozen_ = true; }

  leveldb::Status NewSequentialFile(const std::string& name,
                                    leveldb::SequentialFile** out) override;
  leveldb::Status NewRandomAccessFile(const std::string& name,
                                      leveldb::RandomAccessFile** out) override;
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** out) override;
  leveldb::Status NewAppendableFile(const std::string& name, leveldb::WritableFile** out) override;
  bool FileExists(const std::string& name) override;
  leveldb::Status GetChildren(const std::string& folder, std::vector<std::string>* out) override;
  leveldb::Status RemoveFile(const std::string& name) override;
  leveldb::Status CreateDir(const std::string& folder) override;
  leveldb::Status GetFileSize(const std::string& name, uint64_t* bytes) override;
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override;
  leveldb::Status LockFile(const std::string& name, leveldb::FileLock** out) override;
  leveldb::Status UnlockFile(leveldb::FileLock* lock) override;
  leveldb::Status NewLogger(const std::string& name, leveldb::Logger** out) override;

 private:
  Contents find(const std::string& name);  // null when it isn't in memory

  std::mutex mutex_;  // LevelDB calls from a thread of its own as well
  std::map<std::string, Contents> files_;
  std::atomic<bool> frozen_{false};
};
