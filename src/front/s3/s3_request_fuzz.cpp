#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "bucket/notification.h"
#include "front/http/url.h"
#include "front/s3/lifecycle.h"
#include "front/s3/s3.h"
#include "object/memory/memory_store.h"
#include "sql/sqlite/sqlite_database.h"

// "PUT /lab/key?acl", headers, an empty line, a body. Policies, rules, notifications, deletions,
// forms, uploads and what else S3 reads: the answer is one or a refusal, never that we failed. Then
// a day goes by under the rules that were set.

namespace {

using namespace stroma;
using namespace stroma::front;

class OneBody final : public http::BodyReader {
public:
    explicit OneBody(std::string_view text) : left_(text) {}
    Result<Bytes> read() override {
        const std::string_view piece = left_.substr(0, piece_bytes);
        left_.remove_prefix(piece.size());
        return Bytes(as_bytes(piece).begin(), as_bytes(piece).end());
    }

private:
    static constexpr std::size_t piece_bytes = 100;
    std::string_view left_;
};

struct Lab {
    ManualClock clock;
    IdSource ids{1};
    object::MemoryStore objects, cold;
    std::unique_ptr<sql::SqliteDatabase> database = sql::SqliteDatabase::open_in_memory().value();
    std::unique_ptr<sql::SqliteDatabase> names = sql::SqliteDatabase::open_in_memory().value();
    sql::WriteGroup writes{*database};
    std::unique_ptr<catalog::Catalog> catalog = catalog::Catalog::open(*names, clock, ids).value();
    std::unique_ptr<bucket::Buckets> buckets =
        bucket::Buckets::open(writes, objects, cold, clock, ids).value();
    s3::S3 service{*buckets,
                   *catalog,
                   clock,
                   {.send_test = [](const auto&, auto, auto) -> Result<bool> { return true; }}};

    Lab() {
        if (!buckets->create({"lab", "rosa", "us-east-1", 0, ""})) std::abort();
        ask("PUT /lab?versioning\n\n<VersioningConfiguration><Status>Enabled</Status>"
            "</VersioningConfiguration>");
        ask("PUT /lab/key\nx-amz-tagging:a=1\n\nbytes");
    }
    void ask(std::string_view text);
    void live_a_day() {
        clock.advance(Milliseconds{24 * 3'600'000});
        if (!s3::follow_lifecycles(*buckets, clock, [] { return false; })) std::abort();
    }
};

std::string_view next_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

bool read_head(std::string_view& text, http::Request& request) {
    const std::string_view line = next_line(text);
    const std::size_t blank = line.find(' ');
    if (blank == line.npos) return false;
    request.method = line.substr(0, blank);
    request.target = line.substr(blank + 1);
    const std::size_t mark = std::min(request.target.find('?'), request.target.size());
    const auto path = http::percent_decode(request.target.substr(0, mark), false);
    auto query = http::parse_query(
        std::string_view(request.target).substr(std::min(mark + 1, request.target.size())));
    if (!path || !query) return false;
    request.path = *path;
    request.query = *std::move(query);
    for (std::string_view header = next_line(text); !header.empty(); header = next_line(text)) {
        const std::size_t colon = std::min(header.find(':'), header.size());
        request.headers.emplace_back(
            http::lower_case(header.substr(0, colon)),
            http::trimmed(header.substr(std::min(colon + 1, header.size()))));
    }
    return true;
}

void Lab::ask(std::string_view text) {
    http::Request request;
    if (!read_head(text, request)) return;
    request.id = "request";
    request.client = "127.0.0.1";
    OneBody body(text);
    request.body = &body;
    aws::Signed by;
    by.principal.id = by.principal.name = "rosa";
    by.principal.role = catalog::Role::user;
    by.claim.payload = aws::PayloadKind::unsigned_;
    by.region = "us-east-1";
    by.account = "000000000000";
    const http::Response response = service.answer(request, by);
    constexpr int not_implemented = 501;
    if (response.status >= 500 && response.status != not_implemented) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr int inputs_of_a_site = 300;  // what they leave must not pile up
    static std::unique_ptr<Lab> lab;
    static int inputs = 0;
    if (inputs++ % inputs_of_a_site == 0) lab = std::make_unique<Lab>();
    lab->ask({reinterpret_cast<const char*>(data), size});
    lab->live_a_day();
    return 0;
}
