#include "redshift/known_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "redshift/lexer.h"

namespace stroma::redshift {
namespace {

// Those of Redshift first, then those of PostgreSQL that clients set or ask for; the latter change
// nothing here but what is told of them.
constexpr KnownSetting all_settings[] = {
    {"server_version", "8.0.2", true, true},
    {"server_version_num", "80002", false, true},
    {"server_encoding", "UTF8", true, true},
    {"client_encoding", "UTF8", true},
    {"datestyle", "ISO, MDY", true},
    {"intervalstyle", "postgres", true},
    {"timezone", "UTC", true},
    {"integer_datetimes", "on", true, true},
    {"standard_conforming_strings", "on", true},
    {"is_superuser", "off", true, true},
    {"session_authorization", "", true, true},
    {"application_name", "", true},
    {"search_path", "\"$user\", public"},
    {"statement_timeout", "0"},
    {"lock_timeout", "0"},
    {"query_group", "default"},
    {"extra_float_digits", "0"},
    {"transaction isolation level", "SERIALIZABLE"},
    {"transaction_isolation", "serializable"},
    {"transaction_read_only", "off"},
    {"transaction_deferrable", "off"},
    {"default_transaction_isolation", "serializable"},
    {"default_transaction_read_only", "off"},
    {"default_transaction_deferrable", "off"},
    {"enable_result_cache_for_session", "on"},
    {"enable_case_sensitive_identifier", "off"},
    {"enable_case_sensitive_super_attribute", "off"},
    {"describe_field_name_in_uppercase", "off"},
    {"analyze_threshold_percent", "10"},
    {"wlm_query_slot_count", "1"},
    {"max_identifier_length", "127", false, true},
    {"max_index_keys", "32", false, true},
    {"block_size", "8192", false, true},
    {"client_min_messages", "notice"},
    {"bytea_output", "hex"},
    {"navigate_super_null_on_error", "on"},
    {"cast_super_null_on_error", "on"},
    {"parse_super_null_on_error", "off"},
    {"json_serialization_enable", "off"},
    {"autocommit", "on"},
    {"row_security", "off"},
    {"synchronize_seqscans", "on"},
    {"check_function_bodies", "on"},
    {"escape_string_warning", "on"},
    {"backslash_quote", "safe_encoding"},
    {"default_tablespace", ""},
    {"default_table_access_method", "heap"},
    {"default_with_oids", "off"},
    {"enable_seqscan", "on"},
    {"geqo", "on"},
    {"jit", "off"},
    {"idle_in_transaction_session_timeout", "0"},
    {"idle_session_timeout", "0"},
    {"in_hot_standby", "off", false, true},
    {"lc_collate", "C", false, true},
    {"lc_ctype", "C", false, true},
    {"lc_messages", "C"},
    {"lc_monetary", "C"},
    {"lc_numeric", "C"},
    {"lc_time", "C"},
    {"log_min_messages", "warning"},
    {"maintenance_work_mem", "64MB"},
    {"max_connections", "500", false, true},
    {"max_prepared_transactions", "0", false, true},
    {"password_encryption", "scram-sha-256"},
    {"plan_cache_mode", "auto"},
    {"quote_all_identifiers", "off"},
    {"ssl_renegotiation_limit", "0"},
    {"synchronous_commit", "on"},
    {"tcp_keepalives_idle", "0"},
    {"vacuum_cost_delay", "0"},
    {"work_mem", "4MB"},
    {"xmlbinary", "base64"},
    {"xmloption", "content"},
};

struct Spelling {
    std::string_view asked, kept;
};

template <std::size_t N>
std::optional<std::string> one_of(const Spelling (&spellings)[N], std::string_view asked) {
    for (const auto& [word, kept] : spellings)
        if (word == asked) return std::string(kept);
    return std::nullopt;
}

std::optional<std::string> switch_value(std::string_view asked) {
    constexpr Spelling switches[] = {{"on", "on"}, {"true", "on"}, {"t", "on"},    {"yes", "on"},
                                     {"y", "on"},  {"1", "on"},    {"off", "off"}, {"false", "off"},
                                     {"f", "off"}, {"no", "off"},  {"n", "off"},   {"0", "off"}};
    return one_of(switches, lower_of(asked));
}

/// Of "ISO, MDY", as of "dmy", which leaves the form as it was.
std::optional<std::string> date_style(std::string_view asked, std::string_view before) {
    constexpr Spelling forms[] = {
        {"iso", "ISO"}, {"postgres", "Postgres"}, {"sql", "SQL"}, {"german", "German"}};
    constexpr Spelling orders[] = {{"mdy", "MDY"}, {"us", "MDY"},         {"noneuro", "MDY"},
                                   {"dmy", "DMY"}, {"euro", "DMY"},       {"european", "DMY"},
                                   {"ymd", "YMD"}, {"noneuropean", "MDY"}};
    const std::size_t comma = before.find(", ");
    std::string form(before.substr(0, comma)), order(before.substr(comma + 2));
    bool has_order = false, has_form = false;
    std::string_view rest = asked;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find_first_of(", "), rest.size());
        const std::string word = lower_of(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (word.empty()) continue;
        if (const auto known = one_of(forms, word)) {
            form = *known;
            has_form = true;
        } else if (const auto known_order = one_of(orders, word)) {
            order = *known_order;
            has_order = true;
        } else {
            return std::nullopt;
        }
    }
    if (has_form && form == "German" && !has_order) order = "DMY";
    return form + ", " + order;
}

std::string letters_and_digits(std::string_view text) {
    std::string kept = lower_of(text);
    std::erase_if(kept, [](char each) {
        return !(each >= 'a' && each <= 'z') && !(each >= '0' && each <= '9');
    });
    return kept;
}

struct EncodingName {
    std::string_view asked;  ///< letters and digits alone
    KnownEncoding known;
};
constexpr EncodingName encodings[] = {
    {"utf8", {"UTF8", ""}},
    {"unicode", {"UTF8", ""}},
    {"sqlascii", {"SQL_ASCII", ""}},
    {"latin1", {"LATIN1", "ISO-8859-1"}},
    {"iso88591", {"LATIN1", "ISO-8859-1"}},
    {"latin2", {"LATIN2", "ISO-8859-2"}},
    {"iso88592", {"LATIN2", "ISO-8859-2"}},
    {"latin3", {"LATIN3", "ISO-8859-3"}},
    {"iso88593", {"LATIN3", "ISO-8859-3"}},
    {"latin4", {"LATIN4", "ISO-8859-4"}},
    {"iso88594", {"LATIN4", "ISO-8859-4"}},
    {"latin5", {"LATIN5", "ISO-8859-9"}},
    {"iso88599", {"LATIN5", "ISO-8859-9"}},
    {"latin6", {"LATIN6", "ISO-8859-10"}},
    {"iso885910", {"LATIN6", "ISO-8859-10"}},
    {"latin7", {"LATIN7", "ISO-8859-13"}},
    {"iso885913", {"LATIN7", "ISO-8859-13"}},
    {"latin8", {"LATIN8", "ISO-8859-14"}},
    {"iso885914", {"LATIN8", "ISO-8859-14"}},
    {"latin9", {"LATIN9", "ISO-8859-15"}},
    {"iso885915", {"LATIN9", "ISO-8859-15"}},
    {"latin10", {"LATIN10", "ISO-8859-16"}},
    {"iso885916", {"LATIN10", "ISO-8859-16"}},
    {"iso88595", {"ISO_8859_5", "ISO-8859-5"}},
    {"iso88596", {"ISO_8859_6", "ISO-8859-6"}},
    {"iso88597", {"ISO_8859_7", "ISO-8859-7"}},
    {"iso88598", {"ISO_8859_8", "ISO-8859-8"}},
    {"koi8", {"KOI8R", "KOI8-R"}},
    {"koi8r", {"KOI8R", "KOI8-R"}},
    {"koi8u", {"KOI8U", "KOI8-U"}},
    {"win", {"WIN1251", "CP1251"}},
    {"alt", {"WIN866", "CP866"}},
    {"win866", {"WIN866", "CP866"}},
    {"windows866", {"WIN866", "CP866"}},
    {"win874", {"WIN874", "CP874"}},
    {"windows874", {"WIN874", "CP874"}},
    {"win1250", {"WIN1250", "CP1250"}},
    {"windows1250", {"WIN1250", "CP1250"}},
    {"win1251", {"WIN1251", "CP1251"}},
    {"windows1251", {"WIN1251", "CP1251"}},
    {"win1252", {"WIN1252", "CP1252"}},
    {"windows1252", {"WIN1252", "CP1252"}},
    {"win1253", {"WIN1253", "CP1253"}},
    {"windows1253", {"WIN1253", "CP1253"}},
    {"win1254", {"WIN1254", "CP1254"}},
    {"windows1254", {"WIN1254", "CP1254"}},
    {"win1255", {"WIN1255", "CP1255"}},
    {"windows1255", {"WIN1255", "CP1255"}},
    {"win1256", {"WIN1256", "CP1256"}},
    {"windows1256", {"WIN1256", "CP1256"}},
    {"win1257", {"WIN1257", "CP1257"}},
    {"windows1257", {"WIN1257", "CP1257"}},
    {"win1258", {"WIN1258", "CP1258"}},
    {"windows1258", {"WIN1258", "CP1258"}},
    {"eucjp", {"EUC_JP", "EUC-JP"}},
    {"euckr", {"EUC_KR", "EUC-KR"}},
    {"euccn", {"EUC_CN", "EUC-CN"}},
    {"euctw", {"EUC_TW", "EUC-TW"}},
    {"sjis", {"SJIS", "CP932"}},
    {"shiftjis", {"SJIS", "CP932"}},
    {"mskanji", {"SJIS", "CP932"}},
    {"big5", {"BIG5", "BIG5"}},
    {"gbk", {"GBK", "GBK"}},
    {"uhc", {"UHC", "UHC"}},
    {"gb18030", {"GB18030", "GB18030"}},
    {"johab", {"JOHAB", "JOHAB"}},
};

std::optional<std::string> isolation_value(std::string_view asked) {
    constexpr std::array<std::string_view, 5> levels = {
        "serializable", "repeatable read", "read committed", "read uncommitted", "snapshot"};
    const std::string level = lower_of(asked);
    if (std::find(levels.begin(), levels.end(), level) == levels.end()) return std::nullopt;
    return level;
}

}  // namespace

std::span<const KnownSetting> known_settings() { return all_settings; }

const KnownSetting* known_setting(std::string_view name) {
    const auto* const found =
        std::find_if(std::begin(all_settings), std::end(all_settings),
                     [&](const KnownSetting& each) { return each.name == name; });
    return found == std::end(all_settings) ? nullptr : found;
}

std::string spelled_setting(std::string_view name) {
    if (name == "datestyle") return "DateStyle";
    if (name == "intervalstyle") return "IntervalStyle";
    if (name == "timezone") return "TimeZone";
    return std::string(name);
}

std::optional<std::string> setting_value(std::string_view name, std::string_view asked,
                                         std::string_view before) {
    if (name == "datestyle") return date_style(asked, before);
    if (name == "intervalstyle") {
        constexpr Spelling styles[] = {{"postgres", "postgres"},
                                       {"postgres_verbose", "postgres_verbose"},
                                       {"sql_standard", "sql_standard"},
                                       {"iso_8601", "iso_8601"}};
        return one_of(styles, lower_of(asked));
    }
    if (name == "client_encoding") {
        const KnownEncoding* const found = known_encoding(asked);
        if (found == nullptr) return std::nullopt;
        return std::string(found->name);
    }
    if (name == "bytea_output") {
        constexpr Spelling forms[] = {{"hex", "hex"}, {"escape", "escape"}};
        return one_of(forms, lower_of(asked));
    }
    if (name == "transaction_isolation" || name == "default_transaction_isolation")
        return isolation_value(asked);
    const KnownSetting* const known = known_setting(name);
    const bool is_switch = known != nullptr && name != "synchronous_commit" &&
                           (known->value == "on" || known->value == "off");
    return is_switch ? switch_value(asked) : std::optional<std::string>(asked);
}

std::string engine_time_zone(std::string_view asked) {
    std::string_view rest = asked;
    while (!rest.empty() && ((rest[0] | 32) >= 'a' && (rest[0] | 32) <= 'z')) rest.remove_prefix(1);
    const std::size_t letters = asked.size() - rest.size();
    const bool has_sign = rest.starts_with('+') || rest.starts_with('-');
    const bool is_east = rest.starts_with('-');
    if (has_sign) rest.remove_prefix(1);
    int hours = 0;
    const auto end = std::from_chars(rest.data(), rest.data() + rest.size(), hours);
    rest.remove_prefix(static_cast<std::size_t>(end.ptr - rest.data()));
    const bool is_offset = end.ec == std::errc() && (letters == 0 || letters >= 3) &&
                           (rest.empty() || rest == ":00" || rest == ":00:00");
    if (!is_offset || hours < 0 || hours > (is_east ? 14 : 12)) return std::string(asked);
    // In these names, too, a plus is to the west.
    return hours == 0 ? "UTC" : fmt::format("Etc/GMT{}{}", is_east ? '-' : '+', hours);
}

const KnownEncoding* known_encoding(std::string_view asked) {
    const std::string word = letters_and_digits(asked);
    for (const auto& [name, known] : encodings)
        if (name == word) return &known;
    return nullptr;
}

}  // namespace stroma::redshift
