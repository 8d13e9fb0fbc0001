#include "front/http/response_head.h"

#include <ctime>

namespace stroma::front::http {
namespace {

struct Reason {
    int status;
    std::string_view phrase;
};
constexpr Reason reasons[] = {
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

const std::string& date_now() {
    thread_local std::time_t at = 0;
    thread_local std::string text;
    const std::time_t now = std::time(nullptr);
    if (now != at) {
        std::tm parts{};
        gmtime_r(&now, &parts);
        char buffer[64];
        text.assign(buffer,
                    std::strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S GMT", &parts));
        at = now;
    }
    return text;
}

void add_header(std::string& head, std::string_view name, std::string_view value) {
    head += name;
    head += ": ";
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        head += (byte < 0x20 && c != '\t') || byte == 0x7f ? '_' : c;
    }
    head += "\r\n";
}

}  // namespace

std::string_view reason_phrase(int status) {
    for (const Reason& reason : reasons)
        if (reason.status == status) return reason.phrase;
    return "Status";
}

std::string response_head(const Response& response, const HeadOptions& options) {
    std::string head;
    head.reserve(512);
    head += "HTTP/1.1 ";
    head += std::to_string(response.status);
    head += ' ';
    head += reason_phrase(response.status);
    head += "\r\n";
    for (const auto& [name, value] : response.headers) add_header(head, name, value);
    const auto add_missing = [&](std::string_view name, std::string_view value) {
        if (response.header(name).empty()) add_header(head, name, value);
    };
    add_header(head, "Date", date_now());
    add_missing("X-Request-Id", options.request_id);
    add_missing("X-Content-Type-Options", "nosniff");
    add_missing("Referrer-Policy", "no-referrer");
    add_missing("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    if (response.header("ETag").empty()) add_missing("Cache-Control", "no-store");
    if (options.content_length)
        add_header(head, "Content-Length", std::to_string(*options.content_length));
    if (options.chunked) add_header(head, "Transfer-Encoding", "chunked");
    add_header(head, "Connection", options.close ? "close" : "keep-alive");
    head += "\r\n";
    return head;
}

std::string last_chunk(const std::vector<std::pair<std::string, std::string>>& trailers) {
    std::string end = "0\r\n";
    for (const auto& [name, value] : trailers) add_header(end, name, value);
    return end + "\r\n";
}

}  // namespace stroma::front::http
