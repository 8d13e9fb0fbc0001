#include "app/answers/answers.h"

namespace stroma::app {
namespace {

class SqlAnswers final : public front::api::SqlAnswers {
public:
    SqlAnswers(Site& site, const Settings& settings) : site_(site) {
        limits_.time = settings.duration("query.time");
        limits_.memory_bytes = settings.bytes("query.memory");
        limits_.rows_max = static_cast<std::uint64_t>(settings.number("query.rows_max"));
        limits_.bytes_max = settings.bytes("query.bytes_max");
    }

    Result<std::unique_ptr<sql::Rows>> query(const catalog::Principal& principal,
                                             const front::api::SqlOrder& order) override {
        TRY(check(order));
        const auto scope = TRY(site_.matrices().scope_of(principal));
        return site_.warehouse().query(order.statement, scope, limits_for(order));
    }

    Result<front::api::StoredFile> query_to_file(const catalog::Principal& principal,
                                                 const front::api::SqlOrder& order,
                                                 std::string_view format) override {
        TRY(check(order));
        const auto scope = TRY(site_.matrices().scope_of(principal));
        const fs::path staged = site_.staging() / (site_.ids().uuid() + "." + std::string(format));
        const auto written = site_.warehouse().query_to_file(order.statement, format, staged, scope,
                                                             limits_for(order));
        auto file = written ? File::open_to_read(staged) : Result<File>(fail(written.error()));
        std::error_code ignored;
        fs::remove(staged, ignored);  // the open descriptor keeps the bytes
        if (!file) return fail(std::move(file.error()));
        front::api::StoredFile stored;
        stored.size_bytes = TRY(file->size());
        stored.file = std::make_shared<const File>(*std::move(file));
        stored.name = "result." + std::string(format);
        return stored;
    }

private:
    /// The warehouse binds nothing yet; a value that is read over would answer another question.
    static Result<void> check(const front::api::SqlOrder& order) {
        if (order.parameters.empty()) return {};
        return fail(ErrorCode::unsupported,
                    "'parameters' can't be bound yet; write the values into the statement");
    }

    warehouse::QueryLimits limits_for(const front::api::SqlOrder& order) const {
        warehouse::QueryLimits limits = limits_;
        if (order.rows_max > 0) limits.rows_max = std::min(limits.rows_max, order.rows_max);
        return limits;
    }

    Site& site_;
    warehouse::QueryLimits limits_;
};

}  // namespace

std::unique_ptr<front::api::SqlAnswers> sql_answers(Site& site, const Settings& settings) {
    return std::make_unique<SqlAnswers>(site, settings);
}

}  // namespace stroma::app
