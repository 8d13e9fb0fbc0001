#include "redshift/spectrum/parquet_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "redshift/lexer.h"

namespace stroma::redshift {
namespace {

// The end of a Parquet file: the footer's length, little-endian, and the magic that begins it too.
constexpr std::string_view magic = "PAR1";
constexpr std::uint64_t tail_bytes = 4 + magic.size();
constexpr std::uint64_t footer_bytes_max = 256u << 20;

Result<std::uint64_t> copy_range(LakeReader& object, std::uint64_t from, std::uint64_t count,
                                 File& out) {
    constexpr std::uint64_t block_bytes = 1u << 20;
    const std::uint64_t to = std::min(from + count, object.object().size);
    for (std::uint64_t at = from; at < to;) {
        const Bytes block =
            TRY(object.read(at, static_cast<std::size_t>(std::min(block_bytes, to - at))));
        if (block.empty())
            return fail(ErrorCode::corrupt,
                        object.object().address.url() + " ends before its size says");
        TRY(out.write_at(at, block));
        at += block.size();
    }
    return to > from ? to - from : 0;
}

/// Bytes of the footer with what is behind it; the whole object where it isn't Parquet.
Result<std::uint64_t> footer_size(LakeReader& object) {
    const std::uint64_t size = object.object().size;
    if (size < 2 * magic.size() + tail_bytes) return size;
    const Bytes tail = TRY(object.read(size - tail_bytes, tail_bytes));
    if (tail.size() != tail_bytes || as_text(tail).substr(4) != magic) return size;
    std::uint32_t length = 0;
    std::memcpy(&length, tail.data(), sizeof(length));
    const std::uint64_t footer = length + tail_bytes;
    return footer > size || footer > footer_bytes_max ? size : footer;
}

// Which row groups are needed, by the footer alone; their numbers are given back.
Result<std::vector<std::int64_t>> choose_rows(sql::Connection& connection, const std::string& file,
                                              const std::string& excluded, ParquetParts& parts) {
    constexpr std::size_t runs_max = 16;  // each is a branch of the question to the engine
    std::vector<std::int64_t> left_out;
    const auto names = TRY(connection.execute(fmt::format(
        "SELECT count(DISTINCT path_in_schema) = count(DISTINCT lower(path_in_schema)) AND NOT "
        "coalesce(bool_or(lower(path_in_schema) = 'file_row_number'), false) FROM "
        "parquet_metadata({})",
        file)));
    if (!TRY(names->next()) || !names->boolean(0)) return left_out;
    const auto groups = TRY(connection.execute(fmt::format(
        "SELECT row_group_id, max(row_group_num_rows), coalesce(bool_or({0}), false) FROM (SELECT "
        "*, lower(path_in_schema) IN (SELECT lower(name) FROM parquet_schema({1}) WHERE "
        "converted_type = 'UTF8' OR logical_type LIKE 'StringType%') AS is_text FROM "
        "parquet_metadata({1})) GROUP BY 1 ORDER BY 1",
        excluded, file)));
    std::int64_t row = 0;
    while (TRY(groups->next())) {
        const std::int64_t count = groups->integer(1);
        if (groups->boolean(2)) {
            left_out.push_back(groups->integer(0));
        } else if (!parts.rows.empty() && parts.rows.back().second == row) {
            parts.rows.back().second += count;
        } else {
            parts.rows.emplace_back(row, row + count);
        }
        row += count;
    }
    if (parts.rows.size() > runs_max) left_out.clear();
    parts.is_whole = left_out.empty();
    return left_out;
}

}  // namespace

Result<ParquetParts> copy_parquet_parts(LakeReader& object, const std::vector<std::string>& columns,
                                        const std::string& excluded, sql::Connection& connection,
                                        const fs::path& path) {
    ParquetParts parts;
    std::uint64_t& copied = parts.bytes;
    const std::uint64_t size = object.object().size;
    const std::uint64_t footer = TRY(footer_size(object));
    // The engine may keep what it read of a file by its name: pages are added under another one.
    fs::path footer_path = path;
    footer_path += ".footer";
    File out = TRY(File::create(footer_path));
    TRY(out.truncate(size));
    copied = TRY(copy_range(object, size - footer, footer, out));
    if (footer < size) {
        copied += TRY(copy_range(object, 0, magic.size(), out));
        std::vector<std::int64_t> left_out;
        if (!excluded.empty())
            left_out =
                TRY(choose_rows(connection, quoted_text(footer_path.string()), excluded, parts));
        const auto pages = TRY(connection.execute(fmt::format(
            "SELECT lower(split_part(path_in_schema, ', ', 1)), least(data_page_offset, "
            "coalesce(nullif(dictionary_page_offset, 0), data_page_offset)), "
            "total_compressed_size, row_group_id FROM parquet_metadata({}) ORDER BY 2",
            quoted_text(footer_path.string()))));
        std::vector<std::string> wanted;
        for (const std::string& column : columns) wanted.push_back(lower_of(column));
        while (TRY(pages->next())) {
            const bool is_wanted =
                std::find(wanted.begin(), wanted.end(), pages->text(0)) != wanted.end();
            const bool is_left_out =
                std::find(left_out.begin(), left_out.end(), pages->integer(3)) != left_out.end();
            if (!is_wanted || is_left_out || pages->integer(1) < 0 || pages->integer(2) < 0)
                continue;
            copied += TRY(copy_range(object, static_cast<std::uint64_t>(pages->integer(1)),
                                     static_cast<std::uint64_t>(pages->integer(2)), out));
        }
    }
    std::error_code failed;
    fs::rename(footer_path, path, failed);
    if (failed)
        return fail(ErrorCode::unavailable, fmt::format("{} cannot be renamed: {}",
                                                        footer_path.string(), failed.message()));
    return parts;
}

}  // namespace stroma::redshift
