#pragma once

#include "front/sqs/sqs.h"
#include "front/sqs/sqs_members.h"

// Private to this folder.

namespace stroma::front::sqs {

class SqsService final : public aws::Service {
public:
    SqsService(message::Queues& queues, Access access)
        : queues_(queues), access_(std::move(access)) {}

    std::string_view name() const override { return "sqs"; }
    std::string_view target_prefix() const override { return "AmazonSQS"; }
    std::string_view query_version() const override { return "2012-11-05"; }
    std::string_view xml_namespace() const override {
        return "http://queue.amazonaws.com/doc/2012-11-05/";
    }
    std::uint64_t body_bytes_max() const override { return 8u << 20; }
    aws::Outcome<aws::Reply> call(aws::Call& call) override;

private:
    /// Gives the members of the answer.
    using Operation = Outcome<Json> (SqsService::*)(const aws::Call&, const Json&);
    static Operation operation_named(std::string_view name);

    // queue_operations.cpp
    Outcome<Json> create_queue(const aws::Call& call, const Json& members);
    Outcome<Json> delete_queue(const aws::Call& call, const Json& members);
    Outcome<Json> get_queue_url(const aws::Call& call, const Json& members);
    Outcome<Json> list_queues(const aws::Call& call, const Json& members);
    Outcome<Json> get_queue_attributes(const aws::Call& call, const Json& members);
    Outcome<Json> set_queue_attributes(const aws::Call& call, const Json& members);
    Outcome<Json> purge_queue(const aws::Call& call, const Json& members);
    Outcome<Json> tag_queue(const aws::Call& call, const Json& members);
    Outcome<Json> untag_queue(const aws::Call& call, const Json& members);
    Outcome<Json> list_queue_tags(const aws::Call& call, const Json& members);
    Outcome<Json> list_dead_letter_source_queues(const aws::Call& call, const Json& members);
    Outcome<Json> add_permission(const aws::Call& call, const Json& members);
    Outcome<Json> remove_permission(const aws::Call& call, const Json& members);
    Outcome<Json> start_message_move_task(const aws::Call& call, const Json& members);
    Outcome<Json> cancel_message_move_task(const aws::Call& call, const Json& members);
    Outcome<Json> list_message_move_tasks(const aws::Call& call, const Json& members);

    // message_operations.cpp
    Outcome<Json> send_message(const aws::Call& call, const Json& members);
    Outcome<Json> send_message_batch(const aws::Call& call, const Json& members);
    Outcome<Json> receive_message(const aws::Call& call, const Json& members);
    Outcome<Json> delete_message(const aws::Call& call, const Json& members);
    Outcome<Json> delete_message_batch(const aws::Call& call, const Json& members);
    Outcome<Json> change_message_visibility(const aws::Call& call, const Json& members);
    Outcome<Json> change_message_visibility_batch(const aws::Call& call, const Json& members);

    /// The queue that QueueUrl (or the request's path) names, when the caller may do that to it.
    Outcome<message::QueuePointer> queue_of(const aws::Call& call, const Json& members,
                                            catalog::Action action, const Decide& decide) const;
    Outcome<message::QueuePointer> queue_to_use(const aws::Call& call, const Json& members) const {
        return queue_of(call, members, catalog::Action::change, access_.may);
    }
    Outcome<message::QueuePointer> queue_to_read(const aws::Call& call, const Json& members) const {
        return queue_of(call, members, catalog::Action::read, access_.may);
    }
    Outcome<message::QueuePointer> queue_to_change(const aws::Call& call,
                                                   const Json& members) const {
        return queue_of(call, members, catalog::Action::change, access_.decide);
    }
    Outcome<void> allow(const aws::Call& call, const message::QueuePointer& queue,
                        catalog::Action action, const Decide& decide) const;
    /// Whether the caller may have dead letters sent where the attributes say.
    Outcome<void> allow_dead_letters(const aws::Call& call,
                                     const message::TextMap& attributes) const;
    std::string url_of(const aws::Call& call, std::string_view name) const;
    /// One page of names as URLs, with a NextToken when there are more.
    Outcome<Json> page_of(const aws::Call& call, const Json& members,
                          std::vector<std::string> names, std::string_view list) const;

    message::Queues& queues_;
    const Access access_;
};

}  // namespace stroma::front::sqs
