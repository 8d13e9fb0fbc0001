#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "redshift/lexer.h"

namespace stroma::redshift {

/// Where what Stroma puts in the user database lies, beside the users' own schemas.
namespace schema {
constexpr std::string_view users = "public";
constexpr std::string_view dialect = "stroma_dialect";          ///< functions
constexpr std::string_view system = "stroma_system";            ///< stl_, svv_, sys_
constexpr std::string_view catalog = "stroma_catalog";          ///< stands for pg_catalog
constexpr std::string_view information = "stroma_information";  ///< for information_schema
}  // namespace schema

/// A call of set_config: texts, or numbers of parameters, from 1, that hold them.
struct SettingChange {
    std::string name, value;
    std::size_t name_parameter = 0, value_parameter = 0;
    bool is_local = false;
};

/// What a statement may ask its session for.
struct RewriteContext {
    std::string database = "dev";
    /// Engine types of $1, $2…; "" where unknown.
    std::vector<std::string> parameter_types;
    bool parameters_are_null = false;  ///< nulls of those types stand for them
    /// What a function of the session gives, as SQL: pg_last_copy_count. Unset for others.
    std::function<std::optional<std::string>(std::string_view name)> session_value;
    /// Where calls of set_config are told; null: there must be none.
    std::vector<SettingChange>* setting_changes = nullptr;
    /// Whether information_schema is one of ours.
    bool has_information_schema = false;
};

/// SQL of Redshift's dialect as the engine's, token by token: what needs no change stays as it is
/// written, but for names without quotes, which become lower case.
/// errors  42601  what would reach past the fence reads as a syntax error
///         42501  a function that isn't for users     0A000  known, not built
Answer<std::string> rewrite(std::string_view text, std::span<const Token> tokens, std::size_t from,
                            std::size_t to, const RewriteContext& context);

/// Whether ANY, SOME or ALL stands there, of a parameter alone: `= ANY($1)`, which is an array.
bool is_array_parameter(std::span<const Token> tokens, std::size_t at);

/// How PostgreSQL would call the columns of a SELECT's list; unset where the engine has it right.
struct ColumnNames {
    std::vector<std::optional<std::string>> first;  ///< up to a star, or all
    std::vector<std::optional<std::string>> last;   ///< behind the last star
    bool has_star = false;
};
ColumnNames column_names(std::span<const Token> tokens, std::size_t from, std::size_t to);

/// What a value of a SELECT's list says of its type by how it is written: 'x'::name, a text, $1.
/// The engine knows fewer types than clients do.
struct WrittenType {
    std::uint32_t oid = 0;      ///< 0: nothing
    std::int32_t typmod = -1;   ///< as PostgreSQL counts lengths and precisions
    std::size_t parameter = 0;  ///< from 1: the value is this parameter
    std::string column;         ///< of a relation: its name there
};
/// As ColumnNames, item by item.
struct WrittenTypes {
    std::vector<WrittenType> first, last;
};
WrittenTypes written_types(std::span<const Token> tokens, std::size_t from, std::size_t to);

/// Whether users may call it. Those of the engine that reach files, settings or other statements
/// are refused; the engine's own fence holds behind this one.
bool is_function_for_users(std::string_view name);

}  // namespace stroma::redshift
