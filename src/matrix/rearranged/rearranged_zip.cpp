#include "matrix/rearranged/rearranged_zip.h"

#include <algorithm>

#include "base/usual_or_tiny.h"
#include "expression/output/deflate.h"
#include "expression/output/frame_text.h"
#include "expression/output/output_files.h"
#include "expression/text/memory_files.h"
#include "expression/text/text_input.h"
#include "expression/zarr/zip_archive.h"

namespace stroma::matrix {
namespace {

using expression::Bundling;
using expression::OutputFiles;
using expression::PackedPiece;
using expression::ZipArchive;

constexpr std::uint64_t table_bytes_max = 256u << 20;
constexpr std::uint64_t piece_bytes = usual_or_tiny(4u << 20, 64u);

/// The fields of the record at the start of `text`, as they are; cuts it off with its line end.
void next_record(std::string_view& text, char separator, std::vector<std::string_view>& fields) {
    fields.clear();
    bool quoted = false;
    std::size_t begin = 0, at = 0;
    for (; at < text.size() && (quoted || text[at] != '\n'); ++at) {
        if (text[at] == '"') quoted = !quoted;
        if (quoted || text[at] != separator) continue;
        fields.push_back(text.substr(begin, at - begin));
        begin = at + 1;
    }
    fields.push_back(text.substr(begin, at - begin));
    text.remove_prefix(std::min(text.size(), at + 1));
}

std::string unquoted(std::string_view field) {
    if (field.size() < 2 || field.front() != '"') return std::string(field);
    std::string text;
    field = field.substr(1, field.size() - 2);
    for (std::size_t i = 0; i < field.size(); ++i) {
        text += field[i];
        if (field[i] == '"') ++i;
    }
    return text;
}

/// Where each of the names stands in the header; empty when they aren't its columns.
std::vector<std::size_t> places_of(const std::vector<std::string_view>& header,
                                   const std::vector<std::string>& names) {
    std::vector<std::size_t> places;
    std::vector<bool> used(header.size());
    for (const std::string& name : names) {
        if (name == header[0]) continue;  // the index, which isn't written twice
        std::size_t at = 1;
        while (at < header.size() && (used[at] || unquoted(header[at]) != name)) ++at;
        if (at == header.size()) return {};
        used[at] = true;
        places.push_back(at);
    }
    return places.size() + 1 == header.size() ? places : std::vector<std::size_t>{};
}

Result<void> copy_member(const ZipArchive& archive, const std::string& member,
                         std::string_view name, OutputFiles& files) {
    const auto& about = archive.members().at(member);
    if (!about.is_deflated) return files.add(name, TRY(archive.read(member, table_bytes_max)));
    const std::uint64_t end = about.packed_bytes - sizeof expression::deflate_end;
    TRY(files.begin(name));
    PackedPiece piece{{}, about.crc32, about.bytes};  // the first piece speaks for all
    for (std::uint64_t at = 0; at < end; at += piece.bytes.size()) {
        piece.bytes.resize(std::min(piece_bytes, end - at));
        TRY(archive.read_packed(member, at, piece.bytes));
        TRY(files.append(piece));
        piece.crc = 0;
        piece.text_bytes = 0;
    }
    return files.end();
}

Result<void> add_rearranged(const ZipArchive& archive, const std::string& member, bool gzip,
                            const std::vector<std::string>& names, OutputFiles& files) {
    const auto refuse = [&](std::string_view why) {
        return fail(ErrorCode::unsupported, member + " can't be rearranged: " + std::string(why));
    };
    if (archive.members().at(member).bytes > table_bytes_max) return refuse("it is too large");
    const Bytes bytes = TRY(archive.read(member, table_bytes_max));
    std::string text;
    if (gzip) {
        expression::MemoryFiles packed("zip", {{"cells", std::string(as_text(bytes))}});
        text = TRY(expression::read_text(packed, "cells", table_bytes_max));
    } else {
        text = as_text(bytes);
    }
    const auto table = rearranged_table(text, gzip ? '\t' : ',', names);
    if (table.empty()) return refuse("it has other columns");
    TRY(files.begin(member.substr(member.find('/') + 1)));
    PackedPiece piece;
    for (const std::string& rows : table) {
        expression::pack_table_piece(files, rows, gzip, piece);
        TRY(files.append(piece));
    }
    return files.end();
}

}  // namespace

std::vector<std::string> rearranged_table(std::string_view table, char separator,
                                          const std::vector<std::string>& names) {
    std::vector<std::string> pieces(1);
    pieces[0].reserve(table.size());
    std::vector<std::string_view> fields;
    next_record(table, separator, fields);
    const std::size_t columns = fields.size();
    const auto places = places_of(fields, names);
    if (places.empty() && columns > 1) return {};
    for (std::uint64_t line = 0;; ++line) {
        if (fields.size() != columns) return {};
        if (line > 1 && (line - 1) % expression::table_rows_a_piece == 0) pieces.emplace_back();
        std::string& text = pieces.back();
        text += fields[0];
        for (const std::size_t place : places) {
            text += separator;
            text += fields[place];
        }
        text += '\n';
        if (table.empty()) return pieces;
        next_record(table, separator, fields);
    }
}

bool can_rearrange(std::string_view format) { return format == "csv" || format == "mtx"; }

Result<std::uint64_t> rearrange_zip(File source, std::string_view format,
                                    const std::vector<std::string>& names, const fs::path& to,
                                    std::string_view stem) {
    const bool gzip = format == "mtx";
    const std::string table = gzip ? "cells.tsv.gz" : "cells.csv";
    const ZipArchive archive = TRY(ZipArchive::open(std::move(source)));
    std::vector<std::pair<std::uint64_t, std::string>> members;  // in the order of the file
    for (const auto& [name, member] : archive.members())
        members.emplace_back(member.header_at, name);
    std::sort(members.begin(), members.end());
    const auto files =
        TRY(OutputFiles::create(to, gzip ? Bundling::stored_zip : Bundling::deflated_zip, stem));
    for (const auto& [at, member] : members) {
        const std::string name = member.substr(member.find('/') + 1);
        if (name == table)
            TRY(add_rearranged(archive, member, gzip, names, *files));
        else
            TRY(copy_member(archive, member, name, *files));
    }
    return files->commit(true);
}

}  // namespace stroma::matrix
