#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace stroma::app {

/// Rows for people: a heading, columns in line, numbers to the right.
///
///     TextTable table({{"dataset"}, {"cells", Align::right}});
///     table.add({"pbmc", "700"});
///     terminal.print(table.text(terminal.output().columns));
class TextTable {
public:
    enum class Align { left, right };
    struct Heading {
        std::string name;
        Align align = Align::left;
    };

    explicit TextTable(std::vector<Heading> headings) : headings_(std::move(headings)) {}

    /// As many texts as there are headings. Line ends and tabs are shown as spaces.
    void add(std::vector<std::string> row);
    std::size_t row_count() const { return rows_.size(); }
    /// The table with a line end after each row. When it is wider than `columns` (0: unbounded),
    /// the widest columns are cut, shown by "…".
    std::string text(int columns) const;

private:
    std::vector<std::size_t> widths(int columns) const;
    std::vector<Heading> headings_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace stroma::app
