#include <fmt/format.h>

#include "portal/portal_state.h"

// What readers say of a dataset, beside its card.

namespace stroma::portal {
namespace {

constexpr std::size_t comment_bytes_max = 10'000, guest_name_bytes_max = 200;
constexpr std::int64_t comments_max = 2000;  ///< of one dataset

constexpr std::string_view select_comment =
    "SELECT id, dataset, view, author, author_name, text, created_ms FROM portal_comments";

Comment comment_in(const sql::Rows& row) {
    return {row.text(0), row.text(1), row.text(2),   row.text(3),
            row.text(4), row.text(5), row.integer(6)};
}

}  // namespace

Result<std::vector<Comment>> Portal::comments(std::string_view dataset, std::string_view view) {
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute(
        fmt::format("{} WHERE dataset = ? AND view = ? ORDER BY created_ms, id", select_comment),
        {std::string(dataset), std::string(view)}));
    std::vector<Comment> all;
    while (TRY(rows->next())) all.push_back(comment_in(*rows));
    return all;
}

Result<std::optional<Comment>> Portal::find_comment(std::string_view id) {
    const auto connection = TRY(state_->pool.take());
    const auto rows =
        TRY(connection->execute(fmt::format("{} WHERE id = ?", select_comment), {std::string(id)}));
    if (!TRY(rows->next())) return std::nullopt;
    return comment_in(*rows);
}

Result<Comment> Portal::add_comment(Comment comment) {
    if (comment.text.empty() || comment.text.size() > comment_bytes_max)
        return fail(ErrorCode::invalid_input,
                    fmt::format("a comment has 1 to {} bytes", comment_bytes_max));
    if (comment.author_name.size() > guest_name_bytes_max)
        return fail(ErrorCode::invalid_input,
                    fmt::format("a name has at most {} bytes", guest_name_bytes_max));
    comment.id = state_->ids.uuid();
    comment.created_ms = state_->clock.unix_ms();
    const auto connection = TRY(state_->pool.take());
    const auto added = TRY(connection->change(
        "INSERT INTO portal_comments SELECT ?, ?, ?, ?, ?, ?, ? WHERE (SELECT count(*) FROM "
        "portal_comments WHERE dataset = ?) < ?",
        {comment.id, comment.dataset, comment.view, comment.author, comment.author_name,
         comment.text, comment.created_ms, comment.dataset, comments_max}));
    if (added > 0) return comment;
    return fail(ErrorCode::exhausted,
                fmt::format("a dataset has at most {} comments", comments_max));
}

Result<void> Portal::remove_comment(std::string_view id) {
    const auto connection = TRY(state_->pool.take());
    TRY(connection->change("DELETE FROM portal_comments WHERE id = ?", {std::string(id)}));
    return {};
}

Result<void> Portal::forget_removed() {
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute("SELECT DISTINCT dataset FROM portal_comments", {}));
    std::vector<std::string> gone;
    while (TRY(rows->next())) {
        const auto dataset = TRY(state_->catalog.find_dataset(rows->text(0)));
        if (!dataset || dataset->withdrawn) gone.push_back(rows->text(0));
    }
    for (const std::string& dataset : gone)
        TRY(connection->change("DELETE FROM portal_comments WHERE dataset = ?", {dataset}));
    return {};
}

}  // namespace stroma::portal
