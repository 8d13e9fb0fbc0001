#include <fmt/format.h>

#include "catalog/catalog.h"
#include "catalog/catalog_state.h"

namespace stroma::catalog {
namespace {

constexpr std::string_view select_image =
    "SELECT id, revision, name, content_key, embedding, transform, source, created_ms FROM images";

Result<std::vector<Image>> select_images(sql::Connection& connection, std::string_view where,
                                         std::initializer_list<sql::Value> parameters = {}) {
    const auto rows =
        TRY(connection.execute(fmt::format("{} {}", select_image, where), parameters));
    std::vector<Image> images;
    while (TRY(rows->next())) {
        Image image;
        image.id = rows->text(0);
        image.revision = rows->text(1);
        image.name = rows->text(2);
        image.content_key = rows->text(3);
        image.embedding = rows->text(4);
        image.transform = rows->text(5);
        image.source = rows->text(6);
        image.created_ms = rows->integer(7);
        images.push_back(std::move(image));
    }
    return images;
}

}  // namespace

Result<std::string> Catalog::put_image(const Image& image) {
    TRY(check_text("image name", image.name));
    if (image.name.empty()) return fail(ErrorCode::invalid_input, "an image needs a name");
    std::string former;
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        const auto revision = TRY(connection.execute(
            "SELECT 1 FROM revisions WHERE id = ? AND state <> 'removed'", {image.revision}));
        if (!TRY(revision->next()))
            return fail(ErrorCode::not_found,
                        fmt::format("there is no revision '{}'", image.revision));
        const auto same = TRY(select_images(connection, "WHERE revision = ? AND name = ?",
                                            {image.revision, image.name}));
        if (!same.empty()) former = same.front().id;
        TRY(connection.change("DELETE FROM images WHERE id = ?", {former}));
        TRY(connection.change(
            "INSERT INTO images VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            {image.id, image.revision, image.name, image.content_key, image.embedding,
             image.transform, image.source, state_->clock.unix_ms()}));
        return {};
    };
    TRY(state_->in_transaction(work));
    return former;
}

Result<std::vector<Image>> Catalog::images(std::string_view revision) {
    const auto connection = TRY(state_->pool.take());
    return select_images(*connection, "WHERE revision = ? ORDER BY name", {std::string(revision)});
}

Result<std::vector<Image>> Catalog::all_images() {
    const auto connection = TRY(state_->pool.take());
    return select_images(*connection, "ORDER BY revision, name");
}

Result<std::optional<Image>> Catalog::find_image(std::string_view id) {
    const auto connection = TRY(state_->pool.take());
    auto found = TRY(select_images(*connection, "WHERE id = ?", {std::string(id)}));
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

Result<void> Catalog::remove_image(std::string_view id) {
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        TRY(connection.change("DELETE FROM images WHERE id = ?", {std::string(id)}));
        return {};
    };
    return state_->in_transaction(work);
}

}  // namespace stroma::catalog
