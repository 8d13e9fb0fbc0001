#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "redshift/load/loading.h"

// COPY … JOB CREATE: a COPY that is run again for each object that comes under its prefix.

namespace stroma::redshift {

/// Which objects a run of a job takes: those of its prefix that it neither loaded nor gave up.
struct JobRun {
    std::int64_t id = 0;
    bool loads_rewritten = false;  ///< an object put again with other bytes is a new one
    std::string only;              ///< one url; "" for all
};

/// The new objects of the job, in the order of their keys; none is fine.
Answer<std::vector<LoadFile>> new_files(EngineSession& session, const CopyStatement& copy,
                                        const JobRun& job);
/// Loads what the statement names, or what the job finds; gives the rows.
Answer<std::int64_t> load_files(EngineSession& session, const std::vector<Token>& tokens,
                                const CopyStatement& copy, const JobRun* job);
/// COPY … JOB CREATE
Answer<std::unique_ptr<Cursor>> create_copy_job(EngineSession& session, const Prepared& prepared,
                                                const CopyStatement& copy);
/// COPY JOB RUN | ALTER | SHOW | LIST | DROP
Answer<std::unique_ptr<Cursor>> run_copy_job(EngineSession& session, const Prepared& prepared);

}  // namespace stroma::redshift
