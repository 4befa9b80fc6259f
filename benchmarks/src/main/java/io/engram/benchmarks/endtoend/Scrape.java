package io.engram.benchmarks.endtoend;

import io.engram.topology.metrics.MetricNames;
import io.prometheus.metrics.expositionformats.generated.com_google_protobuf_4_35_0.Metrics.Metric;
import io.prometheus.metrics.expositionformats.generated.com_google_protobuf_4_35_0.Metrics.MetricFamily;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Reads single metrics of an instance as protobuf, which has native histograms. */
final class Scrape {
    private final HttpClient http = HttpClient.newHttpClient();
    private final String url;

    /** @param url of the metrics, e.g. {@code http://127.0.0.1:9090/metrics} */
    Scrape(String url) {
        this.url = url;
    }

    /** Observations that are in the index. */
    long indexed() throws IOException, InterruptedException {
        return sum(MetricNames.OBSERVATIONS);
    }

    long rejected() throws IOException, InterruptedException {
        return sum(MetricNames.OBSERVATIONS_REJECTED);
    }

    /** Heap in use, bytes. */
    long heapBytes() throws IOException, InterruptedException {
        double sum = 0;
        for (Metric metric : metrics("jvm_memory_used_bytes")) {
            boolean heap = metric.getLabelList().stream()
                    .anyMatch(label ->
                            label.getName().equals("area") && label.getValue().equals("heap"));
            sum += heap ? metric.getGauge().getValue() : 0;
        }
        return (long) sum;
    }

    /** Memories that retention forgot. */
    long expired() throws IOException, InterruptedException {
        return sum(MetricNames.EXPIRED);
    }

    /**
     * The highest of a gauge's values, whatever their labels.
     *
     * @throws IOException when the instance has no such gauge
     */
    double highest(String gauge) throws IOException, InterruptedException {
        return metrics(gauge).stream()
                .mapToDouble(metric -> metric.getGauge().getValue())
                .filter(value -> !Double.isNaN(value))
                .max()
                .orElse(0);
    }

    /** What the indexes hold of the heap, bytes, as the instance estimates it. */
    long indexBytes() throws IOException, InterruptedException {
        double sum = 0;
        for (Metric metric : metrics(MetricNames.INDEX_MEMORY)) {
            sum += metric.getGauge().getValue();
        }
        return (long) sum;
    }

    private long sum(String counter) throws IOException, InterruptedException {
        double sum = 0;
        for (Metric metric : metrics(counter)) {
            sum += metric.getCounter().getValue();
        }
        return (long) sum;
    }

    /** Seconds from enqueue to insertion, of all spaces. */
    NativeHistogram observationLatency() throws IOException, InterruptedException {
        NativeHistogram all = NativeHistogram.EMPTY;
        for (Metric metric : metrics(MetricNames.OBSERVATION_LATENCY)) {
            all = all.plus(NativeHistogram.of(metric.getHistogram()));
        }
        return all;
    }

    private List<Metric> metrics(String name) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + "?name%5B%5D=" + name))
                .header("Accept", "application/vnd.google.protobuf")
                .timeout(Duration.ofSeconds(30))
                .build();
        HttpResponse<InputStream> response = http.send(request, HttpResponse.BodyHandlers.ofInputStream());
        List<Metric> metrics = new ArrayList<>();
        try (InputStream body = response.body()) {
            if (response.statusCode() != 200) {
                throw new IOException(url + " answered " + response.statusCode());
            }
            for (MetricFamily family = MetricFamily.parseDelimitedFrom(body);
                    family != null;
                    family = MetricFamily.parseDelimitedFrom(body)) {
                metrics.addAll(family.getMetricList());
            }
        }
        if (metrics.isEmpty()) {
            throw new IOException(url + " has no " + name);
        }
        return metrics;
    }
}
