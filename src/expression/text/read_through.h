#pragma once

#include <string>
#include <string_view>

#include "expression/format.h"
#include "expression/text/memory_files.h"

namespace stroma::expression {

/// What a fuzz target gives a reader: "name\n" and its bytes, files parted by 0x1e. A single part
/// whose name ends in neither '/' nor holds one is a single file.
inline MemoryFiles files_of_fuzz_input(std::string_view input) {
    std::map<std::string, std::string> files;
    while (!input.empty()) {
        const std::size_t end = std::min(input.find('\x1e'), input.size());
        const std::string_view part = input.substr(0, end);
        input.remove_prefix(std::min(end + 1, input.size()));
        const std::size_t line = std::min(part.find('\n'), part.size());
        files[std::string(part.substr(0, line))] =
            std::string(part.substr(std::min(line + 1, part.size())));
    }
    return MemoryFiles("input", std::move(files));
}

/// Reads the files with a reader and then all lines of its matrices; nothing but crashes counts.
inline void read_through(const FormatReader& reader, InputFiles& files) {
    if (!reader.recognises(files)) return;
    auto data = reader.read(
        files, {.orientation = "", .make_ids_unique = false, .unpacked_bytes_max = 1u << 20});
    if (!data) return;
    LineBlock block;
    for (NamedMatrix& matrix : data->matrices) {
        MatrixSource& source = *matrix.source;
        for (std::uint64_t first = 0; first < std::min<std::uint64_t>(source.line_count(), 4096);) {
            const std::uint64_t count =
                std::min(source.lines_per_read(), source.line_count() - first);
            if (!source.read_lines(first, count, block)) break;
            first += count;
        }
    }
}

}  // namespace stroma::expression
