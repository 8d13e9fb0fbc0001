#include "front/web/pages.h"

#include <libdeflate.h>

#include <algorithm>
#include <cassert>
#include <memory>

// Laid down by pages_pack.cpp.in.
extern "C" {
extern const char stroma_pages_begin;
extern const char stroma_pages_end;
}

namespace stroma::front::web {
namespace {

constexpr std::string_view first_page = "index.html";

/// What the pages may do: their own scripts and styles, pictures they drew, and this server. Who
/// may frame them comes behind.
constexpr std::string_view content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors ";

std::string inflated(std::string_view gzip) {
    // A gzip member ends with its size, modulo 2^32; a page is far smaller.
    const auto size = load<std::uint32_t>(std::as_bytes(std::span(gzip)).data() + gzip.size() - 4);
    std::string text(size, '\0');
    const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)>
        inflater(libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
    const auto result = libdeflate_gzip_decompress(inflater.get(), gzip.data(), gzip.size(),
                                                   text.data(), text.size(), nullptr);
    assert(result == LIBDEFLATE_SUCCESS && "a page of the program itself doesn't inflate");
    return text;
}

http::Response answer(const Page& page, const std::string& frame_ancestors,
                      http::Request& request) {
    http::Response response;
    const std::string quoted = '"' + std::string(page.etag) + '"';
    const bool is_named_by_content = page.path.starts_with("assets/");
    response.headers = {
        {"Content-Type", std::string(page.media_type)},
        {"ETag", quoted},
        {"Vary", "Accept-Encoding"},
        {"Content-Security-Policy", std::string(content_security_policy) + frame_ancestors},
        {"Cache-Control",
         is_named_by_content ? "public, max-age=31536000, immutable" : "no-cache"}};
    if (request.header("if-none-match").value_or("").find(quoted) != std::string::npos) {
        response.status = 304;
        return response;
    }
    if (request.header("accept-encoding").value_or("").find("gzip") != std::string::npos) {
        response.headers.emplace_back("Content-Encoding", "gzip");
        response.body = page.gzip;
    } else {
        response.body = inflated(page.gzip);
    }
    return response;
}

/// Reads the pack piece by piece.
class PackReader {
public:
    explicit PackReader(std::string_view pack) : left_(pack) {}

    Result<std::uint32_t> number() {
        const std::string_view bytes = TRY(take(4));
        return load<std::uint32_t>(std::as_bytes(std::span(bytes)).data());
    }
    Result<std::string_view> text() {
        const std::uint32_t length = TRY(number());
        return take(length);
    }
    bool at_end() const { return left_.empty(); }

private:
    Result<std::string_view> take(std::size_t length) {
        if (left_.size() < length)
            return fail(ErrorCode::corrupt, "the pack of pages ends within a file");
        const std::string_view piece = left_.substr(0, length);
        left_.remove_prefix(length);
        return piece;
    }
    std::string_view left_;
};

}  // namespace

Result<std::vector<Page>> read_pack(std::string_view pack) {
    PackReader reader(pack);
    std::vector<Page> pages;
    const std::uint32_t count = TRY(reader.number());
    for (std::uint32_t i = 0; i < count; ++i) {
        Page page;
        page.path = TRY(reader.text());
        page.media_type = TRY(reader.text());
        page.etag = TRY(reader.text());
        page.gzip = TRY(reader.text());
        pages.push_back(page);
    }
    if (!reader.at_end()) return fail(ErrorCode::corrupt, "bytes follow the pack of pages");
    return pages;
}

std::vector<Page> own_pages() {
    const std::string_view pack(&stroma_pages_begin,
                                static_cast<std::size_t>(&stroma_pages_end - &stroma_pages_begin));
    if (pack.empty()) return {};
    auto pages = read_pack(pack);
    assert(pages && "the program's own pages can't be read");
    return std::move(*pages);
}

Result<void> check_frame_ancestors(std::string_view sources) {
    const Error bad{ErrorCode::invalid_input,
                    "http.frame_ancestors must be 'none', or 'self' and origins like "
                    "https://lab.example, with spaces between them"};
    if (sources == no_frames) return {};
    if (sources.empty()) return fail(bad);
    while (!sources.empty()) {
        const std::size_t end = std::min(sources.find(' '), sources.size());
        const std::string_view source = sources.substr(0, end);
        sources.remove_prefix(std::min(end + 1, sources.size()));
        const bool is_origin = (source.starts_with("https://") || source.starts_with("http://")) &&
                               source.find_first_not_of(
                                   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "0123456789.-:/*[]") == source.npos;
        if (!is_origin && source != "'self'") return fail(bad);
    }
    return {};
}

http::Handler handler_of(const Page& page, std::string_view frame_ancestors) {
    return [page, sources = std::string(frame_ancestors)](http::Request& request) {
        return answer(page, sources, request);
    };
}

std::vector<http::Route> asset_routes(const std::vector<Page>& pages,
                                      std::string_view frame_ancestors) {
    std::vector<http::Route> routes;
    for (const Page& page : pages)
        if (page.path != first_page)
            routes.push_back({"GET", "/" + std::string(page.path),
                              handler_of(page, frame_ancestors), http::RunsOn::reactor});
    return routes;
}

http::Handler home_of(const std::vector<Page>& pages, std::string_view frame_ancestors) {
    for (const Page& page : pages)
        if (page.path == first_page) return handler_of(page, frame_ancestors);
    return {};
}

}  // namespace stroma::front::web
