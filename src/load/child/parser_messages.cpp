#include "load/child/parser_messages.h"

#include <fmt/format.h>

#include <cstdlib>

namespace stroma::loading {
namespace {

using expression::DatasetSummary;
using expression::MatrixSummary;

constexpr std::size_t notes_max = 100;
constexpr std::size_t note_bytes_max = 400;
constexpr std::size_t error_bytes_max = 4096;

tl::unexpected<Error> malformed(std::string_view member) {
    return fail(ErrorCode::invalid_input,
                fmt::format("the parser's answer has no sound '{}'", member));
}

Result<std::uint64_t> number(const Json& json, const char* name) {
    const auto found = json.find(name);
    if (found == json.end() || !found->is_number_unsigned()) return malformed(name);
    return found->get<std::uint64_t>();
}

Result<bool> flag(const Json& json, const char* name) {
    const auto found = json.find(name);
    if (found == json.end() || !found->is_boolean()) return malformed(name);
    return found->get<bool>();
}

Result<std::string> text(const Json& json, const char* name) {
    const auto found = json.find(name);
    if (found == json.end() || !found->is_string()) return malformed(name);
    return found->get<std::string>();
}

/// Doubles go as text: JSON has no infinities.
Result<double> real(const Json& json, const char* name) {
    const std::string written = TRY(text(json, name));
    char* end = nullptr;
    const double value = std::strtod(written.c_str(), &end);
    if (written.empty() || *end != '\0') return malformed(name);
    return value;
}

template <class T>
Result<T> named(const Json& json, const char* name, int count) {
    const std::string written = TRY(text(json, name));
    for (int i = 0; i < count; ++i)
        if (name_of(static_cast<T>(i)) == written) return static_cast<T>(i);
    return malformed(name);
}

Json summary_json(const MatrixSummary& matrix) {
    return {{"name", matrix.name},
            {"unit", name_of(matrix.unit)},
            {"type", name_of(matrix.type)},
            {"genes", matrix.genes},
            {"nonzeros", matrix.nonzeros},
            {"sum", fmt::format("{}", matrix.sum)},
            {"min", fmt::format("{}", matrix.min)},
            {"max", fmt::format("{}", matrix.max)},
            {"whole_numbers", matrix.whole_numbers},
            {"bytes_by_cell", matrix.bytes_by_cell},
            {"bytes_by_gene", matrix.bytes_by_gene}};
}

Result<MatrixSummary> matrix_from_json(const Json& json) {
    MatrixSummary matrix;
    matrix.name = TRY(text(json, "name"));
    matrix.unit = TRY(named<expression::Unit>(json, "unit", 6));
    matrix.type = TRY(named<expression::ValueType>(json, "type", 11));
    matrix.genes = TRY(number(json, "genes"));
    matrix.nonzeros = TRY(number(json, "nonzeros"));
    matrix.sum = TRY(real(json, "sum"));
    matrix.min = TRY(real(json, "min"));
    matrix.max = TRY(real(json, "max"));
    matrix.whole_numbers = TRY(flag(json, "whole_numbers"));
    matrix.bytes_by_cell = TRY(number(json, "bytes_by_cell"));
    matrix.bytes_by_gene = TRY(number(json, "bytes_by_gene"));
    return matrix;
}

Json picture_json(const image::FoundPicture& picture) {
    return {{"element", picture.element},
            {"name", picture.name},
            {"transform", image::to_text(picture.transform)},
            {"are_labels", picture.are_labels},
            {"cell_column", picture.cell_column},
            {"micrometres", fmt::format("{}", picture.micrometres.value_or(0))}};
}

Result<image::FoundPicture> picture_from_json(const Json& json) {
    if (!json.is_object()) return malformed("pictures");
    image::FoundPicture picture;
    picture.element = TRY(text(json, "element"));
    picture.name = TRY(text(json, "name")).substr(0, note_bytes_max);
    const std::string transform = TRY(text(json, "transform"));
    picture.transform = TRY(image::transform_of(transform));
    picture.are_labels = TRY(flag(json, "are_labels"));
    picture.cell_column = TRY(text(json, "cell_column"));
    const double micrometres = TRY(real(json, "micrometres"));
    if (micrometres > 0 && micrometres < 1e6) picture.micrometres = micrometres;
    return picture;
}

}  // namespace

Json to_json(const ParseOrder& order) {
    return {{"name", order.name},
            {"is_folder", order.is_folder},
            {"format", order.format},
            {"orientation", order.read.orientation},
            {"make_ids_unique", order.read.make_ids_unique},
            {"unpacked_bytes_max", order.read.unpacked_bytes_max},
            {"sum_duplicates", order.sum_duplicates},
            {"durable", order.durable},
            {"is_image", order.is_image},
            {"are_labels", order.image.are_labels},
            {"element", order.image.element},
            {"micrometres", fmt::format("{}", order.image.micrometres.value_or(0))},
            {"image_memory_bytes", order.image.memory_bytes},
            {"memory_bytes", order.limits.memory_bytes},
            {"time_ms", static_cast<std::uint64_t>(order.limits.time.count())},
            {"output_bytes", order.limits.output_bytes}};
}

Result<ParseOrder> order_from_json(const Json& json) {
    ParseOrder order;
    order.name = TRY(text(json, "name"));
    order.is_folder = TRY(flag(json, "is_folder"));
    order.format = TRY(text(json, "format"));
    order.read.orientation = TRY(text(json, "orientation"));
    order.read.make_ids_unique = TRY(flag(json, "make_ids_unique"));
    order.read.unpacked_bytes_max = TRY(number(json, "unpacked_bytes_max"));
    order.sum_duplicates = TRY(flag(json, "sum_duplicates"));
    order.durable = TRY(flag(json, "durable"));
    order.is_image = TRY(flag(json, "is_image"));
    order.image.are_labels = TRY(flag(json, "are_labels"));
    order.image.element = TRY(text(json, "element"));
    const double micrometres = TRY(real(json, "micrometres"));
    if (micrometres > 0) order.image.micrometres = micrometres;
    order.image.memory_bytes = TRY(number(json, "image_memory_bytes"));
    order.limits.memory_bytes = TRY(number(json, "memory_bytes"));
    order.limits.time = std::chrono::milliseconds(TRY(number(json, "time_ms")));
    order.limits.output_bytes = TRY(number(json, "output_bytes"));
    return order;
}

Json to_json(const ParseReport& report) {
    Json matrices = Json::array(), notes = Json::array();
    for (const MatrixSummary& matrix : report.summary.matrices)
        matrices.push_back(summary_json(matrix));
    for (const std::string& note : report.notes)
        if (notes.size() < notes_max) notes.push_back(note.substr(0, note_bytes_max));
    Json pictures = Json::array();
    for (const image::FoundPicture& picture : report.pictures)
        pictures.push_back(picture_json(picture));
    return {{"format", report.format},       {"cells", report.summary.cells},
            {"genes", report.summary.genes}, {"bytes", report.summary.bytes},
            {"matrices", matrices},          {"notes", notes},
            {"pictures", pictures}};
}

Result<ParseReport> report_from_json(const Json& json) {
    if (!json.is_object()) return malformed("result");
    ParseReport report;
    report.format = TRY(text(json, "format"));
    report.summary.cells = TRY(number(json, "cells"));
    report.summary.genes = TRY(number(json, "genes"));
    report.summary.bytes = TRY(number(json, "bytes"));
    const auto matrices = json.find("matrices"), notes = json.find("notes");
    if (matrices == json.end() || !matrices->is_array()) return malformed("matrices");
    for (const Json& matrix : *matrices) {
        if (!matrix.is_object()) return malformed("matrices");
        report.summary.matrices.push_back(TRY(matrix_from_json(matrix)));
    }
    if (notes == json.end() || !notes->is_array()) return malformed("notes");
    for (const Json& note : *notes) {
        if (!note.is_string() || report.notes.size() >= notes_max) return malformed("notes");
        report.notes.push_back(note.get<std::string>().substr(0, note_bytes_max));
    }
    const auto pictures = json.find("pictures");
    if (pictures == json.end() || !pictures->is_array() ||
        pictures->size() > image::found_pictures_max)
        return malformed("pictures");
    for (const Json& picture : *pictures)
        report.pictures.push_back(TRY(picture_from_json(picture)));
    return report;
}

Json to_json(const Error& error) {
    return {{"code", name_of(error.code)}, {"message", error.message.substr(0, error_bytes_max)}};
}

Error error_from_json(const Json& json) {
    const Result<std::string> code = json.is_object() ? text(json, "code") : malformed("code");
    const Result<std::string> message =
        json.is_object() ? text(json, "message") : malformed("message");
    if (!code || !message) return {ErrorCode::invalid_input, "the parser failed without a reason"};
    return {error_code_named(*code), message->substr(0, error_bytes_max)};
}

}  // namespace stroma::loading
