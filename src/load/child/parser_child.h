#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "expression/format.h"
#include "expression/sealed_dataset.h"
#include "image/image_source.h"

// Foreign files are parsed in a child process of their own: this program, started anew, without
// environment, network, other files or keys. It asks for each file by name; this side opens it
// beneath the input. What the child says is checked; when it dies, one file failed.

namespace stroma::loading {

/// The hidden first argument that makes the program a parser child.
constexpr std::string_view parser_child_argument = "parse-child";

/// What one child may use.
struct ParseLimits {
    std::uint64_t memory_bytes = std::uint64_t{2} << 30;  ///< beside the program itself
    std::chrono::milliseconds time{60'000};               ///< and 1 s for each 20 MB of input
    std::uint64_t output_bytes = std::uint64_t{64} << 30;
};

struct ParseRequest {
    fs::path input;           ///< a file or a folder
    fs::path output;          ///< the sealed file to write; must not exist
    fs::path scratch_folder;  ///< for a nameless file that the transposition spills into
    expression::ReadOptions read;
    std::string format;  ///< a reader's name; "" finds it out
    bool sum_duplicates = false;
    bool durable = true;        ///< fsync of the sealed file's bytes; its name is the caller's
    bool is_image = false;      ///< a picture is wanted; `output` is a stored image
    image::ImageOptions image;  ///< for pictures
    ParseLimits limits;
};

struct ParseReport {
    std::string format;                  ///< the reader that read it
    expression::DatasetSummary summary;  ///< not of pictures
    std::vector<std::string> notes;
    std::vector<image::FoundPicture> pictures;  ///< that lie beside the cells
};

/// Parses and seals one input in a child process. Blocks; any thread; kills the child when
/// watch.cancelled answers true (asked every 50 ms). Neither a process, a descriptor nor, on an
/// error, the output stays behind. `readers` are those that run_parser_child was given.
/// The sealed file is as trustworthy as the input: open and check it before it is published.
/// errors  invalid_input  the readers' and the sealer's; "the parser of x was stopped: …"
///         exhausted      "limit: time", "limit: memory", "limit: output"; "bomb: …"
///         cancelled, unsupported, not_found, unavailable
Result<ParseReport> parse_in_child(const ParseRequest& request,
                                   const std::vector<const expression::FormatReader*>& readers,
                                   const expression::Watch& watch);

/// Whether the program was started by parse_in_child. Asked first thing in main.
bool is_parser_child(int argument_count, char** arguments);

/// The child's whole life: fences itself, reads, seals, answers, ends. Never returns.
[[noreturn]] void run_parser_child(int argument_count, char** arguments,
                                   const std::vector<const expression::FormatReader*>& readers,
                                   const std::vector<const image::ImageReader*>& pictures = {});

}  // namespace stroma::loading
