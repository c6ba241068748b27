# Makes statistics.json: what scipy, statsmodels and exact arithmetic say of data written down here.
# Debian 12: apt-get install python3-scipy python3-statsmodels; /usr/bin/python3 tests/golden/statistics.py
import json
from fractions import Fraction
from math import comb
from pathlib import Path

import numpy as np
import scipy
import statsmodels
import statsmodels.api as sm
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint


def t_quantile(p, df):
    """scipy's own t.ppf is off by 1e-8 for some df (its cdf of it is not p), so its cdf is turned round instead."""
    return float(optimize.brentq(lambda t: stats.t.cdf(t, df) - p, 0, 1e3, xtol=1e-14, rtol=1e-14))


def t_interval(values):
    half = t_quantile(0.975, len(values) - 1) * stats.sem(values)
    return [float(values.mean() - half), float(values.mean() + half)]


def words(seed):
    """mulberry32, the generator of experiments/statistics/random.ts, so that both draw the same resamples."""
    state = seed & 0xFFFFFFFF
    while True:
        state = (state + 0x6D2B79F5) & 0xFFFFFFFF
        w = state
        w = ((w ^ (w >> 15)) * (w | 1)) & 0xFFFFFFFF
        w ^= (w + (((w ^ (w >> 7)) * (w | 61)) & 0xFFFFFFFF)) & 0xFFFFFFFF
        yield (w ^ (w >> 14)) & 0xFFFFFFFF


def resamples(count, draws, seed):
    source = words(seed)
    return np.array([[next(source) * count >> 32 for _ in range(count)] for _ in range(draws)])


def bootstrap(values, statistic, method, draws=500, seed=7):
    drawn = resamples(len(values), draws, seed)
    made = stats._resampling.BootstrapResult(None, np.array([statistic(values[row]) for row in drawn]), 0)
    axis_statistic = lambda data, axis: np.apply_along_axis(statistic, axis, data)
    found = stats.bootstrap((values,), axis_statistic, vectorized=True, n_resamples=0, bootstrap_result=made, method=method)
    return [float(found.confidence_interval.low), float(found.confidence_interval.high)]


def cluster_bootstrap(values, clusters, draws=500, seed=7):
    names = list(dict.fromkeys(clusters))
    members = [np.array([i for i, c in enumerate(clusters) if c == name]) for name in names]
    means = [values[np.concatenate([members[unit] for unit in row])].mean() for row in resamples(len(names), draws, seed)]
    return [float(x) for x in np.percentile(means, [2.5, 97.5])]


def order_statistics(values, q):
    """Conover: x_(l), x_(u) with l, u from the quantiles of binomial(n, q), counted from 0 here."""
    values = np.sort(values)
    n = len(values)
    low, high = int(stats.binom.ppf(0.025, n, q)) - 1, int(stats.binom.ppf(0.975, n, q))
    return [None if low < 0 else float(values[low]), None if high >= n else float(values[high])]


def clustered(values, clusters):
    codes = np.unique(clusters, return_inverse=True)[1]
    fit = sm.OLS(values, np.ones(len(values))).fit(cov_type='cluster', cov_kwds={'groups': codes, 'use_correction': True, 'df_correction': True}, use_t=True)
    low, high = fit.conf_int()[0]
    return {'error': float(fit.bse[0]), 'low': float(low), 'high': float(high)}


def newcombe10(a, b, c, d):
    """Newcombe 1998, method 10, from its formula; statsmodels has no interval for paired proportions."""
    n = a + b + c + d
    p1, p2 = (a + b) / n, (a + c) / n
    l1, u1 = proportion_confint(a + b, n, method='wilson')
    l2, u2 = proportion_confint(a + c, n, method='wilson')
    product = (a + b) * (c + d) * (a + c) * (b + d)
    excess = a * d - b * c
    excess = max(excess - n / 2, 0) if excess > 0 else excess
    phi = excess / np.sqrt(product) if product else 0
    low = np.sqrt((p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2)
    high = np.sqrt((u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2)
    return [p1 - p2 - low, p1 - p2 + high]


def mcnemar_exact_fraction(b, c):
    n, k = b + c, min(b, c)
    return float(min(Fraction(1), Fraction(2 * sum(comb(n, i) for i in range(k + 1)), 2**n)))


def sequential(shares, alpha, spent):
    """Two-sided boundaries from the joint normal law of z at the looks: corr(z_i, z_j) = sqrt(t_i / t_j)."""
    found = []
    for k, share in enumerate(shares):
        t = np.array(shares[: k + 1])
        cov = np.sqrt(np.minimum.outer(t, t) / np.maximum.outer(t, t))

        def inside(b):
            limits = np.array([*found, b])
            if k == 0:
                return 1 - 2 * stats.norm.sf(b) - (1 - spent(share, alpha))
            inside_all, _ = stats._mvn.mvnun(-limits, limits, np.zeros(k + 1), cov, 1_000_000, 1e-9, 1e-9)
            return float(inside_all) - (1 - spent(share, alpha))

        found.append(float(optimize.brentq(inside, 0.5, 8, xtol=1e-7)))
    return found


rng = np.random.default_rng(20260101)
skewed = rng.lognormal(5, 0.9, 40).round(3)
clusters = [f'c{i}' for i in rng.integers(0, 12, 40)]
scores_a = rng.beta(4, 2, 60).round(4)
scores_b = np.clip(scores_a + rng.normal(0.03, 0.12, 60), 0, 1).round(4)
tied_a = rng.integers(1, 6, 80).astype(float)
tied_b = np.clip(tied_a + rng.integers(-2, 3, 80), 1, 5).astype(float)
few = np.array([0.3, -0.1, 0.2, 0.5, 0.4, -0.05, 0.15, 0.22, -0.31, 0.07])
latencies = rng.lognormal(6, 0.5, 400).round(2)
p_values = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216, 0.222, 0.251, 0.269, 0.275, 0.34]


def permutation(differences):
    found = stats.permutation_test((differences, np.zeros(len(differences))), lambda x, y, axis: np.sum(x - y, axis=axis), permutation_type='samples', n_resamples=np.inf, vectorized=True)
    return float(found.pvalue)


def rank_permutation(differences):
    """Wilcoxon's exact test given the ties: the permutation distribution of the signed sum of mean ranks."""
    kept = differences[differences != 0]
    return permutation(np.sign(kept) * stats.rankdata(np.abs(kept)))


difference = scores_a - scores_b
golden = {
    'versions': {'numpy': np.__version__, 'scipy': scipy.__version__, 'statsmodels': statsmodels.__version__},
    'data': {'skewed': skewed.tolist(), 'clusters': clusters, 'scoresA': scores_a.tolist(), 'scoresB': scores_b.tolist(), 'tiedA': tied_a.tolist(), 'tiedB': tied_b.tolist(), 'few': few.tolist(), 'latencies': latencies.tolist()},
    'distributions': {
        'studentQuantile975': {str(df): t_quantile(0.975, df) for df in [1, 2, 5, 11, 39, 250]},
        'studentCdf': [[x, df, float(stats.t.cdf(x, df))] for x, df in [(-3.2, 4), (-0.7, 17), (2.1, 60)]],
        'normalCdf': [[x, float(stats.norm.cdf(x))] for x in [-8, -3.1, -0.4, 1.7]],
        'binomialCdf': [[k, n, p, float(stats.binom.cdf(k, n, p))] for k, n, p in [(3, 20, 0.25), (180, 400, 0.5), (1, 300, 0.01)]],
    },
    'wilson': [[k, n, *map(float, proportion_confint(k, n, method='wilson'))] for k, n in [(45, 50), (50, 50), (0, 30), (7, 13), (1, 3), (612, 1000)]],
    'studentT': t_interval(skewed),
    'clustered': clustered(skewed, clusters),
    'bootstrap': {
        'meanPercentile': bootstrap(skewed, np.mean, 'percentile'),
        'meanBca': bootstrap(skewed, np.mean, 'BCa'),
        'variationBca': bootstrap(skewed, lambda x: x.std() / x.mean(), 'BCa'),
        'clusteredMeanPercentile': cluster_bootstrap(skewed, clusters),
    },
    'quantiles': {str(q): {'value': float(np.quantile(latencies, q)), 'interval': order_statistics(latencies, q)} for q in [0.5, 0.95, 0.99]},
    'mcnemar': [{'wins': b, 'losses': c, 'exact': float(mcnemar([[0, b], [c, 0]], exact=True).pvalue), 'fraction': mcnemar_exact_fraction(b, c), 'midP': min(1.0, float(2 * stats.binom.cdf(min(b, c), b + c, 0.5) - stats.binom.pmf(min(b, c), b + c, 0.5)))} for b, c in [(10, 25), (3, 9), (0, 6), (5, 5), (400, 500)]],
    'newcombe': [{'table': [a, b, c, d], 'interval': newcombe10(a, b, c, d)} for a, b, c, d in [(60, 25, 10, 5), (36, 12, 2, 0), (30, 0, 0, 20), (700, 90, 60, 150)]],
    'pairedT': {'p': float(stats.ttest_rel(scores_a, scores_b).pvalue), 'interval': t_interval(difference)},
    'clusteredDifference': clustered(difference[:40], clusters),
    'correlation': float(stats.pearsonr(scores_a, scores_b)[0]),
    'wilcoxon': {
        'exact': float(stats.wilcoxon(scores_a[:30], scores_b[:30], mode='exact').pvalue),
        'tiesExact': rank_permutation((tied_a - tied_b)[:16]),
        'approximate': float(stats.wilcoxon(tied_a, tied_b, mode='approx', correction=False).pvalue),
    },
    'signFlip': {'few': permutation(few), 'sixteen': permutation(difference[:16])},
    'multiplicity': {'p': p_values, 'holm': multipletests(p_values, method='holm')[1].tolist(), 'benjaminiHochberg': multipletests(p_values, method='fdr_bh')[1].tolist()},
    'sequential': {
        'shares': [0.1, 0.3, 0.6, 1.0],
        'power2': sequential([0.1, 0.3, 0.6, 1.0], 0.05, lambda t, a: a * t**2),
        'pocock': sequential([0.1, 0.3, 0.6, 1.0], 0.05, lambda t, a: a * np.log(1 + (np.e - 1) * t)),
        'obrienFleming': sequential([0.1, 0.3, 0.6, 1.0], 0.05, lambda t, a: 4 - 4 * stats.norm.cdf(stats.norm.ppf(1 - a / 4) / np.sqrt(t))),
    },
    'unpairedDetectable': [[n, float((stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * np.sqrt(2 * 0.25 / n))] for n in [50, 100, 164, 500, 1000]],
}
lines = ',\n'.join(f'  {json.dumps(key)}: {json.dumps(value)}' for key, value in golden.items())
Path(__file__).with_suffix('.json').write_text('{\n' + lines + '\n}\n')
