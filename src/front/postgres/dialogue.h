#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "front/postgres/encoding.h"
#include "front/postgres/hall.h"
#include "front/postgres/message.h"
#include "front/postgres/text_style.h"

// Private to this folder.

namespace stroma::front::postgres {

/// One client's messages and their answers, from the first statement to the last. On the
/// connection's own thread.
class Dialogue {
public:
    Dialogue(Hall& hall, Visitor& visitor, redshift::Session& session)
        : hall_(hall),
          visitor_(visitor),
          session_(session),
          statements_(session.prepared_statements()) {}
    /// Ends when the client leaves, breaks the protocol, or the server ends.
    void run();

private:
    using Prepared = std::shared_ptr<const redshift::Prepared>;
    struct Portal {
        Prepared prepared;
        std::vector<sql::Value> values;
        std::vector<std::int16_t> formats;
        std::unique_ptr<redshift::Cursor> cursor;  ///< from its first Execute to its end
        bool is_done = false;
    };

    // Reading and writing
    Result<Message> next_message();
    void say_goodbye(const Error& why);
    void flush();
    void fatal(std::string state, std::string message);

    // Each message. Whether it may come now is looked at before.
    void answer(const Query& query);
    void answer(const Parse& parse);
    void answer(const Bind& bind);
    void answer(const Describe& describe);
    void answer(const Execute& execute);
    void answer(const Close& close);
    void answer(const Flush&) { flush(); }
    void answer(const Sync&);
    void answer(const Terminate&) { is_over_ = true; }
    // What is left of a COPY that failed is passed over.
    void answer(const CopyData&) {}
    void answer(const CopyDone&) {}
    void answer(const CopyFail&) {}
    void answer(const Password&) { fatal("08P01", "a password was not asked for"); }
    void answer(const FunctionCall&);

    bool run_simple(const redshift::Statement& statement);
    /// The values of a Bind, or a report told.
    redshift::Answer<std::vector<sql::Value>> values_of(const Bind& bind,
                                                        const redshift::Prepared& prepared) const;
    redshift::Answer<void> run_portal(Portal& portal, std::int32_t rows_max);
    void open_group();
    void finish_statement(std::string_view tag);
    /// Tells of settings that changed; texts look as they say from here on.
    void tell_settings();
    /// What the client wrote, in UTF-8. errors  22021
    redshift::Answer<std::string> from_client(std::string_view bytes) const;
    /// For messages, which are told whatever the client can read.
    std::string for_client(std::string_view text) const;
    void ready();

    // rows.cpp
    void describe(std::span<const redshift::Column> columns, std::span<const std::int16_t> formats);
    redshift::Answer<void> add_row(const redshift::Cursor& cursor,
                                   std::span<const redshift::Column> columns,
                                   std::span<const std::int16_t> formats);
    /// Rows from the cursor, at most so many (0: all). True: it is at its end.
    redshift::Answer<bool> add_rows(redshift::Cursor& cursor, std::span<const std::int16_t> formats,
                                    std::int32_t rows_max);
    redshift::Answer<void> copy(const redshift::Prepared& prepared);
    redshift::Answer<void> copy_in(const redshift::Prepared& prepared);
    redshift::Answer<void> copy_out(const redshift::Prepared& prepared);
    void add_copied_lines(std::string_view piece);
    redshift::Answer<void> copy_out_binary(redshift::Cursor& rows);
    void add_copy_response(char type, bool is_binary, std::size_t columns);

    void tell(const redshift::Failure& failure);
    /// The same of a message of the extended protocol: what comes up to Sync is passed over.
    /// `script` is what the failure has its place in, of the statement that begins at `offset`.
    void refuse(const redshift::Failure& failure, std::string_view script = {},
                std::size_t offset = 0);

    Hall& hall_;
    Visitor& visitor_;
    redshift::Session& session_;
    Answers answers_;
    redshift::PreparedStatements& statements_;  ///< the session's
    std::map<std::string, Portal, std::less<>> portals_;
    bool is_over_ = false;      ///< nothing more is read or written
    bool is_skipping_ = false;  ///< until Sync
    bool has_group_ = false;    ///< the session's, of messages up to Sync
    bool has_begun_ = false;    ///< a transaction of the client's own is open
    bool has_refused_ = false;  ///< something of the group that the session doesn't know of
    TextStyle style_;
    std::unique_ptr<Encoding> encoding_;  ///< null: UTF-8, or bytes as they are
    std::string_view script_;             ///< of the query that runs, for places in it
    std::size_t offset_ = 0;              ///< of the running statement in it
};

}  // namespace stroma::front::postgres
