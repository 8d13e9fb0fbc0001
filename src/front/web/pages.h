#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "front/http/server.h"

namespace stroma::front::web {

/// One file of the pages.
struct Page {
    std::string_view path;  ///< "index.html", "assets/index-abc.js"
    std::string_view media_type;
    std::string_view etag;
    std::string_view gzip;  ///< the body, compressed
};

/// The files in a pack, as tools/build_web writes it: u32 count, then for each file path, media
/// type, etag and gzip body, each as u32 length and bytes; little-endian. Views into `pack`.
/// errors  corrupt  the pack ends within a file, or bytes are left over
Result<std::vector<Page>> read_pack(std::string_view pack);

/// The pages that the program carries; none when it was built without (STROMA_WEB=OFF).
std::vector<Page> own_pages();

/// Who may show the pages in a frame: a source list of CSP ("'none'", "'self'
/// https://lab.example").
inline constexpr std::string_view no_frames = "'none'";
/// invalid_input unless it is 'none', or 'self' and origins with spaces between them.
Result<void> check_frame_ancestors(std::string_view sources);

/// Answers GET with the page: compressed where the client takes it, 304 where it has it. What the
/// page views must outlive the handler.
http::Handler handler_of(const Page& page, std::string_view frame_ancestors = no_frames);

/// A route for each page but the first one ("index.html").
std::vector<http::Route> asset_routes(const std::vector<Page>& pages,
                                      std::string_view frame_ancestors = no_frames);

/// The handler of "/"; unset when there is no first page.
http::Handler home_of(const std::vector<Page>& pages, std::string_view frame_ancestors = no_frames);

}  // namespace stroma::front::web
