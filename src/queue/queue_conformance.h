#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "base/context.h"
#include "queue/queue.h"

// What every driver of Queue and of Stream must do. A driver's test includes this and registers:
//   INSTANTIATE_TEST_SUITE_P(Memory, QueueConformance, ::testing::Values(QueueUnderTest{…}));
// The tests are in queue_conformance.cpp and stream_conformance.cpp, which the test program lists
// among its sources.

namespace stroma::queue {

/// One driver: how to open an empty queue.
struct QueueUnderTest {
    std::string name;
    std::function<std::shared_ptr<Queue>(const QueueOptions&, const Clock&, IdSource&)> open;
    /// Names the test, in place of its bytes.
    friend void PrintTo(const QueueUnderTest& driver, std::ostream* out) { *out << driver.name; }
};

class QueueConformance : public ::testing::TestWithParam<QueueUnderTest> {
protected:
    void SetUp() override { open({}); }
    void open(const QueueOptions& options) { queue = GetParam().open(options, clock, ids); }
    std::string send(std::string_view body, const SendOptions& options = {}) {
        return queue->send(body, options).value();
    }
    /// The one message that is due.
    Message receive() {
        const auto messages = queue->receive().value();
        EXPECT_EQ(messages.size(), 1u);
        return messages.empty() ? Message{} : messages.front();
    }
    bool nothing_is_due() { return queue->receive().value().empty(); }

    ManualClock clock;
    IdSource ids{1};
    std::shared_ptr<Queue> queue;
};

struct StreamUnderTest {
    std::string name;
    std::function<std::shared_ptr<Stream>(int shards, const Clock&)> open;
    /// Names the test, in place of its bytes.
    friend void PrintTo(const StreamUnderTest& driver, std::ostream* out) { *out << driver.name; }
};

class StreamConformance : public ::testing::TestWithParam<StreamUnderTest> {
protected:
    void SetUp() override { stream = GetParam().open(2, clock); }
    ManualClock clock;
    std::shared_ptr<Stream> stream;
};

}  // namespace stroma::queue
