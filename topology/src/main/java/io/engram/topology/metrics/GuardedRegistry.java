package io.engram.topology.metrics;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.model.registry.Collector;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A registry whose scrape leaves out a collector that fails, logs it once, and counts it: one of them must not take all
 * other metrics with it. Thread-safe.
 */
public final class GuardedRegistry extends PrometheusRegistry {
    private static final Logger LOG = LoggerFactory.getLogger(GuardedRegistry.class);

    private final Set<Object> failed = ConcurrentHashMap.newKeySet();
    private final Counter failures;

    /** Makes an empty registry, except for the counter of failures. */
    public GuardedRegistry() {
        failures = Counter.builder()
                .name(MetricNames.SCRAPE_FAILURES)
                .help("Metrics that a scrape left out because they could not be read.")
                .build();
        super.register(failures);
    }

    @Override
    public void register(Collector collector) {
        super.register(new GuardedCollector(this, collector));
    }

    @Override
    public void register(MultiCollector collector) {
        super.register(new GuardedMultiCollector(this, collector));
    }

    @Override
    public void unregister(Collector collector) {
        super.unregister(new GuardedCollector(this, collector));
        failed.remove(collector);
    }

    @Override
    public void unregister(MultiCollector collector) {
        super.unregister(new GuardedMultiCollector(this, collector));
        failed.remove(collector);
    }

    /** What the collector gives; {@code instead} when it fails. */
    <T> T collect(Object collector, Supplier<T> collecting, T instead) {
        try {
            return collecting.get();
        } catch (RuntimeException e) {
            failures.inc();
            if (failed.add(collector)) {
                LOG.error("A metric cannot be read, and is left out of /metrics while that is so: {}", collector, e);
            }
            return instead;
        }
    }
}
