// The one function of dlrun-images.so, which alone is linked with OpenCV: that brings 140 libraries
// along, whose loading takes longer than a whole `dlrun check`, so it is opened when the first
// encoded image comes up.
#pragma once

#include <cstdint>

extern "C" {

// Gives the memory for channels x height x width values.
typedef uint8_t* (*dlrun_image_memory)(void* context, int32_t channels, int32_t height,
                                       int32_t width);

// Decodes into the memory that it asks for; `channels` is 0 (as stored), 1 (gray) or 3 (colour).
// Returns whether it worked; else `message` (of `capacity` bytes) has the reason.
typedef bool (*dlrun_decode_image_function)(const uint8_t* bytes, uint64_t size, int32_t channels,
                                            dlrun_image_memory memory, void* context, char* message,
                                            uint64_t capacity);
}
