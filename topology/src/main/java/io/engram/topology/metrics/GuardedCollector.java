package io.engram.topology.metrics;

import io.prometheus.metrics.model.registry.Collector;
import io.prometheus.metrics.model.registry.PrometheusScrapeRequest;
import io.prometheus.metrics.model.snapshots.MetricFamilyDescriptor;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import java.util.function.Predicate;

/** A collector of a {@link GuardedRegistry}; equal to another of the same collector. */
record GuardedCollector(GuardedRegistry registry, Collector delegate) implements Collector {
    @Override
    public MetricSnapshot collect() {
        return registry.collect(delegate, delegate::collect, null);
    }

    @Override
    public MetricSnapshot collect(PrometheusScrapeRequest request) {
        return registry.collect(delegate, () -> delegate.collect(request), null);
    }

    @Override
    public MetricSnapshot collect(Predicate<String> names) {
        return registry.collect(delegate, () -> delegate.collect(names), null);
    }

    @Override
    public MetricSnapshot collect(Predicate<String> names, PrometheusScrapeRequest request) {
        return registry.collect(delegate, () -> delegate.collect(names, request), null);
    }

    @Override
    public MetricFamilyDescriptor getMetricFamilyDescriptor() {
        return delegate.getMetricFamilyDescriptor();
    }

    @Override
    @SuppressWarnings("deprecation") // asked of collectors that describe themselves in the older way
    public String getPrometheusName() {
        return delegate.getPrometheusName();
    }
}
