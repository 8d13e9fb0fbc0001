#pragma once

#include "base/json.h"

#include "front/aws/shapes.h"
#include "front/redshift_data/data_api.h"

// Private to this folder.

namespace stroma::front::redshift_data {

using aws::Fault;
using aws::Json;
using aws::Outcome;
using statement::Statement;

class DataService final : public aws::Service {
public:
    DataService(statement::Statements& statements, Access access)
        : statements_(statements), access_(std::move(access)) {}

    std::string_view name() const override { return "redshift-data"; }
    std::string_view target_prefix() const override { return "RedshiftData"; }
    std::uint64_t body_bytes_max() const override { return 8u << 20; }
    aws::Outcome<aws::Reply> call(aws::Call& call) override;

private:
    using Operation = Outcome<aws::Reply> (DataService::*)(const aws::Call&, const Json&);
    struct Known {
        Operation operation;
        aws::Members members;
    };
    static const Known* operation_named(std::string_view name);

    // statement_operations.cpp
    Outcome<aws::Reply> execute_statement(const aws::Call& call, const Json& members);
    Outcome<aws::Reply> batch_execute_statement(const aws::Call& call, const Json& members);
    Outcome<aws::Reply> describe_statement(const aws::Call& call, const Json& members);
    Outcome<aws::Reply> list_statements(const aws::Call& call, const Json& members);
    Outcome<aws::Reply> cancel_statement(const aws::Call& call, const Json& members);
    Outcome<aws::Reply> submit(const aws::Call& call, const Json& members,
                               std::vector<std::string> sqls, bool is_batch);

    // result_operations.cpp
    Outcome<aws::Reply> get_statement_result(const aws::Call& call, const Json& members);
    Outcome<aws::Reply> get_statement_result_v2(const aws::Call& call, const Json& members);
    Outcome<aws::Reply> result(const aws::Call& call, const Json& members,
                               statement::ResultFormat format);

    // metadata_operations.cpp
    Outcome<aws::Reply> list_databases(const aws::Call& call, const Json& members);
    Outcome<aws::Reply> list_schemas(const aws::Call& call, const Json& members);
    Outcome<aws::Reply> list_tables(const aws::Call& call, const Json& members);
    Outcome<aws::Reply> describe_table(const aws::Call& call, const Json& members);
    Outcome<statement::Statements::TextRows> ask(const aws::Call& call, const Json& members,
                                                 const std::string& sql,
                                                 const std::vector<std::string>& values);

    /// The statement of "uuid" or "uuid:2" (part 2; 0 for the whole), when the caller may do that.
    struct Named {
        Statement statement;
        std::size_t part = 0;
    };
    Outcome<Named> statement_named(const aws::Call& call, const Json& members,
                                   catalog::Action action);
    Outcome<void> allow(const aws::Call& call, const Decide& decide, catalog::Action action,
                        const std::string& id, const std::string& owner) const;

    statement::Statements& statements_;
    const Access access_;
};

std::string text_of(const Json& members, const char* name);
std::int64_t number_of(const Json& members, const char* name, std::int64_t otherwise);
tl::unexpected<Fault> validation(std::string message);
/// Pages of lists by where they go on: "" ends them.
std::string page_token(std::uint64_t at);
Outcome<std::uint64_t> token_place(const Json& members);
/// One page of `all`.
Json page_of(const Json& members, const char* list, std::vector<Json> all, std::uint64_t from);

}  // namespace stroma::front::redshift_data
