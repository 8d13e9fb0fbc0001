#include "app/remote.h"

#include <curl/curl.h>

#include <memory>

#include "base/json.h"

namespace stroma::app {
namespace {

struct Transfer {
    CURL* curl = nullptr;
    const std::function<bool(std::string_view)>* take = nullptr;
    std::string error_body;
    bool ended_by_us = false;
};

std::size_t receive(char* data, std::size_t size, std::size_t count, void* target) {
    auto& transfer = *static_cast<Transfer*>(target);
    const std::string_view piece(data, size * count);
    long status = 0;
    curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 400) {
        if (transfer.error_body.size() < (1u << 20)) transfer.error_body += piece;
        return piece.size();
    }
    if ((*transfer.take)(piece)) return piece.size();
    transfer.ended_by_us = true;
    return 0;
}

int tell_stop(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

Error error_of(long status, const std::string& body) {
    if (const auto json = parse_json(body); json && json->is_object())
        return {error_code_named(json->value("code", "unavailable")),
                json->value("message", "the server answered " + std::to_string(status))};
    return {ErrorCode::unavailable, "the server answered " + std::to_string(status)};
}

}  // namespace

Result<std::string> Remote::ask(std::string_view method, std::string_view path,
                                std::string_view json) {
    std::string body;
    TRY(stream(method, path, json, [&](std::string_view piece) {
        body += piece;
        return true;
    }));
    return body;
}

Result<std::string> Remote::get(std::string_view path) { return ask("GET", path, ""); }
Result<std::string> Remote::remove(std::string_view path) { return ask("DELETE", path, ""); }
Result<std::string> Remote::post(std::string_view path, std::string_view json) {
    return ask("POST", path, json);
}
Result<std::string> Remote::patch(std::string_view path, std::string_view json) {
    return ask("PATCH", path, json);
}

Result<void> Remote::stream(std::string_view method, std::string_view path, std::string_view json,
                            const std::function<bool(std::string_view)>& take) {
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                   curl_easy_cleanup);
    if (!curl) return fail(ErrorCode::unavailable, "the HTTP client could not start");
    const std::string url = address_.url + std::string(path);
    const std::string verb(method), body(json);
    curl_slist* list =
        curl_slist_append(nullptr, ("Authorization: Bearer " + address_.token).c_str());
    list = curl_slist_append(list, "Expect:");
    if (!body.empty()) list = curl_slist_append(list, "Content-Type: application/json");
    const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(list,
                                                                              curl_slist_free_all);
    Transfer transfer{curl.get(), &take, "", false};
    curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, verb.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT_MS, 5000L);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &transfer);
    if (!body.empty() || method == "POST") {
        curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.data());
        curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(body.size()));
    }
    if (stop_.stop_possible()) {
        curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, tell_stop);
        curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, &stop_);
    }
    const CURLcode code = curl_easy_perform(curl.get());
    if (stop_.stop_requested()) return fail(ErrorCode::cancelled, "interrupted");
    if (code != CURLE_OK && !transfer.ended_by_us)
        return fail(ErrorCode::unavailable,
                    "talking to the server at " + address_.url + ": " + curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status >= 400) return fail(error_of(status, transfer.error_body));
    return {};
}

}  // namespace stroma::app
