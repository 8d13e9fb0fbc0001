#include "delivery/jq_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/json.h"
#include "delivery/command.h"
#include "delivery/jq_child.h"

namespace stroma::delivery {
namespace {

constexpr std::size_t answer_max = 256u << 20;
/// Of records that make the child stop so many are told apart from their neighbours.
constexpr int stopping_max = 20;

Result<std::string> ask_child(const JqQuery& query, const std::vector<std::string_view>& records) {
    if (!can_start_jq_child())
        return fail(ErrorCode::unsupported, "this program runs no queries in jq");
    std::string input;
    append_text(input, query.program);
    for (const std::string_view record : records) append_text(input, record);
    auto answer = run_command({"/proc/self/exe", {std::string(jq_child_argument)}, false}, input,
                              answer_max, query.time);
    if (answer) return answer;
    if (answer.error().code == ErrorCode::cancelled)
        return fail(
            ErrorCode::exhausted,
            fmt::format("the query was stopped: it took more than {} ms", query.time.count()));
    if (answer.error().code == ErrorCode::unavailable)
        return fail(ErrorCode::exhausted,
                    fmt::format("the query was stopped: it may use {} MiB of memory, and neither "
                                "files nor modules",
                                jq_memory_bytes >> 20));
    return answer;
}

Result<PartitionKeys> keys_in(std::string_view answer) {
    if (answer.empty() || answer[0] != '=')
        return fail(ErrorCode::invalid_input, std::string(answer.substr(!answer.empty())));
    const Json object = TRY(parse_json(answer.substr(1)));
    PartitionKeys keys;
    for (const auto& [name, value] : object.items()) keys[name] = value.get<std::string>();
    return keys;
}

}  // namespace

Result<void> JqQuery::check() const {
    const auto answered = ask_child(*this, {});
    if (!answered && answered.error().code == ErrorCode::exhausted)
        return fail(ErrorCode::invalid_input, answered.error().message);
    const std::string answer = TRY(answered);
    const auto texts = texts_in(answer);
    if (texts.size() != 1) return fail(ErrorCode::unavailable, "jq's child gave no answer");
    if (texts[0].empty()) return {};
    return fail(ErrorCode::invalid_input, "the query isn't jq: " + std::string(texts[0]));
}

std::vector<Result<PartitionKeys>> JqQuery::keys_of(
    const std::vector<std::string_view>& records) const {
    std::vector<Result<PartitionKeys>> keys;
    int stopping = 0;
    // Where the child was stopped each half is asked again, with less time, until one record is
    // left: the one that stops it.
    const std::function<void(std::size_t, std::size_t, Milliseconds)> ask =
        [&](std::size_t from, std::size_t to, Milliseconds most) {
            if (from == to) return;
            const auto answer =
                ask_child({program, most}, {records.begin() + static_cast<std::ptrdiff_t>(from),
                                            records.begin() + static_cast<std::ptrdiff_t>(to)});
            const auto texts = answer ? texts_in(*answer) : std::vector<std::string_view>();
            if (texts.size() == to - from + 1) {
                for (std::size_t i = 1; i < texts.size(); ++i) keys.push_back(keys_in(texts[i]));
                return;
            }
            const Error error = answer ? Error{ErrorCode::unavailable, "jq's child gave no answer"}
                                       : answer.error();
            const bool is_stopped = error.code == ErrorCode::exhausted;
            if (to - from == 1 || !is_stopped || stopping >= stopping_max) {
                stopping += is_stopped ? 1 : 0;
                keys.insert(keys.end(), to - from, tl::unexpected<Error>(error));
                return;
            }
            const std::size_t middle = from + (to - from) / 2;
            const Milliseconds less{std::max<std::int64_t>(time.count() / 2, 1)};
            ask(from, middle, less);
            ask(middle, to, less);
        };
    ask(0, records.size(), time);
    return keys;
}

}  // namespace stroma::delivery
