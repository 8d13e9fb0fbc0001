"""Comparisons of cells against scipy: constant genes, ties, NaN, zeros, many cells.

STROMA_COMPARE_CELLS names the program compare_cells; by default any build's is taken.
"""
import csv
import io
import os
import pathlib
import subprocess

import numpy as np
import pytest
from scipy import sparse, stats

pytestmark = pytest.mark.filterwarnings("ignore:Precision loss occurred")  # scipy's own

ROOT = pathlib.Path(__file__).resolve().parents[2]
COUNTS, NORMALISED, SCALED = 0, 2, 3


@pytest.fixture(scope="session")
def program():
    named = os.environ.get("STROMA_COMPARE_CELLS")
    found = [named] if named else sorted(ROOT.glob("build/*/test/tools/compare_cells"))
    if not found:
        pytest.exit("build the target compare_cells first, or set STROMA_COMPARE_CELLS", 2)
    return str(found[0])


class Refusal(Exception):
    """What the program said instead of an answer: "code: message"."""


@pytest.fixture
def tool(program, tmp_path):
    """tool(x, unit, command…): the lines it prints; arrays among the words become files."""
    def run(x, unit, *words, **environment):
        x = sparse.csr_matrix(x)
        x.sort_indices()
        head = np.array([*x.shape, x.nnz, int(x.dtype == np.float64), unit], "<u8")
        path = tmp_path / "matrix"
        path.write_bytes(head.tobytes() + x.indptr.astype("<u8").tobytes() +
                         x.indices.astype("<u4").tobytes() + x.data.tobytes())
        arguments = []
        for number, word in enumerate(words):
            if isinstance(word, np.ndarray):
                file = tmp_path / f"word{number}"
                kind = "<i4" if word.dtype.kind == "i" and (word < 0).any() else "<u4"
                file.write_bytes(word.astype(kind).tobytes())
                word = file
            arguments.append(str(word))
        done = subprocess.run([program, str(path), *arguments], capture_output=True, text=True,
                              env={**os.environ, **environment}, check=False)
        if done.returncode == 1:
            raise Refusal(done.stderr)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()
    return run


@pytest.fixture
def table(tool):
    """The same as columns by name; the warnings are under "#"."""
    def run(*arguments, **environment):
        lines = tool(*arguments, **environment)
        rows = list(csv.DictReader(io.StringIO(
            "\n".join(line for line in lines if not line.startswith("#")))))
        out = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
        out["#"] = " ".join(line for line in lines if line.startswith("#"))
        return out
    return run


def counts(cells=700, genes=60, seed=1):
    """Counts with every kind of gene that makes trouble in front."""
    random = np.random.default_rng(seed)
    x = random.poisson(random.lognormal(-1, 1.5, genes), (cells, genes)).astype(np.float32)
    x[: cells // 4, 5:15] += random.poisson(2, (cells // 4, 10))
    x[:, 0] = 0                                  # nowhere
    x[:, 1] = 3                                  # the same everywhere
    x[:, 2] = np.arange(cells) < cells // 4      # one value in A, another in B
    x[:, 3] = 0
    x[1, 3] = 1                                  # one cell
    x[:, 4] = random.integers(0, 2, cells)       # ties
    x[:, -1] = 5                                 # so that no cell is empty
    return x


def log_cp10k(x):
    return np.log1p(x.astype(float) * 1e4 / x.astype(float).sum(axis=1, keepdims=True))


def sets_of(cells):
    return np.arange(cells // 4), np.arange(cells // 4, cells)


def close(found, expected, tolerance=1e-9):
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=1e-300)


def check_welch(found, values, a, b, exact_constants=True):
    # A gene's values side by side: numpy adds those in pairs, others one after another.
    of_a, of_b = (np.ascontiguousarray(values[cells].T) for cells in (a, b))
    with np.errstate(all="ignore"):
        result = stats.ttest_ind(of_a, of_b, axis=1, equal_var=False, nan_policy="omit")
        t, p = (np.ma.filled(np.ma.asarray(one, float), np.nan) for one in result)
    means = np.nanmean(of_a, axis=1), np.nanmean(of_b, axis=1)
    constant = (np.ptp(values[a], axis=0) < 1e-12) & (np.ptp(values[b], axis=0) < 1e-12)
    free = ~constant
    close(found["mean_a"], means[0], 1e-12)
    close(found["mean_b"], means[1], 1e-12)
    close(found["t"][free], t[free])
    close(found["p"][free], p[free])
    if exact_constants:  # scipy's own t is rounding there
        differ = np.abs(means[0] - means[1]) > 1e-12
        assert np.isnan(found["t"][constant & ~differ]).all()
        assert np.isnan(found["p"][constant & ~differ]).all()
        assert np.isinf(found["t"][constant & differ]).all()
        assert (found["p"][constant & differ] == 0).all()
    assert free.sum() > 10


def check_adjusted(found):
    tested = ~np.isnan(found["p"])
    p = found["p"][tested]
    order = np.argsort(p)
    expected = np.empty(len(p))
    stepped = p[order] * len(p) / np.arange(1, len(p) + 1)
    expected[order] = np.minimum.accumulate(stepped[::-1])[::-1].clip(max=1)
    close(found["p_benjamini_hochberg"][tested], expected, 1e-12)
    close(found["p_bonferroni"][tested], np.minimum(1, p * len(p)), 1e-12)


@pytest.mark.parametrize("rest", [True, False])
@pytest.mark.parametrize("scale", ["as_stored", "log_cp10k", "log1p"])
def test_welch_t_is_scipys(table, scale, rest):
    x = counts()
    a, b = sets_of(len(x))
    values = {"as_stored": x.astype(float), "log1p": np.log1p(x.astype(float)),
              "log_cp10k": log_cp10k(x)}[scale]
    found = table(x, COUNTS, "welch_t", scale, a, "rest" if rest else b)
    check_welch(found, values, a, b)
    check_adjusted(found)
    close(found["fraction_a"], (x[a] > 0).mean(axis=0), 1e-12)
    close(found["fraction_b"], (x[b] > 0).mean(axis=0), 1e-12)
    assert ("whole numbers" in found["#"]) == (scale == "as_stored")
    if scale != "as_stored":
        means = np.expm1(found["mean_a"]), np.expm1(found["mean_b"])
        close(found["log2_fold_change"], np.log2((means[0] + 1e-9) / (means[1] + 1e-9)), 1e-9)


def test_the_larger_set_is_read_by_way_of_the_whole(table):
    x = counts()
    a, b = sets_of(len(x))
    found = table(x, COUNTS, "welch_t", "log_cp10k", b, a)
    check_welch(found, log_cp10k(x), b, a)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_stored_logarithms_and_scaled_values_are_scipys(table, kind):
    x = counts()
    a, b = sets_of(len(x))
    logarithms = log_cp10k(x).astype(kind)
    found = table(logarithms, NORMALISED, "welch_t", "as_stored", a, "rest")
    check_welch(found, logarithms.astype(float), a, b)
    assert "ln(1 + x)" in found["#"]
    deviation = logarithms.std(axis=0)
    scaled = ((logarithms - logarithms.mean(axis=0)) / np.where(deviation > 1e-4, deviation, 1))
    scaled = scaled.astype(kind)
    scaled[:, 0] = 0
    found = table(scaled, SCALED, "welch_t", "as_stored", a, b)
    check_welch(found, scaled.astype(float), a, b, exact_constants=False)
    assert "negative values" in found["#"]
    assert np.isnan(found["log2_fold_change"]).any()


def test_wide_values_keep_their_small_variances(table):
    random = np.random.default_rng(4)
    x = random.lognormal(0, 1, (300, 12))
    x[:, 0] *= 1e5  # as TPM are: the fixed point's last place is 2^-62 of the largest value
    x[:, 1] = 1 + 1e-1 * x[:, 1]
    a, b = sets_of(300)
    check_welch(table(x, 4, "welch_t", "as_stored", a, b), x, a, b)


def scipy_ranks(values, a, b, continuity):
    u, p = [], []
    for gene in values.T:
        of_a, of_b = gene[a], gene[b]
        of_a, of_b = of_a[~np.isnan(of_a)], of_b[~np.isnan(of_b)]
        result = stats.mannwhitneyu(of_a, of_b, method="asymptotic", use_continuity=continuity)
        u.append(result.statistic / (len(of_a) * len(of_b)))
        p.append(result.pvalue)
    return np.array(u), np.array(p)


@pytest.mark.parametrize("test", ["rank_sum", "rank_sum_plain"])
@pytest.mark.parametrize("scale", ["as_stored", "log_cp10k", "log1p"])
def test_the_rank_sum_is_scipys(table, scale, test):
    x = counts()
    a, b = sets_of(len(x))
    some = b[::3]
    # Shares rank as their logarithms do, and tie exactly where they are equal.
    values = x.astype(float)
    if scale == "log_cp10k":
        values = values / values.sum(axis=1, keepdims=True)
    for other, word in ((b, "rest"), (some, some)):
        found = table(x, COUNTS, test, scale, a, word)
        u, p = scipy_ranks(values, a, other, test == "rank_sum")
        together = np.concatenate([values[a], values[other]])
        free = np.ptp(together, axis=0) > 0
        close(found["auc"], u, 1e-12)
        close(found["p"][free], p[free])
        assert np.isnan(found["p"][~free]).all()
        assert (np.sign(found["z"][free]) * np.sign(u[free] - 0.5) >= 0).all()


def test_ranks_of_negative_values_and_zeros_are_scipys(table):
    random = np.random.default_rng(3)
    x = np.round(random.normal(0, 2, (500, 20)), 1)
    x[random.random(x.shape) < 0.5] = 0
    a, b = sets_of(500)
    found = table(x, SCALED, "rank_sum", "as_stored", a, b)
    u, p = scipy_ranks(x, a, b, True)
    close(found["auc"], u, 1e-12)
    close(found["p"], p)


def test_what_is_not_finite_is_left_out(table):
    random = np.random.default_rng(5)
    x = random.lognormal(0, 1, (400, 20))
    x[random.random(x.shape) < 0.05] = np.nan
    a, b = sets_of(400)
    found = table(x, SCALED, "welch_t", "as_stored", a, "rest")
    check_welch(found, x, a, b)
    close(found["n_a"], (~np.isnan(x[a])).sum(axis=0))
    ranks = table(x, SCALED, "rank_sum", "as_stored", a, "rest")
    u, p = scipy_ranks(x, a, b, True)
    close(ranks["auc"], u, 1e-12)
    close(ranks["p"], p)


def test_many_cells(table):
    random = np.random.default_rng(6)
    x = random.poisson(0.4, (200_000, 12)).astype(np.float32)
    x[:, -1] = 20
    x[:5000, 0] += random.poisson(0.5, 5000)
    a, b = np.arange(5000), np.arange(5000, 200_000)
    check_welch(table(x, COUNTS, "welch_t", "log_cp10k", a, "rest"), log_cp10k(x), a, b)
    found = table(x, COUNTS, "rank_sum", "as_stored", a, "rest")
    u, p = scipy_ranks(x.astype(float), a, b, True)
    close(found["auc"], u, 1e-12)
    close(found["p"][:-1], p[:-1])


@pytest.mark.parametrize("test", ["welch_t", "rank_sum"])
def test_the_answer_is_the_same_on_any_number_of_threads(tool, test):
    x = counts(3000, 40)
    a, b = sets_of(len(x))
    one = tool(x, COUNTS, test, "log_cp10k", a, "rest", STROMA_THREADS="1")
    assert one == tool(x, COUNTS, test, "log_cp10k", a, b, STROMA_THREADS="5")


@pytest.mark.parametrize("a, b, words", [
    (np.array([1]), "rest", "set A has 1 cell"),
    (np.arange(699), "rest", "set B has 1 cell"),
    (np.array([1, 2, 3]), np.array([3, 4, 5]), "cell 3 is in both sets"),
    (np.array([1, 1, 2]), "rest", "cell 1 is twice"),
    (np.array([1, 2, 700]), "rest", "there is no cell 700"),
])
def test_sets_that_cannot_be_compared_are_refused(tool, a, b, words):
    with pytest.raises(Refusal, match="invalid_input.*" + words):
        tool(counts(), COUNTS, "welch_t", "as_stored", a, b)


def test_negative_values_are_not_normalised_as_counts(tool):
    with pytest.raises(Refusal, match="holds negative values"):
        tool(-counts(), SCALED, "welch_t", "log_cp10k", np.arange(9), "rest")


def cellxgene(x, a, b, logarithms, count, cutoff=0.01):
    """What reference pages say of the peer: both variances over the smaller n."""
    x = np.log1p(x.astype(float)) if logarithms else x.astype(float)
    smaller = min(len(a), len(b))
    means = x[a].mean(axis=0), x[b].mean(axis=0)
    va, vb = x[a].var(axis=0, ddof=1) / smaller, x[b].var(axis=0, ddof=1) / smaller
    with np.errstate(all="ignore"):
        degrees = (va + vb) ** 2 / (va ** 2 / (len(a) - 1) + vb ** 2 / (len(b) - 1))
        t = (means[0] - means[1]) / np.sqrt(va + vb)
    degrees[np.isnan(degrees)], t[np.isnan(t)] = 1, 0
    p = 2 * stats.t.sf(np.abs(t), degrees)
    fold = means[0] - means[1]
    genes = np.arange(x.shape[1])
    if (np.abs(fold) > cutoff).sum() > 2 * count:
        genes = genes[np.abs(fold) > cutoff]
    genes = genes[np.argsort(-t[genes], kind="stable")]
    row = lambda gene: (gene, fold[gene], p[gene], min(1, p[gene] * x.shape[1]))
    return [row(g) for g in genes[:count]], [row(g) for g in genes[::-1][:count]]


@pytest.mark.parametrize("kind", ["normal", "count"])
def test_the_compatible_mode_is_cellxgenes(tool, kind):
    x = counts(genes=200)
    a, b = sets_of(len(x))
    lines = [line.split(",") for line in tool(x, COUNTS, "cellxgene", 15, kind, a, b)]
    for side, expected in zip(("positive", "negative"), cellxgene(x, a, b, kind == "count", 15)):
        found = [list(map(float, line[1:])) for line in lines if line[0] == side]
        assert [row[0] for row in found] == [row[0] for row in expected]
        close(np.array(found), np.array(expected, float), 1e-9)


def test_a_small_panel_tells_no_gene_twice(tool):
    x = counts(genes=20)
    a, b = sets_of(len(x))
    lines = [line.split(",") for line in tool(x, COUNTS, "cellxgene", 50, "automatic", a, b)]
    genes = [line[1] for line in lines]
    assert len(genes) == len(set(genes)) > 10
    assert all((float(line[2]) > 0) == (line[0] == "positive") for line in lines)


@pytest.mark.parametrize("paired", [True, False])
def test_donors_are_compared_as_scipy_compares_them(table, paired):
    x = counts(800)
    a, b = sets_of(len(x))
    donors = np.arange(len(x)) % 5 if paired else np.where(
        np.arange(len(x)) < 200, np.arange(len(x)) % 4, 4 + np.arange(len(x)) % 5)
    donors[7] = -1
    found = table(x, COUNTS, "donors", "any", 3, 10, donors, a, b)
    profiles = []
    for cells in (a, b):
        sums = [x[cells[donors[cells] == d]].sum(axis=0, dtype=float)
                for d in np.unique(donors[cells]) if d >= 0]
        profiles.append(np.log2(1 + 1e6 * np.array(sums) / np.sum(sums, axis=1, keepdims=True)))
    with np.errstate(all="ignore"):
        t, p = (stats.ttest_rel(*profiles) if paired else
                stats.ttest_ind(*profiles, equal_var=False))
    free = (np.ptp(profiles[0], axis=0) > 0) & (np.ptp(profiles[1], axis=0) > 0)
    close(found["t"][free], t[free])
    close(found["p"][free], p[free])
    assert "1 cells have no donor" in found["#"]


def test_too_few_donors_are_refused_with_the_reason(tool):
    x = counts(800)
    a, b = sets_of(len(x))
    donors = np.where(np.arange(800) < 795, np.arange(800) % 2, 2)
    donors[0] = -1
    with pytest.raises(Refusal, match="2 donors in set A and 2 in set B .* at least 3"):
        tool(x, COUNTS, "donors", "paired", 3, 10, donors, a, b)
    with pytest.raises(Refusal, match="donors have cells in both sets"):
        tool(x, COUNTS, "donors", "unpaired", 2, 10, donors, a, b)
