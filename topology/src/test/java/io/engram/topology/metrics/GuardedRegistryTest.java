package io.engram.topology.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.util.List;
import org.junit.jupiter.api.Test;

class GuardedRegistryTest {
    private final GuardedRegistry registry = new GuardedRegistry();

    private List<String> names() {
        return registry.scrape().stream()
                .map(family -> family.getMetadata().getPrometheusName())
                .toList();
    }

    private double failures() {
        return registry.scrape("engram_scrape_failures"::equals).stream()
                .flatMap(family -> family.getDataPoints().stream())
                .mapToDouble(point -> ((CounterSnapshot.CounterDataPointSnapshot) point).getValue())
                .sum();
    }

    @Test
    void shouldScrapeTheOthersWhenOneCollectorFails() {
        Counter.builder().name("good").register(registry);
        GaugeWithCallback.builder()
                .name("twice")
                .labelNames("space")
                .callback(out -> {
                    out.call(1, "same");
                    out.call(2, "same"); // two samples of one series are refused when they are put together
                })
                .register(registry);
        registry.register((MultiCollector) () -> {
            throw new IllegalStateException("broken");
        });

        assertThat(names()).contains("good").doesNotContain("twice");
        assertThat(failures()).isEqualTo(2);
        assertThat(names()).contains("good");
        assertThat(failures()).isGreaterThan(2);
    }

    @Test
    void shouldForgetWhatIsUnregistered() {
        Counter counter = Counter.builder().name("good").register(registry);
        MultiCollector multi = () -> new MetricSnapshots();
        registry.register(multi);

        registry.unregister(counter);
        registry.unregister(multi);
        registry.register(multi);

        assertThat(names()).doesNotContain("good");
        Counter.builder().name("good").register(registry);
        assertThat(names()).contains("good");
    }
}
