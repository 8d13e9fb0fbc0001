#include "loader/notices.h"

#include <fmt/format.h>

#include <charconv>

#include "base/context.h"
#include "base/json.h"
#include "redshift/load/moment_text.h"

namespace stroma::loader {
namespace {

std::string text_in(const Json& json, const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json& object_in(const Json& json, const char* name) {
    static const Json nothing = Json::object();
    const auto found = json.find(name);
    return found != json.end() && found->is_object() ? *found : nothing;
}

tl::unexpected<Error> not_told() {
    return fail(ErrorCode::invalid_input, "the message is no event of S3");
}

Result<Notice> of_record(const Json& record) {
    if (!record.is_object()) return not_told();
    const Json& s3 = object_in(record, "s3");
    const Json& object = object_in(s3, "object");
    Notice notice;
    notice.bucket = text_in(object_in(s3, "bucket"), "name");
    notice.key = form_decoded(text_in(object, "key"));
    notice.etag = text_in(object, "eTag");
    notice.time_ms = time_of(text_in(record, "eventTime"));
    notice.is_created = text_in(record, "eventName").starts_with("ObjectCreated") ||
                        text_in(record, "eventName").starts_with("ObjectRestore:Completed");
    if (notice.bucket.empty() || notice.key.empty()) return not_told();
    return notice;
}

Result<Notice> of_bus(const Json& event) {
    const Json& detail = object_in(event, "detail");
    const Json& object = object_in(detail, "object");
    Notice notice;
    notice.bucket = text_in(object_in(detail, "bucket"), "name");
    notice.key = text_in(object, "key");
    notice.etag = text_in(object, "etag");
    notice.time_ms = time_of(text_in(event, "time"));
    const std::string type = text_in(event, "detail-type");
    notice.is_created = type == "Object Created" || type == "Object Restore Completed";
    if (notice.bucket.empty() || notice.key.empty()) return not_told();
    return notice;
}

Result<std::vector<Notice>> read_at(std::string_view body, int depth) {
    const auto json = parse_json(body, {.bytes_max = 2u << 20});
    if (!json || !json->is_object()) return not_told();
    std::vector<Notice> notices;
    const auto records = json->find("Records");
    if (records != json->end() && records->is_array()) {
        for (const Json& record : *records) notices.push_back(TRY(of_record(record)));
        return notices;
    }
    if (text_in(*json, "Event") == "s3:TestEvent") return notices;
    if (text_in(*json, "source") == "aws.s3") {
        notices.push_back(TRY(of_bus(*json)));
        return notices;
    }
    const std::string inner = text_in(*json, "Message");
    if (depth == 0 && text_in(*json, "Type") == "Notification" && !inner.empty())
        return read_at(inner, 1);
    return not_told();
}

}  // namespace

std::string form_decoded(std::string_view text) {
    std::string made;
    for (std::size_t at = 0; at < text.size(); ++at) {
        unsigned value = 0;
        const char* const digits = text.data() + at + 1;
        const bool is_code = text[at] == '%' && at + 2 < text.size() + 0 &&
                             std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2;
        if (is_code) {
            made += static_cast<char>(value);
            at += 2;
        } else {
            made += text[at] == '+' ? ' ' : text[at];
        }
    }
    return made;
}

std::int64_t time_of(std::string_view iso) {
    const auto number = [&](std::size_t from, std::size_t count, unsigned& into) {
        if (iso.size() < from + count) return false;
        const char* const end = iso.data() + from + count;
        return std::from_chars(iso.data() + from, end, into).ptr == end;
    };
    unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ms = 0;
    if (!number(0, 4, year) || !number(5, 2, month) || !number(8, 2, day) || !number(11, 2, hour) ||
        !number(14, 2, minute) || !number(17, 2, second))
        return 0;
    if (iso.size() > 22 && iso[19] == '.') number(20, 3, ms);
    const std::int64_t days = redshift::days_of(year, month, day);
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms;
}

std::string notice_text(const Notice& notice) {
    std::string key;
    for (const char c : notice.key) {
        const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                              (c >= 'A' && c <= 'Z') ||
                              std::string_view("-_.*/").find(c) != std::string_view::npos;
        key += is_plain
                   ? std::string(1, c)
                   : fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
    const Json record = {{"eventVersion", "2.1"},
                         {"eventSource", "aws:s3"},
                         {"eventName", "ObjectCreated:Put"},
                         {"eventTime", iso_time(notice.time_ms)},
                         {"s3",
                          {{"s3SchemaVersion", "1.0"},
                           {"bucket", {{"name", notice.bucket}}},
                           {"object", {{"key", key}, {"eTag", notice.etag}}}}}};
    return Json{{"Records", Json::array({record})}}.dump(-1, ' ', false,
                                                         Json::error_handler_t::replace);
}

Result<std::vector<Notice>> read_notices(std::string_view body) { return read_at(body, 0); }

}  // namespace stroma::loader
