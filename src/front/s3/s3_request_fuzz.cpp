#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "front/http/request_parser.h"
#include "front/s3/s3.h"
#include "object/memory/memory_store.h"
#include "sql/sqlite/sqlite_database.h"

// A request as it comes: its first line ("PUT /lab?policy"), headers, an empty line, its body;
// asked by who owns the bucket "lab", and again by nobody. Policies, rules, tags, documents of
// every kind and what they then do to requests: whatever they say, the answer is one or a refusal.

namespace {

using namespace stroma;
using front::http::Request;

class Body final : public front::http::BodyReader {
public:
    explicit Body(std::string_view text) : text_(text) {}
    Result<Bytes> read() override {
        const ByteSpan bytes = as_bytes(std::exchange(text_, {}));
        return Bytes(bytes.begin(), bytes.end());
    }

private:
    std::string_view text_;
};

struct Site {
    ManualClock clock;
    IdSource ids{5};
    object::MemoryStore objects, cold;
    std::unique_ptr<sql::SqliteDatabase> database = sql::SqliteDatabase::open_in_memory().value(),
                                         people = sql::SqliteDatabase::open_in_memory().value();
    sql::WriteGroup writes{*database};
    std::unique_ptr<bucket::Buckets> buckets =
        bucket::Buckets::open(writes, objects, cold, clock, ids).value();
    std::unique_ptr<catalog::Catalog> catalog = catalog::Catalog::open(*people, clock, ids).value();
    front::s3::S3 s3{*buckets, *catalog, clock, {.send_test = [](const auto&, auto, auto) {
                         return Result<bool>(true);
                     }}};

    Site() {
        const bucket::Bucket lab{"lab", "rosa", "us-east-1", 0, ""};
        if (!buckets->create(lab)) std::abort();
    }
    void ask(Request request, std::string_view text, const catalog::Principal& principal) {
        Body body(text);
        request.body = &body;
        front::aws::Signed signature;
        signature.principal = principal;
        signature.region = "us-east-1";
        signature.account = "000000000000";
        const auto response = s3.answer(request, signature);
        if (response.status == 500) std::abort();
    }
};

std::string_view line_of(std::string_view& text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr int inputs_of_a_site = 500;  // what they leave must not pile up
    static std::unique_ptr<Site> site;
    static int inputs = 0;
    if (inputs++ % inputs_of_a_site == 0) site = std::make_unique<Site>();
    std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::string_view first = line_of(text);
    Request request;
    request.method = first.substr(0, first.find(' '));
    request.target = first.substr(std::min(first.size(), request.method.size() + 1));
    std::string raw;
    if (front::http::read_target(request.target, request, raw)) return 0;
    for (std::string_view line = line_of(text); !line.empty(); line = line_of(text)) {
        const std::size_t colon = line.find(": ");
        if (colon == line.npos) return 0;
        request.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    }
    catalog::Principal rosa;
    rosa.id = rosa.name = "rosa";
    rosa.role = catalog::Role::user;
    site->ask(request, text, rosa);
    site->ask(request, text, catalog::Principal{});
    return 0;
}
