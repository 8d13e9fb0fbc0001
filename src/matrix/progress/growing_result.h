#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/context.h"
#include "base/file.h"

namespace stroma::matrix {

/// The file of a result while its job writes it from the front to the end, for those who read
/// behind. Any thread.
class GrowingResult {
public:
    explicit GrowingResult(std::string key) : key_(std::move(key)) {}
    const std::string& key() const { return key_; }  ///< RequestRecord::result_key()

    /// The writer's: see expression::Settled.
    void settle(const fs::path& working, std::uint64_t bytes);
    /// The attempt is over, whatever came of it; its outcome is recorded elsewhere.
    void end();

    struct View {
        std::shared_ptr<const File> file;  ///< null while there is none
        std::uint64_t bytes = 0;           ///< of it, that won't change any more
        bool ended = false;
    };
    /// Waits until more than `offset` bytes are there, or it ended, or the stop.
    View wait_past(std::uint64_t offset, std::stop_token stop);

private:
    const std::string key_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    View view_;
};

/// The results that are being made now, by their jobs. Any thread.
class GrowingResults {
public:
    /// One attempt's; ends and goes when this goes.
    class Attempt {
    public:
        Attempt(GrowingResults& all, std::string_view job, std::string key);
        ~Attempt();
        Attempt(const Attempt&) = delete;
        GrowingResult& result() { return *result_; }

    private:
        GrowingResults& all_;
        const std::string job_;
        std::shared_ptr<GrowingResult> result_;
    };

    /// The job's growing result; waits for it at most so long. Null: there is none yet.
    std::shared_ptr<GrowingResult> wait_for(std::string_view job, Milliseconds wait,
                                            std::stop_token stop);

private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::map<std::string, std::shared_ptr<GrowingResult>, std::less<>> by_job_;
};

}  // namespace stroma::matrix
