#include "app/terminal/text_table.h"

#include <algorithm>
#include <cassert>
#include <numeric>

#include "app/terminal/terminal.h"

namespace stroma::app {
namespace {

constexpr std::size_t gap = 2, column_columns_min = 4;

void append_cell(std::string& line, std::string_view text, std::size_t width,
                 TextTable::Align align, bool is_last) {
    const std::string cut = cut_to_columns(text, width);
    const std::string padding(width - text_columns(cut), ' ');
    if (align == TextTable::Align::right) line += padding;
    line += cut;
    if (align == TextTable::Align::left && !is_last) line += padding;
    line += is_last ? "\n" : std::string(gap, ' ');
}

}  // namespace

void TextTable::add(std::vector<std::string> row) {
    assert(row.size() == headings_.size());
    for (auto& text : row)
        std::replace_if(
            text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t' || c == '\r'; },
            ' ');
    rows_.push_back(std::move(row));
}

std::vector<std::size_t> TextTable::widths(int columns) const {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < headings_.size(); ++i) {
        widths.push_back(text_columns(headings_[i].name));
        for (const auto& row : rows_) widths[i] = std::max(widths[i], text_columns(row[i]));
    }
    if (columns <= 0 || widths.empty()) return widths;
    const std::size_t gaps = gap * (widths.size() - 1);
    const auto total = [&] { return gaps + std::accumulate(widths.begin(), widths.end(), 0ul); };
    while (total() > static_cast<std::size_t>(columns)) {
        const auto widest = std::max_element(widths.begin(), widths.end());
        if (*widest <= column_columns_min) break;
        --*widest;
    }
    return widths;
}

std::string TextTable::text(int columns) const {
    const auto widths = this->widths(columns);
    std::string text;
    const std::size_t last = headings_.empty() ? 0 : headings_.size() - 1;
    for (std::size_t i = 0; i < headings_.size(); ++i)
        append_cell(text, headings_[i].name, widths[i], headings_[i].align, i == last);
    for (const auto& row : rows_)
        for (std::size_t i = 0; i < row.size(); ++i)
            append_cell(text, row[i], widths[i], headings_[i].align, i == last);
    return text;
}

}  // namespace stroma::app
