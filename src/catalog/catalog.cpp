#include "catalog/catalog.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/catalog_state.h"
#include "sql/migrations.h"

namespace stroma::catalog {

std::span<const sql::Migration> migrations();

namespace {

constexpr std::size_t name_bytes_max = 200;
constexpr std::size_t text_bytes_max = 4096;

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

Result<void> check_name(std::string_view what, std::string_view name) {
    const bool good = !name.empty() && name.size() <= name_bytes_max &&
                      is_letter_or_digit(name.front()) &&
                      std::all_of(name.begin(), name.end(), [](char c) {
                          return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-';
                      });
    if (good) return {};
    return fail(ErrorCode::invalid_input,
                fmt::format("the {} must have 1 to {} letters, digits, '.', '_' or '-' and begin "
                            "with a letter or a digit",
                            what, name_bytes_max));
}

Result<void> check_text(std::string_view what, std::string_view text) {
    if (text.size() <= text_bytes_max) return {};
    return fail(ErrorCode::exhausted, fmt::format("the {} has {} bytes; the limit is {}", what,
                                                  text.size(), text_bytes_max));
}

std::string name_of(Visibility visibility) {
    return visibility == Visibility::public_ ? "public" : "private";
}

Visibility visibility_named(std::string_view name) {
    return name == "public" ? Visibility::public_ : Visibility::private_;
}

Result<void> raise_data_version(sql::Connection& connection) {
    TRY(connection.change("UPDATE data_versions SET number = number + 1"));
    return {};
}

Catalog::Catalog(std::unique_ptr<State> state) : state_(std::move(state)) {}
Catalog::~Catalog() = default;

Result<std::unique_ptr<Catalog>> Catalog::open(sql::Database& database, const Clock& clock,
                                               IdSource& ids) {
    TRY(sql::migrate(database, "catalog", migrations()));
    return std::unique_ptr<Catalog>(new Catalog(std::make_unique<State>(database, clock, ids)));
}

Result<void> Catalog::note_annotation() {
    return state_->in_transaction([](sql::Connection& connection) -> Result<void> {
        TRY(raise_data_version(connection));
        TRY(
            connection.change("INSERT OR REPLACE INTO settings(name, value) "
                              "SELECT 'annotation', number FROM data_versions"));
        return {};
    });
}

Result<std::string> Catalog::annotation() {
    const auto connection = TRY(state_->pool.take());
    const auto rows =
        TRY(connection->execute("SELECT value FROM settings WHERE name = 'annotation'"));
    return TRY(rows->next()) ? rows->text(0) : "";
}

Result<std::int64_t> Catalog::data_version() {
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute("SELECT number FROM data_versions"));
    if (!TRY(rows->next()))
        return fail(ErrorCode::corrupt, "the catalog has lost its data version");
    return rows->integer(0);
}

}  // namespace stroma::catalog
