// What a file holds, told by its bytes; for the message when a user gives the wrong one.
#pragma once

#include <filesystem>
#include <string_view>

namespace dlrun::model_io {

enum class FileKind { kEmpty, kText, kHdf5, kResumeState, kWeights, kSolverState, kBlob, kUnknown };

bool is_hdf5(std::string_view bytes);

FileKind detect_kind(std::string_view bytes);

// Throws Error (exit code 2) "is ..., expected <wanted>" when the bytes are clearly something else
// than `kind`. Unknown bytes pass: their parser gives the better message.
void require_kind(const std::filesystem::path& path, std::string_view bytes, FileKind kind);

}  // namespace dlrun::model_io
