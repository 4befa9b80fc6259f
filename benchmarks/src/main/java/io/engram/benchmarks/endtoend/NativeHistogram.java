package io.engram.benchmarks.endtoend;

import io.prometheus.metrics.expositionformats.generated.com_google_protobuf_4_35_0.Metrics.BucketSpan;
import io.prometheus.metrics.expositionformats.generated.com_google_protobuf_4_35_0.Metrics.Histogram;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A Prometheus native histogram of positive values: bucket {@code i} of schema {@code s} holds values up to {@code
 * 2^(i / 2^s)}.
 *
 * @param schema resolution, -4 to 8
 * @param zeros values too small for a bucket
 * @param buckets counts by index
 */
record NativeHistogram(int schema, long zeros, SortedMap<Integer, Long> buckets) {
    private static final int FINEST = 8;

    static final NativeHistogram EMPTY = new NativeHistogram(FINEST, 0, new TreeMap<>());

    static NativeHistogram of(Histogram histogram) {
        SortedMap<Integer, Long> buckets = new TreeMap<>();
        int index = 0;
        int at = 0;
        long count = 0;
        for (BucketSpan span : histogram.getPositiveSpanList()) {
            index += span.getOffset();
            for (int i = 0; i < span.getLength(); i++) {
                count += histogram.getPositiveDelta(at++);
                buckets.put(index++, count);
            }
        }
        return new NativeHistogram(histogram.getSchema(), histogram.getZeroCount(), buckets);
    }

    NativeHistogram plus(NativeHistogram other) {
        return combine(other, 1);
    }

    /** What was counted since {@code earlier}. */
    NativeHistogram minus(NativeHistogram earlier) {
        return combine(earlier, -1);
    }

    private NativeHistogram combine(NativeHistogram other, int sign) {
        int common = Math.min(schema, other.schema);
        SortedMap<Integer, Long> sum = new TreeMap<>(atSchema(common));
        other.atSchema(common).forEach((index, count) -> sum.merge(index, sign * count, Long::sum));
        return new NativeHistogram(common, zeros + sign * other.zeros, sum);
    }

    /** Each step down merges two neighbours. */
    private SortedMap<Integer, Long> atSchema(int lower) {
        SortedMap<Integer, Long> merged = new TreeMap<>();
        int shift = schema - lower;
        buckets.forEach((index, count) -> merged.merge(((index - 1) >> shift) + 1, count, Long::sum));
        return merged;
    }

    long count() {
        return zeros + buckets.values().stream().mapToLong(Long::longValue).sum();
    }

    /** The upper bound of the bucket in which the quantile is, in the histogram's unit; NaN when it is empty. */
    double quantile(double q) {
        long count = count();
        long rank = Math.max(1, (long) Math.ceil(q * count));
        long seen = zeros;
        if (count == 0) {
            return Double.NaN;
        }
        if (seen >= rank) {
            return 0;
        }
        for (Map.Entry<Integer, Long> bucket : buckets.entrySet()) {
            seen += bucket.getValue();
            if (seen >= rank) {
                return Math.pow(2, bucket.getKey() * Math.pow(2, -schema));
            }
        }
        throw new IllegalStateException("counts do not add up: " + this);
    }
}
