package io.engram.topology.metrics;

import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.registry.PrometheusScrapeRequest;
import io.prometheus.metrics.model.snapshots.MetricFamilyDescriptor;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.util.List;
import java.util.function.Predicate;

/** A collector of a {@link GuardedRegistry}; equal to another of the same collector. */
record GuardedMultiCollector(GuardedRegistry registry, MultiCollector delegate) implements MultiCollector {
    @Override
    public MetricSnapshots collect() {
        return registry.collect(delegate, delegate::collect, new MetricSnapshots());
    }

    @Override
    public MetricSnapshots collect(PrometheusScrapeRequest request) {
        return registry.collect(delegate, () -> delegate.collect(request), new MetricSnapshots());
    }

    @Override
    public MetricSnapshots collect(Predicate<String> names) {
        return registry.collect(delegate, () -> delegate.collect(names), new MetricSnapshots());
    }

    @Override
    public MetricSnapshots collect(Predicate<String> names, PrometheusScrapeRequest request) {
        return registry.collect(delegate, () -> delegate.collect(names, request), new MetricSnapshots());
    }

    @Override
    public List<MetricFamilyDescriptor> getMetricFamilyDescriptors() {
        return delegate.getMetricFamilyDescriptors();
    }

    @Override
    @SuppressWarnings("deprecation") // asked of collectors that describe themselves in the older way
    public List<String> getPrometheusNames() {
        return delegate.getPrometheusNames();
    }
}
