#include "expression/text/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "expression/text/numbers.h"

namespace stroma::expression {
namespace {

/// Reads the quoted or escaped field that starts at `at`; false when its quote isn't closed.
bool take_escaped(std::string_view line, const Dialect& dialect, std::size_t& at,
                  std::string& field) {
    const bool quoted = dialect.quotes && line[at] == '"';
    if (quoted) ++at;
    for (; at < line.size(); ++at) {
        const char c = line[at];
        if (dialect.backslash && c == '\\' && at + 1 < line.size()) {
            field += line[++at];
        } else if (quoted && c == '"') {
            if (at + 1 == line.size() || line[at + 1] != '"') {
                ++at;
                return at == line.size() || line[at] == dialect.separator;
            }
            field += line[++at];
        } else if (!quoted && c == dialect.separator) {
            return true;
        } else {
            field += c;
        }
    }
    return !quoted;
}

std::string line_of(std::string_view name, std::uint64_t line) {
    return fmt::format("{}, line {}", name, line);
}

Column number_column(std::string name, const std::vector<double>& numbers,
                     const std::vector<bool>& missing, bool integers, bool any_missing) {
    Column column;
    column.name = std::move(name);
    if (integers) {
        column.values = Array::of(std::vector<std::int64_t>(numbers.begin(), numbers.end()));
        if (any_missing) column.missing = missing;
        return column;
    }
    std::vector<double> values = numbers;
    for (std::size_t i = 0; i < values.size(); ++i)
        if (missing[i]) values[i] = std::numeric_limits<double>::quiet_NaN();
    column.values = Array::of(values);
    return column;
}

bool all_booleans(const TextArray& texts, std::vector<bool>& values) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const std::string_view text = texts[i];
        const bool is_true = text == "True" || text == "TRUE" || text == "true";
        if (!is_true && text != "False" && text != "FALSE" && text != "false") return false;
        values.push_back(is_true);
    }
    return !texts.empty();
}

Column text_column(std::string name, const TextArray& texts) {
    std::unordered_map<std::string_view, std::int32_t> codes;
    const std::size_t categories_max = texts.size() / 2 + 1;
    for (std::size_t i = 0; i < texts.size() && codes.size() <= categories_max; ++i)
        if (!texts[i].empty()) codes.emplace(texts[i], 0);
    if (codes.size() > categories_max || codes.size() > 100'000) return {name, texts, {}};
    std::vector<std::string_view> sorted;
    for (const auto& [text, code] : codes) sorted.push_back(text);
    std::sort(sorted.begin(), sorted.end());
    TextArray categories;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        codes[sorted[i]] = static_cast<std::int32_t>(i);
        categories.push_back(sorted[i]);
    }
    Categorical values;
    for (std::size_t i = 0; i < texts.size(); ++i)
        values.codes.push_back(texts[i].empty() ? -1 : codes[texts[i]]);
    values.categories = std::move(categories);
    return {std::move(name), std::move(values), {}};
}

}  // namespace

bool split_fields(std::string_view line, const Dialect& dialect,
                  std::vector<std::string_view>& fields, std::vector<std::string>& storage) {
    fields.clear();
    storage.clear();
    const bool plain = (!dialect.quotes || line.find('"') == std::string_view::npos) &&
                       (!dialect.backslash || line.find('\\') == std::string_view::npos);
    if (plain) {
        while (true) {
            const std::size_t end = line.find(dialect.separator);
            fields.push_back(line.substr(0, end));
            if (end == std::string_view::npos) return true;
            line.remove_prefix(end + 1);
        }
    }
    for (std::size_t at = 0;; ++at) {
        std::string field;
        if (at < line.size() && !take_escaped(line, dialect, at, field)) return false;
        storage.push_back(std::move(field));
        if (at >= line.size()) break;
    }
    for (const std::string& field : storage) fields.push_back(field);
    return true;
}

Dialect guess_dialect(std::string_view first_line) {
    Dialect best{.separator = ','};
    std::size_t most = 0;
    for (const char separator : {',', '\t', ';', '|'}) {
        Dialect dialect{.separator = separator, .backslash = separator == '|'};
        std::vector<std::string_view> fields;
        std::vector<std::string> storage;
        if (!split_fields(first_line, dialect, fields, storage) || fields.size() <= most) continue;
        most = fields.size();
        best = dialect;
    }
    return best;
}

const TextArray* Table::find(std::string_view name) const {
    for (std::size_t i = 0; i < header.size(); ++i)
        if (header[i] == name) return &columns[i];
    return nullptr;
}

Result<Table> read_table(InputFiles& files, std::string_view name, const TableOptions& options) {
    const auto input = TRY(TextInput::open(files, name, {.unpacked_bytes_max = options.bytes_max}));
    Table table;
    Dialect dialect = options.dialect;
    std::vector<std::string_view> fields;
    std::vector<std::string> storage;
    std::uint64_t number = 0;
    while (true) {
        std::string_view block = TRY(input->next_block(1u << 20));
        if (block.empty()) return table;
        std::string_view line;
        while (take_line(block, line)) {
            ++number;
            if (line.empty() && !options.keeps_blank_lines) continue;
            if (!is_clean_text(line))
                return fail(ErrorCode::invalid_input, line_of(name, number) + " is not UTF-8 text");
            if (number == 1 && options.guess) dialect = guess_dialect(line);
            if (!split_fields(line, dialect, fields, storage))
                return fail(ErrorCode::invalid_input,
                            line_of(name, number) + " has a quote that isn't closed");
            if (table.columns.empty()) {
                if (fields.size() > options.columns_max)
                    return fail(ErrorCode::exhausted,
                                fmt::format("{} has {} columns; the limit is {}", name,
                                            fields.size(), options.columns_max));
                table.columns.resize(fields.size());
                if (options.has_header) {
                    table.header.assign(fields.begin(), fields.end());
                    continue;
                }
            }
            if (fields.size() != table.columns.size())
                return fail(
                    ErrorCode::invalid_input,
                    fmt::format("{} has {} fields; the lines before have {}", line_of(name, number),
                                fields.size(), table.columns.size()));
            for (std::size_t i = 0; i < fields.size(); ++i) table.columns[i].push_back(fields[i]);
        }
    }
}

Column column_of_texts(std::string name, const TextArray& texts) {
    std::vector<double> numbers;
    std::vector<bool> missing;
    bool integers = true, any_missing = false, any = false;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        NumberText number{0, true, true};
        const bool absent = texts[i].empty() || texts[i] == "NA";
        if (!absent && !parse_number(texts[i], number)) break;
        // "007" is a name, not a number.
        if (texts[i].size() > 1 && texts[i][0] == '0' && number.is_integer) break;
        integers &= number.is_integer;
        any |= !absent;
        any_missing |= absent;
        numbers.push_back(number.value);
        missing.push_back(absent);
    }
    if (any && numbers.size() == texts.size())
        return number_column(std::move(name), numbers, missing, integers, any_missing);
    std::vector<bool> booleans;
    if (all_booleans(texts, booleans)) {
        Array values{ValueType::boolean, {texts.size()}, Bytes(texts.size())};
        for (std::size_t i = 0; i < booleans.size(); ++i)
            values.bytes[i] = static_cast<std::byte>(booleans[i] ? 1 : 0);
        return {std::move(name), std::move(values), {}};
    }
    return text_column(std::move(name), texts);
}

void add_column(Frame& frame, Column column, std::vector<std::string>& notes) {
    std::string name = column.name;
    for (int i = 2; frame.find(name) != nullptr; ++i) name = fmt::format("{}_{}", column.name, i);
    if (name != column.name)
        notes.push_back(
            fmt::format("column '{}' occurs again and is named '{}'", column.name, name));
    column.name = std::move(name);
    frame.columns.push_back(std::move(column));
}

Result<void> settle_ids(TextArray& ids, std::string_view kind, std::string_view file,
                        bool make_unique, std::vector<std::string>& notes) {
    std::unordered_set<std::string_view> seen;
    std::vector<std::size_t> repeats;
    for (std::size_t i = 0; i < ids.size(); ++i)
        if (!seen.insert(ids[i]).second) repeats.push_back(i);
    if (repeats.empty()) return {};
    if (!make_unique) {
        std::string names;
        for (std::size_t i = 0; i < std::min<std::size_t>(repeats.size(), 10); ++i)
            names += fmt::format("{}'{}'", i == 0 ? "" : ", ", ids[repeats[i]]);
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: {} {} ids occur more than once: {}; ask for unique ids to "
                                "give them suffixes",
                                file, repeats.size(), kind, names));
    }
    std::unordered_map<std::string, int> next;
    std::unordered_set<std::string> all;
    for (const std::string_view id : seen) all.insert(std::string(id));
    TextArray out;
    std::size_t repeat = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (repeat == repeats.size() || repeats[repeat] != i) {
            out.push_back(ids[i]);
            continue;
        }
        ++repeat;
        std::string id;
        do id = fmt::format("{}-{}", ids[i], ++next[std::string(ids[i])]);
        while (!all.insert(id).second);
        out.push_back(id);
    }
    notes.push_back(fmt::format("{} repeated {} ids were given suffixes", repeats.size(), kind));
    ids = std::move(out);
    return {};
}

}  // namespace stroma::expression
