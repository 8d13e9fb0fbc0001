#include "app/answers/background_rows.h"

#include "base/priority.h"

namespace stroma::app {
namespace {

constexpr std::size_t batch_rows = 1024;
constexpr std::size_t batch_bytes = 1u << 20;

std::size_t bytes_of(const sql::Value& value) {
    const auto* text = std::get_if<std::string>(&value);
    return sizeof value + (text == nullptr ? 0 : text->size());
}

}  // namespace

Result<std::unique_ptr<sql::Rows>> BackgroundRows::begin(Make make) {
    std::unique_ptr<BackgroundRows> rows(new BackgroundRows);
    rows->thread_ = std::thread([rows = rows.get(), make = std::move(make)] {
        lower_thread_priority();
        rows->work(make);
    });
    rows->batch_ = rows->take();
    // A statement that fails before its first row fails here, where it has a status of its own.
    if (rows->batch_.error && rows->batch_.rows == 0) return fail(*rows->batch_.error);
    return rows;
}

BackgroundRows::~BackgroundRows() {
    {
        const std::lock_guard lock(mutex_);
        left_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

Result<bool> BackgroundRows::next() {
    while (row_ == batch_.rows) {
        if (batch_.error) return fail(*batch_.error);
        if (batch_.is_last) return false;
        batch_ = take();
        row_ = 0;
    }
    first_ = row_ * columns_.size();
    ++row_;
    return true;
}

void BackgroundRows::work(const Make& make) {
    auto rows = make();
    if (!rows) {
        give({.error = rows.error()});
        return;
    }
    columns_ = (*rows)->columns();  // before the first batch, which the reader waits for
    for (bool goes_on = true; goes_on;) {
        Batch batch;
        for (std::size_t bytes = 0; batch.rows < batch_rows && bytes < batch_bytes; ++batch.rows) {
            const auto more = (*rows)->next();
            if (!more) batch.error = more.error();
            batch.is_last = !more || !*more;
            if (batch.is_last) break;
            for (std::size_t column = 0; column < columns_.size(); ++column) {
                batch.values.push_back((*rows)->value(column));
                bytes += bytes_of(batch.values.back());
            }
        }
        goes_on = !batch.is_last;
        goes_on = give(std::move(batch)) && goes_on;
    }
}

bool BackgroundRows::give(Batch batch) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return left_ || !ready_; });
    if (left_) return false;
    ready_ = std::move(batch);
    changed_.notify_all();
    return true;
}

BackgroundRows::Batch BackgroundRows::take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ready_.has_value(); });
    Batch batch = *std::move(ready_);
    ready_.reset();
    changed_.notify_all();
    return batch;
}

void in_background(const std::function<void()>& work) {
    std::thread([&] {
        lower_thread_priority();
        work();
    }).join();
}

}  // namespace stroma::app
