#include "delivery/jq_child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

extern "C" {
#include <jq.h>
#include <jv.h>
}

#include <cstdlib>
#include <cstring>

#include "base/bytes.h"
#include "base/json.h"
#include "base/process_fence.h"

namespace stroma::delivery {
namespace {

bool main_asks = false;

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

/// '=' and the members of the object that the program made, or '!' and what is wrong with it.
std::string answer_of(jv result) {
    if (jv_get_kind(result) != JV_KIND_OBJECT) {
        jv_free(result);
        return "!the query doesn't give an object";
    }
    Json keys = Json::object();
    std::string wrong;
    for (int at = jv_object_iter(result); jv_object_iter_valid(result, at);
         at = jv_object_iter_next(result, at)) {
        const std::string key = text_of(jv_object_iter_key(result, at));
        jv value = jv_object_iter_value(result, at);
        const jv_kind kind = jv_get_kind(value);
        const bool scalar = kind == JV_KIND_STRING || kind == JV_KIND_NUMBER ||
                            kind == JV_KIND_TRUE || kind == JV_KIND_FALSE;
        std::string text;
        if (scalar)
            text = text_of(kind == JV_KIND_STRING ? value : jv_dump_string(value, 0));
        else
            jv_free(value);
        if (text.empty()) wrong = "!partition keys are null or empty: " + key;
        keys[key] = text;
    }
    jv_free(result);
    return wrong.empty() ? "=" + keys.dump() : wrong;
}

std::string answer_for(jq_state* jq, std::string_view record) {
    jv input = jv_parse_sized(record.data(), static_cast<int>(record.size()));
    if (!jv_is_valid(input)) return "!Non JSON record provided: " + words_of(input);
    jq_start(jq, input, 0);
    jv result = jq_next(jq);
    if (!jv_is_valid(result)) return "!the query failed: " + words_of(result);
    return answer_of(result);
}

std::string whole_input() {
    std::string input;
    char bytes[64 << 10];
    for (;;) {
        const ssize_t got = ::read(0, bytes, sizeof bytes);
        if (got < 0) ::_exit(3);
        if (got == 0) return input;
        input.append(bytes, static_cast<std::size_t>(got));
    }
}

void write_whole(std::string_view output) {
    while (!output.empty()) {
        const ssize_t put = ::write(1, output.data(), output.size());
        if (put < 0) ::_exit(3);
        output.remove_prefix(static_cast<std::size_t>(put));
    }
}

std::string answers_to(const std::vector<std::string_view>& texts) {
    std::string output, message;
    jq_state* jq = jq_init();
    if (jq == nullptr) ::_exit(3);
    jq_set_error_cb(jq, keep_message, &message);
    const bool compiles = jq_compile(jq, std::string(texts[0]).c_str()) != 0;
    append_text(output, compiles ? "" : message.empty() ? "it doesn't compile" : message);
    for (std::size_t i = 1; i < texts.size(); ++i)
        append_text(output, compiles ? answer_for(jq, texts[i]) : "!the query isn't jq");
    return output;
}

}  // namespace

void append_text(std::string& to, std::string_view text) {
    std::byte length[4];
    store(length, static_cast<std::uint32_t>(text.size()));
    to.append(reinterpret_cast<const char*>(length), sizeof length);
    to.append(text);
}

std::vector<std::string_view> texts_in(std::string_view bytes) {
    std::vector<std::string_view> texts;
    while (!bytes.empty()) {
        if (bytes.size() < 4) return {};
        std::uint32_t length;
        std::memcpy(&length, bytes.data(), sizeof length);
        bytes.remove_prefix(4);
        if (bytes.size() < length) return {};
        texts.push_back(bytes.substr(0, length));
        bytes.remove_prefix(length);
    }
    return texts;
}

bool is_jq_child(int argument_count, char** arguments) {
    main_asks = true;
    return argument_count == 2 && arguments[1] == jq_child_argument;
}

bool can_start_jq_child() { return main_asks; }

void run_jq_child() {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const std::string input = whole_input();
    const auto texts = texts_in(input);
    if (texts.empty()) ::_exit(2);
    // A program may write to standard error, which is the server's log.
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0 || ::dup2(nowhere, 2) < 0) ::_exit(3);
    // libc reads the zone now, for behind the fence it can't.
    ::setenv("TZ", "UTC0", 1);
    ::tzset();
    if (!fence_in({.memory_bytes = jq_memory_bytes, .time = std::chrono::seconds(20)})) ::_exit(3);
    write_whole(answers_to(texts));
    ::_exit(0);
}

}  // namespace stroma::delivery
