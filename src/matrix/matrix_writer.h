#pragma once

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "expression/format.h"
#include "matrix/field_columns.h"
#include "matrix/matrix_request.h"
#include "matrix/selection.h"
#include "warehouse/warehouse.h"

namespace stroma::matrix {

/// A query made definite: which cells of which revisions. What a principal may not read is not in.
struct Selection {
    std::vector<warehouse::SelectedCells> cells;
    std::uint64_t cell_count = 0;
    /// The output's tables as they once were; unset: as sealed files and warehouse have them now.
    std::optional<expression::Frame> obs, var;
};

/// The obs of a scope's only dataset, being read on another thread while cells are chosen from it.
struct ReadAhead {
    std::string revision;  ///< "" when nothing is read
    std::shared_future<Result<std::shared_ptr<const expression::Frame>>> obs;
};

/// Turns queries into cells and cells into matrix files. Any thread.
class MatrixWriter {
public:
    MatrixWriter(catalog::Catalog& catalog, warehouse::Warehouse& warehouse,
                 warehouse::OpenRevision open, std::vector<const expression::FormatWriter*> writers)
        : catalog_(catalog),
          warehouse_(warehouse),
          open_(std::move(open)),
          writers_(std::move(writers)) {}

    /// Checks all of a query that can be checked without running it: one way to choose cells,
    /// format, feature, filter tree, fields. Gives it with filter replaced by its canonical form.
    /// A column that only datasets outside the scope have is an unknown one.
    /// errors  invalid_input  names the bad part, for filters "at <pointer>: …"
    Result<MatrixQuery> checked(const MatrixQuery& query, const warehouse::Scope& scope);
    /// When no cell matches, every dataset asked with none of its cells: their genes stay.
    Result<Selection> select(const MatrixQuery& query, const warehouse::Scope& scope);
    /// Starts to read what write() will most likely need, whichever cells select() finds.
    Result<ReadAhead> read_ahead(const MatrixQuery& query, const warehouse::Scope& scope);
    /// The selected cells ready to be written; matrices are read when they are.
    Result<expression::AnnotatedData> gather(const MatrixQuery& query, const Selection& selection,
                                             const ReadAhead& ahead = {});
    /// Writes the selected cells to `path`, which must not exist.
    Result<expression::WrittenMatrix> write(const MatrixQuery& query, const Selection& selection,
                                            const fs::path& path,
                                            const expression::WriteOptions& options,
                                            const expression::Watch& watch,
                                            const ReadAhead& ahead = {});
    /// errors  invalid_input  lists the known ones
    Result<const expression::FormatWriter*> writer(std::string_view format) const;
    std::vector<std::string> formats() const;
    /// By ".name", a file's ending, or that and ".zip"; null when there is none.
    const expression::FormatWriter* writer_of_suffix(std::string_view suffix) const;

private:
    Result<expression::Frame> obs_of(const MatrixQuery& query, const Selection& selection,
                                     const std::vector<SelectionInput>& inputs);
    Result<std::string> condition_of(const MatrixQuery& query);
    Result<void> check_bundles(const MatrixQuery& query, const warehouse::Scope& scope);
    Result<Selection> select_revision(const MatrixQuery& query, const warehouse::Scope& scope);
    Result<std::vector<warehouse::SelectedCells>> no_cells_of(const warehouse::Scope& scope,
                                                              std::string_view matrix);
    Result<std::vector<catalog::Dataset>> datasets_in(const warehouse::Scope& scope);

    catalog::Catalog& catalog_;
    warehouse::Warehouse& warehouse_;
    warehouse::OpenRevision open_;
    std::vector<const expression::FormatWriter*> writers_;
};

}  // namespace stroma::matrix
