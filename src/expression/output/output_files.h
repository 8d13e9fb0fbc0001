#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "expression/format.h"
#include "expression/output/pending_output.h"

namespace stroma::expression {

/// How several files become one output. In a stored_zip files are packed already.
enum class Bundling : std::uint8_t { folder, stored_zip, deflated_zip };

/// A piece of a file as it will lie on the disk.
struct PackedPiece {
    Bytes bytes;
    std::uint32_t crc = 0;         ///< of the text
    std::uint64_t text_bytes = 0;  ///< before deflate
};

/// Files written one after another, each appended to in pieces, into a folder or a zip archive
/// whose entries lie in a folder `stem`. The archive is written from its front to its end, so that
/// it can be sent while it grows; it has no times but 1980-01-01 (the first that the format knows),
/// and equal files give equal bytes.
class OutputFiles {
public:
    static Result<std::unique_ptr<OutputFiles>> create(const fs::path& path, Bundling bundling,
                                                       std::string_view stem, Settled settled = {});
    virtual ~OutputFiles() = default;

    /// Makes a piece ready to be appended; may take long (deflate). What is left in `text` is of no
    /// use but its memory. Any thread.
    virtual void pack(Bytes& text, PackedPiece& out) const = 0;
    virtual Result<void> begin(std::string_view name) = 0;
    virtual Result<void> append(const PackedPiece& piece) = 0;
    virtual Result<void> end() = 0;
    /// Ends the output and gives it its name; returns the bytes of all files.
    virtual Result<std::uint64_t> commit(bool durable) = 0;
    /// A whole file at once.
    virtual Result<void> add(std::string_view name, ByteSpan text) = 0;
};

/// The bundling for WriteOptions::layout ("", "folder", "zip").
/// errors  unsupported  another word
Result<Bundling> bundling_of(std::string_view layout, Bundling zip);

/// The name of the folder inside an archive: the stem asked for, else the path's file name without
/// ".zip". errors  invalid_input  a stem with '/' or an empty one
Result<std::string> stem_of(std::string_view asked, const fs::path& path);

}  // namespace stroma::expression
