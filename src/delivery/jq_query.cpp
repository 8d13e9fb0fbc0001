#include "delivery/jq_query.h"

#include <fmt/format.h>

#include "base/json.h"
#include "delivery/command.h"
#include "delivery/jq_child.h"

namespace stroma::delivery {
namespace {

constexpr std::size_t answer_max = 256u << 20;

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
            ErrorCode::invalid_input,
            fmt::format("the query was stopped: it took more than {} ms", query.time.count()));
    if (answer.error().code == ErrorCode::unavailable)
        return fail(ErrorCode::invalid_input,
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
    const std::string answer = TRY(ask_child(*this, {}));
    const auto texts = texts_in(answer);
    if (texts.size() != 1) return fail(ErrorCode::unavailable, "jq's child gave no answer");
    if (texts[0].empty()) return {};
    return fail(ErrorCode::invalid_input, "the query isn't jq: " + std::string(texts[0]));
}

std::vector<Result<PartitionKeys>> JqQuery::keys_of(
    const std::vector<std::string_view>& records) const {
    std::vector<Result<PartitionKeys>> keys;
    const auto answer = ask_child(*this, records);
    const auto texts = answer ? texts_in(*answer) : std::vector<std::string_view>();
    if (texts.size() != records.size() + 1) {
        const Error error =
            answer ? Error{ErrorCode::unavailable, "jq's child gave no answer"} : answer.error();
        keys.assign(records.size(), tl::unexpected<Error>(error));
        return keys;
    }
    for (std::size_t i = 1; i < texts.size(); ++i) keys.push_back(keys_in(texts[i]));
    return keys;
}

}  // namespace stroma::delivery
