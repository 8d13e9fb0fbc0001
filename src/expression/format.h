#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "expression/annotated_data.h"
#include "expression/input_files.h"

namespace stroma::expression {

struct ReadOptions {
    /// For tables without a hint of their own: "" detects and says what it found.
    std::string orientation;  ///< "", "cells-are-rows", "cells-are-columns"

    bool make_ids_unique = false;  ///< give repeated cell or gene ids a suffix (recorded)
    std::uint64_t unpacked_bytes_max = std::uint64_t{64} << 30;  ///< inflated bytes in all
    /// Where text is kept, as numbers, between reading and sealing; unset: in memory.
    File* scratch = nullptr;
};

/// Reads one kind of file or folder. Stateless.
class FormatReader {
public:
    virtual ~FormatReader() = default;
    virtual std::string_view name() const = 0;  ///< "h5ad", "10x-h5", "10x-mtx", "loom", "zarr"...
    /// Whether the input looks like this format: by names and first bytes, never by trust in an
    /// extension alone. Cheap; false for what can't be read.
    virtual bool recognises(InputFiles& files) const = 0;
    /// Opens it: obs, var and the rest in memory, matrices ready to be read in lines. What it
    /// returns may keep `files`, which must outlive it.
    /// errors  invalid_input  names the file, the part (obs/cell_type, line 7) and the fix
    ///         exhausted      a limit, by its name ("bomb": unpacked_bytes_max)
    ///         unsupported    "encoding X not known"
    virtual Result<AnnotatedData> read(InputFiles& files, const ReadOptions& options) const = 0;
};

/// Told while a file is written, by a writer that goes from its front to its end: where it lies
/// until it gets its name, and how many of its first bytes won't change any more. The number rises;
/// one call at a time, on any thread.
using Settled = std::function<void(const fs::path& working, std::uint64_t bytes)>;

struct WriteOptions {
    /// "": the format's default; "none"; "gzip" / "lz4" / "zstd" where the format knows them.
    std::string compression;
    bool durable = false;  ///< fsync before returning
    std::string layout;    ///< a format's variant: zarr "anndata" (default) or "hca-v1";
                           ///< mtx and csv "folder" (default) or "zip"
    std::string stem;      ///< the folder's name inside a zip; default the output's name
    Settled settled;       ///< may be empty; folders and formats that go back tell nothing
};

/// What was written, counted while writing; equal for every format of one selection.
struct WrittenMatrix {
    std::uint64_t cells = 0, genes = 0, nonzeros = 0;
    double sum = 0;           ///< of X's values, added in cell order
    std::uint64_t bytes = 0;  ///< all files together
};

/// Writes one kind of file or folder. Stateless.
class FormatWriter {
public:
    virtual ~FormatWriter() = default;
    virtual std::string_view name() const = 0;       ///< "h5ad", "zarr", "loom", "csv", "mtx"
    virtual std::string_view extension() const = 0;  ///< ".h5ad", ".zarr", ".loom", ".csv", ".mtx"
    /// Writes `data` to `path`, which must not exist; on an error nothing is left there.
    /// Matrix sources must be by_cell and random access. Memory stays within 256 MiB beside
    /// obs and var.
    virtual Result<WrittenMatrix> write(const AnnotatedData& data, const fs::path& path,
                                        const WriteOptions& options, const Watch& watch) const = 0;
};

}  // namespace stroma::expression
