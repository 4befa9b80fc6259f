package io.engram.benchmarks.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusProtobufWriter;
import io.prometheus.metrics.expositionformats.generated.com_google_protobuf_4_35_0.Metrics.MetricFamily;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class NativeHistogramTest {
    private static final double BUCKET =
            Math.pow(2, 1 / 8.0) - 1; // relative width at schema 3, the coarsest that these values lead to

    private final Histogram histogram =
            Histogram.builder().name("latency_seconds").build();

    @Test
    void shouldFindQuantilesWithinABucket() throws IOException {
        IntStream.rangeClosed(1, 1_000).forEach(ms -> histogram.observe(ms / 1_000.0));

        NativeHistogram read = read();

        assertThat(read.count()).isEqualTo(1_000);
        assertThat(read.quantile(0.5)).isCloseTo(0.5, within(0.5 * BUCKET));
        assertThat(read.quantile(0.99)).isCloseTo(0.99, within(0.99 * BUCKET));
        assertThat(read.quantile(0)).isCloseTo(0.001, within(0.001 * BUCKET));
    }

    @Test
    void shouldCountOnlyWhatCameSinceAlthoughTheResolutionFell() throws IOException {
        IntStream.range(0, 100).forEach(i -> histogram.observe(0.001));
        NativeHistogram before = read();
        // More buckets than it keeps at the first resolution.
        IntStream.range(0, 400).forEach(i -> histogram.observe(0.01 * Math.pow(1.07, i)));

        NativeHistogram since = read().minus(before);

        assertThat(since.schema()).isLessThan(before.schema());
        assertThat(since.count()).isEqualTo(400);
        assertThat(since.quantile(0.0001)).isGreaterThan(0.009);
    }

    @Test
    void shouldAddUp() throws IOException {
        histogram.observe(0.003);
        NativeHistogram one = read();

        assertThat(one.plus(one).count()).isEqualTo(2);
        assertThat(one.plus(NativeHistogram.EMPTY)).isEqualTo(one);
        assertThat(one.minus(one).quantile(0.5)).isNaN();
    }

    private NativeHistogram read() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        new PrometheusProtobufWriter().write(bytes, new MetricSnapshots(histogram.collect()));
        MetricFamily family = MetricFamily.parseDelimitedFrom(new ByteArrayInputStream(bytes.toByteArray()));
        return NativeHistogram.of(family.getMetric(0).getHistogram());
    }
}
