#include "redshift/types.h"
#include "redshift/byte_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

namespace stroma::redshift {
namespace {

struct Known {
    std::string_view name, engine, declared;
    std::uint32_t number;
};

// By the last word of their name.
constexpr Known known_types[] = {
    {"smallint", "SMALLINT", "smallint", oid::int2},
    {"int2", "SMALLINT", "smallint", oid::int2},
    {"integer", "INTEGER", "integer", oid::int4},
    {"int", "INTEGER", "integer", oid::int4},
    {"int4", "INTEGER", "integer", oid::int4},
    {"bigint", "BIGINT", "bigint", oid::int8},
    {"int8", "BIGINT", "bigint", oid::int8},
    {"oid", "UINTEGER", "oid", oid::object},
    {"real", "FLOAT", "real", oid::float4},
    {"float4", "FLOAT", "real", oid::float4},
    {"float", "DOUBLE", "double precision", oid::float8},
    {"float8", "DOUBLE", "double precision", oid::float8},
    {"double", "DOUBLE", "double precision", oid::float8},
    {"boolean", "BOOLEAN", "boolean", oid::boolean},
    {"bool", "BOOLEAN", "boolean", oid::boolean},
    {"date", "DATE", "date", oid::date},
    {"timestamptz", "TIMESTAMPTZ", "timestamp with time zone", oid::timestamptz},
    {"timetz", "TIMETZ", "time with time zone", oid::timetz},
    {"datetime", "TIMESTAMP", "timestamp without time zone", oid::timestamp},
    {"super", "JSON", "super", oid::super},
    {"json", "JSON", "super", oid::super},
    {"jsonb", "JSON", "super", oid::super},
    {"varbyte", "BLOB", "varbyte", oid::varbyte},
    {"varbinary", "BLOB", "varbyte", oid::varbyte},
    {"bytea", "BLOB", "bytea", oid::bytea},  // clients of PostgreSQL know it; Redshift has none
    {"hllsketch", "BLOB", "hllsketch", oid::hllsketch},
    {"geometry", "BLOB", "geometry", oid::geometry},
    {"geography", "BLOB", "geography", oid::geography},
    {"name", "VARCHAR", "name", oid::name},
    {"interval", "INTERVAL", "interval", oid::interval},
    {"xid", "UINTEGER", "xid", oid::xid},
    {"int2vector", "SMALLINT[]", "int2vector", oid::int2vector},
    {"oidvector", "UINTEGER[]", "oidvector", oid::oidvector},
    {"uuid", "UUID", "uuid", oid::uuid},
};

class TypeReader {
public:
    TypeReader(std::span<const Token> tokens, std::size_t& at) : tokens_(tokens), at_(at) {}

    Answer<TypeName> read() {
        if (is("pg_catalog") && is_sign(1, ".")) at_ += 2;
        const Token& token = tokens_[at_];
        if (token.kind != TokenKind::word && token.kind != TokenKind::quoted)
            return fail(syntax_failure(token, "a type is expected"));
        auto type = TRY(read_scalar());
        while (is_sign(0, "[") && at_ + 1 < tokens_.size() && is_sign(1, "]")) {
            at_ += 2;
            type.engine += "[]";
            type.declared += "[]";
            type.oid = array_of(type.oid);
            type.length = 0;
        }
        return type;
    }

private:
    bool is(std::string_view word, std::size_t ahead = 0) const {
        return at_ + ahead < tokens_.size() && tokens_[at_ + ahead].word == word &&
               (tokens_[at_ + ahead].kind == TokenKind::word ||
                tokens_[at_ + ahead].kind == TokenKind::quoted);
    }
    bool is_sign(std::size_t ahead, std::string_view sign) const {
        return at_ + ahead < tokens_.size() && tokens_[at_ + ahead].word == sign &&
               tokens_[at_ + ahead].kind == TokenKind::sign;
    }
    /// (n), (n, m) or (max); nothing where there is none.
    Answer<std::vector<std::size_t>> numbers() {
        std::vector<std::size_t> found;
        if (!is_sign(0, "(")) return found;
        ++at_;
        for (;;) {
            if (at_ >= tokens_.size()) return fail(syntax_failure(tokens_.back()));
            const Token& token = tokens_[at_];
            std::size_t number = 65535;
            if (token.kind == TokenKind::number) {
                const auto* const end = token.word.data() + token.word.size();
                if (std::from_chars(token.word.data(), end, number).ptr != end)
                    return fail(syntax_failure(token, "a length is a whole number"));
            } else if (!is("max")) {
                return fail(syntax_failure(token, "a length is expected"));
            }
            found.push_back(number);
            ++at_;
            if (is_sign(0, ")")) break;
            if (!is_sign(0, ",")) return fail(syntax_failure(tokens_[at_]));
            ++at_;
        }
        ++at_;
        return found;
    }
    /// "with time zone", "without time zone"
    bool has_zone() {
        const bool with = is("with") && is("time", 1) && is("zone", 2);
        if (with || (is("without") && is("time", 1) && is("zone", 2))) at_ += 3;
        return with;
    }
    Answer<TypeName> read_text(std::string_view word);
    Answer<TypeName> read_scalar();

    std::span<const Token> tokens_;
    std::size_t& at_;
};

Answer<TypeName> TypeReader::read_text(std::string_view word) {
    bool varies = word != "char" && word != "character" && word != "nchar" && word != "bpchar";
    if (is("varying")) {
        varies = true;
        ++at_;
    }
    const Token& where = tokens_[at_];
    const auto numbers = TRY(this->numbers());
    TypeName type;
    type.engine = "VARCHAR";
    type.length = !numbers.empty() ? numbers[0] : varies || word == "bpchar" ? 256 : 1;
    if (type.length == 0 || type.length > 65535 || (!varies && type.length > 4096))
        return fail(syntax_failure(where, varies ? "length for type varchar is 1 to 65535"
                                                 : "length for type char is 1 to 4096"));
    type.oid = varies ? oid::varchar : oid::bpchar;
    type.typmod = static_cast<std::int32_t>(type.length) + 4;
    type.declared = fmt::format("{}({})", varies ? "character varying" : "character", type.length);
    return type;
}

Answer<TypeName> TypeReader::read_scalar() {
    const Token& token = tokens_[at_];
    const std::string word = lower_of(token.word);
    ++at_;
    // A type of one byte, apart from char: PostgreSQL's catalog has it.
    if (token.kind == TokenKind::quoted && token.word == "char")
        return TypeName{"VARCHAR", "\"char\"", oid::character, -1, 0};
    constexpr std::array texts = {"varchar", "character", "char", "nchar",
                                  "bpchar",  "nvarchar",  "text", "string"};
    if (std::find(texts.begin(), texts.end(), word) != texts.end()) return read_text(word);
    TypeName type;
    if (word == "decimal" || word == "numeric") {
        const auto numbers = TRY(this->numbers());
        const std::size_t precision = numbers.empty() ? 18 : numbers[0];
        const std::size_t scale = numbers.size() < 2 ? 0 : numbers[1];
        constexpr std::size_t scale_max = 37;
        if (precision == 0 || precision > 38 || scale > precision || scale > scale_max)
            return fail(
                syntax_failure(token, "precision is 1 to 38, scale at most that and at most 37"));
        type.engine = fmt::format("DECIMAL({},{})", precision, scale);
        type.declared = fmt::format("numeric({},{})", precision, scale);
        type.oid = oid::numeric;
        type.typmod = static_cast<std::int32_t>((precision << 16) | scale) + 4;
        return type;
    }
    if (word == "timestamp" || word == "time") {
        TRY(numbers());
        const bool zoned = has_zone();
        const bool whole = word == "timestamp";
        type.engine = whole ? (zoned ? "TIMESTAMPTZ" : "TIMESTAMP") : (zoned ? "TIMETZ" : "TIME");
        type.declared = fmt::format("{} {} time zone", word, zoned ? "with" : "without");
        type.oid =
            whole ? (zoned ? oid::timestamptz : oid::timestamp) : (zoned ? oid::timetz : oid::time);
        return type;
    }
    for (const Known& known : known_types) {
        if (known.name != word) continue;
        if (word == "double" && is("precision")) ++at_;
        const auto numbers = TRY(this->numbers());
        if (word == "float" && !numbers.empty() && numbers[0] <= 24)
            return TypeName{"FLOAT", "real", oid::float4, -1, 0};
        if (word == "interval")
            while (is("year") || is("month") || is("day") || is("hour") || is("minute") ||
                   is("second") || is("to")) {
                ++at_;
                TRY(this->numbers());
            }
        return TypeName{std::string(known.engine), std::string(known.declared), known.number, -1,
                        0};
    }
    // An array as pg_type names it: _int4.
    const std::string element = word.starts_with('_') ? word.substr(1) : std::string();
    for (const Known& known : known_types)
        if (known.name == element)
            return TypeName{std::string(known.engine) + "[]", std::string(known.declared) + "[]",
                            array_of(known.number), -1, 0};
    type.engine = quoted_name(token.word);
    type.declared = token.word;
    if (is_sign(0, ".") && at_ + 1 < tokens_.size()) {
        type.engine += "." + quoted_name(tokens_[at_ + 1].word);
        at_ += 2;
    }
    return type;
}

struct OfEngine {
    std::string_view engine;
    std::uint32_t number;
    std::int16_t size;
};
constexpr OfEngine engine_types[] = {
    {"BOOLEAN", oid::boolean, 1},
    {"TINYINT", oid::int2, 2},
    {"SMALLINT", oid::int2, 2},
    {"INTEGER", oid::int4, 4},
    {"BIGINT", oid::int8, 8},
    {"UTINYINT", oid::int2, 2},
    {"USMALLINT", oid::int4, 4},
    {"UINTEGER", oid::object, 4},
    {"FLOAT", oid::float4, 4},
    {"DOUBLE", oid::float8, 8},
    {"HUGEINT", oid::int8, 8},
    {"UBIGINT", oid::int8, 8},
    {"VARCHAR", oid::varchar, -1},
    {"BLOB", oid::bytea, -1},
    {"DATE", oid::date, 4},
    {"TIME", oid::time, 8},
    {"TIMETZ", oid::timetz, 12},
    {"TIMESTAMP", oid::timestamp, 8},
    {"TIMESTAMP_S", oid::timestamp, 8},
    {"TIMESTAMP_MS", oid::timestamp, 8},
    {"TIMESTAMP_NS", oid::timestamp, 8},
    {"TIMESTAMPTZ", oid::timestamptz, 8},
    {"INTERVAL", oid::interval, 16},
    {"UUID", oid::uuid, 16},
    {"JSON", oid::super, -1},
};

}  // namespace

Answer<TypeName> read_type(std::span<const Token> tokens, std::size_t& at) {
    return TypeReader(tokens, at).read();
}

Answer<TypeName> type_named(std::string_view declared) {
    const auto tokens = TRY(tokens_of(declared));
    std::size_t at = 0;
    return read_type(tokens, at);
}

Column column_of(std::string name, std::string_view engine_type) {
    Column column;
    column.name = std::move(name);
    column.engine_type = engine_type;
    if (engine_type.ends_with("[]")) {
        const Column element = column_of("", engine_type.substr(0, engine_type.size() - 2));
        // Nobody writes varchar[] but in a cast, and drivers know text[] without asking for it.
        column.type_oid = element.type_oid == oid::varchar ? 1009 : array_of(element.type_oid);
        return column;
    }
    if (engine_type.starts_with("DECIMAL(")) {
        unsigned precision = 18, scale = 0;
        const char* const end = engine_type.data() + engine_type.size();
        const auto first = std::from_chars(engine_type.data() + 8, end, precision);
        std::from_chars(first.ptr + 1, end, scale);
        column.type_oid = oid::numeric;
        column.typmod = static_cast<std::int32_t>((precision << 16) | scale) + 4;
        return column;
    }
    for (const auto& [engine, number, size] : engine_types) {
        if (engine != engine_type) continue;
        column.type_oid = number;
        column.size = size;
    }
    return column;
}

namespace {

struct OfCatalog {
    std::uint32_t number;
    std::string_view engine;
    std::string_view columns;  ///< between spaces
};
// Types that the engine hasn't got, by the columns of pg_catalog that have them.
constexpr OfCatalog catalog_types[] = {
    {oid::name, "VARCHAR",
     " amname attname castname collname conname datname extname groname indexname nspname opcname "
     "oprname polname proname pubname relname rolname rulename schemaname spcname srvname "
     "stxname tablename tableowner tgname typname usename viewname viewowner lanname cfgname "
     "evtname usesysname "},
    {oid::character, "VARCHAR",
     " amtype attalign attcompression attgenerated attidentity attstorage castcontext castmethod "
     "confdeltype confmatchtype confupdtype contype datlocprovider defaclobjtype deptype "
     "collprovider ev_enabled ev_type partstrat polcmd prokind proparallel provolatile relkind "
     "relpersistence relreplident tgenabled typalign typcategory typdelim typstorage typtype "},
    {oid::int2vector, "SMALLINT[]", " indkey indoption "},
    {oid::oidvector, "UINTEGER[]", " indclass indcollation proargtypes "},
    {oid::xid, "UINTEGER", " relfrozenxid relminmxid xmin xmax "},
};

}  // namespace

std::uint32_t catalog_type(std::string_view column, std::string_view engine_type) {
    const std::string sought = fmt::format(" {} ", column);
    for (const OfCatalog& each : catalog_types)
        if (each.engine == engine_type && each.columns.find(sought) != each.columns.npos)
            return each.number;
    return 0;
}

std::string type_name_of(std::uint32_t number) {
    if (const std::uint32_t element = element_of(number); element != 0)
        return type_name_of(element) + "[]";
    switch (number) {
        case oid::text: return "text";
        case oid::varchar: return "character varying";
        case oid::bpchar: return "character";
        case oid::bytea: return "bytea";
        case oid::json: return "json";
        case 3802: return "jsonb";
        case oid::numeric: return "numeric";
        case oid::time: return "time without time zone";
        case oid::timestamp: return "timestamp without time zone";
        default: break;
    }
    for (const Known& known : known_types)
        if (known.number == number) return std::string(known.declared);
    return std::to_string(number);
}

std::string engine_type_of(std::uint32_t number) {
    if (const std::uint32_t element = element_of(number); element != 0) {
        const std::string of = engine_type_of(element);
        return of.empty() ? of : of + "[]";
    }
    switch (number) {
        case oid::int2vector: return "SMALLINT[]";
        case oid::oidvector: return "UINTEGER[]";
        case oid::boolean: return "BOOLEAN";
        case oid::int2: return "SMALLINT";
        case oid::int4: return "INTEGER";
        case oid::int8: return "BIGINT";
        case oid::xid:
        case oid::object: return "UINTEGER";
        case oid::float4: return "FLOAT";
        case oid::float8: return "DOUBLE";
        case oid::text:
        case oid::varchar:
        case oid::bpchar:
        case oid::character:
        case oid::name: return "VARCHAR";
        case oid::bytea:
        case oid::varbyte:
        case oid::geometry:
        case oid::geography:
        case oid::hllsketch: return "BLOB";
        case oid::date: return "DATE";
        case oid::time: return "TIME";
        case oid::timetz: return "TIMETZ";
        case oid::timestamp: return "TIMESTAMP";
        case oid::timestamptz: return "TIMESTAMPTZ";
        case oid::interval: return "INTERVAL";
        case oid::uuid: return "UUID";
        case oid::numeric: return "DECIMAL(38,10)";
        case oid::super:
        case oid::json:
        case 3802: return "JSON";
        default: return "";
    }
}

}  // namespace stroma::redshift
