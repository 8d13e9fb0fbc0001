#include "front/http/event_stream.h"

#include <string>

namespace stroma::front::http {
namespace {

void add_line(std::string& text, std::string_view field, std::string_view value) {
    text += field;
    text += ": ";
    for (const char c : value)
        if (c != '\r' && c != '\n') text += c;
    text += '\n';
}

}  // namespace

Result<void> EventWriter::send(std::string_view name, std::string_view data, std::string_view id) {
    std::string text;
    if (!id.empty()) add_line(text, "id", id);
    if (!name.empty()) add_line(text, "event", name);
    for (;;) {
        const std::size_t end = data.find('\n');
        add_line(text, "data", data.substr(0, end));
        if (end == data.npos) break;
        data.remove_prefix(end + 1);
    }
    text += '\n';
    return body_.write(as_bytes(text));
}

Result<void> EventWriter::comment(std::string_view text) {
    std::string line;
    add_line(line, "", text);
    line += '\n';
    return body_.write(as_bytes(line));
}

Response event_stream(std::function<Result<void>(EventWriter&)> events) {
    Response response;
    response.headers.emplace_back("Content-Type", "text/event-stream");
    response.headers.emplace_back("Cache-Control", "no-store");
    response.headers.emplace_back("X-Accel-Buffering", "no");
    response.endless = true;
    response.stream = [events = std::move(events)](BodyWriter& body) -> Result<void> {
        EventWriter writer(body);
        return events(writer);
    };
    return response;
}

}  // namespace stroma::front::http
