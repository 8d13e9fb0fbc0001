#include "delivery/jq_query.h"

extern "C" {
#include <jq.h>
#include <jv.h>
}

namespace stroma::delivery {
namespace {

std::string text_of(jv value) {
    std::string text(jv_string_value(value),
                     static_cast<std::size_t>(jv_string_length_bytes(jv_copy(value))));
    jv_free(value);
    return text;
}

void keep_message(void* to, jv message) {
    const jv shown = jq_format_error(message);
    if (jv_get_kind(shown) == JV_KIND_STRING)
        *static_cast<std::string*>(to) += text_of(shown);
    else
        jv_free(shown);
}

std::string words_of(jv invalid) {
    jv message = jv_invalid_get_msg(invalid);
    if (jv_get_kind(message) == JV_KIND_STRING) return text_of(message);
    jv_free(message);
    return "it gives nothing";
}

tl::unexpected<Error> bad_record(std::string message) {
    return fail(ErrorCode::invalid_input, std::move(message));
}

}  // namespace

struct JqQuery::State {
    jq_state* jq = jq_init();
    std::string message;
    ~State() { jq_teardown(&jq); }
};

JqQuery::JqQuery(std::unique_ptr<State> state) : state_(std::move(state)) {}
JqQuery::~JqQuery() = default;
JqQuery::JqQuery(JqQuery&&) noexcept = default;
JqQuery& JqQuery::operator=(JqQuery&&) noexcept = default;

Result<JqQuery> JqQuery::compile(const std::string& program) {
    auto state = std::make_unique<State>();
    if (state->jq == nullptr) return fail(ErrorCode::exhausted, "no memory for jq");
    jq_set_error_cb(state->jq, keep_message, &state->message);
    if (jq_compile(state->jq, program.c_str()) == 0)
        return fail(ErrorCode::invalid_input, "the query isn't jq: " + state->message);
    return JqQuery(std::move(state));
}

Result<std::map<std::string, std::string>> JqQuery::keys_of(std::string_view record) const {
    jv input = jv_parse_sized(record.data(), static_cast<int>(record.size()));
    if (!jv_is_valid(input)) return bad_record("Non JSON record provided: " + words_of(input));
    jq_start(state_->jq, input, 0);
    jv result = jq_next(state_->jq);
    if (!jv_is_valid(result)) return bad_record("the query failed: " + words_of(result));
    std::map<std::string, std::string> keys;
    std::string wrong;
    if (jv_get_kind(result) != JV_KIND_OBJECT) wrong = "the query doesn't give an object";
    if (wrong.empty()) {
        for (int at = jv_object_iter(result); jv_object_iter_valid(result, at);
             at = jv_object_iter_next(result, at)) {
            const std::string key = text_of(jv_object_iter_key(result, at));
            jv value = jv_object_iter_value(result, at);
            const jv_kind kind = jv_get_kind(value);
            const bool scalar = kind == JV_KIND_STRING || kind == JV_KIND_NUMBER ||
                                kind == JV_KIND_TRUE || kind == JV_KIND_FALSE;
            if (scalar)
                keys[key] = text_of(kind == JV_KIND_STRING ? value : jv_dump_string(value, 0));
            else
                jv_free(value);
            if (!scalar || keys[key].empty()) wrong = "partition keys are null or empty: " + key;
        }
    }
    jv_free(result);
    if (!wrong.empty()) return bad_record(wrong);
    return keys;
}

}  // namespace stroma::delivery
