package io.engram.app.state;

import java.util.List;
import java.util.Map;
import org.apache.kafka.common.ClusterResource;
import org.apache.kafka.common.ClusterResourceListener;
import org.apache.kafka.common.metrics.KafkaMetric;
import org.apache.kafka.common.metrics.MetricsReporter;

/**
 * Tells the {@link StateGuard} of every cluster that a Kafka client meets, with its first metadata and so before it does
 * anything there. It reports no metrics: that is merely how every client takes a listener.
 */
public final class ClusterReporter implements MetricsReporter, ClusterResourceListener {
    /** The configuration key under which the {@link StateGuard} is handed over. */
    public static final String GUARD_CONFIG = "engram.state.guard";

    private StateGuard guard;

    @Override
    public void configure(Map<String, ?> configs) {
        guard = (StateGuard) configs.get(GUARD_CONFIG);
    }

    @Override
    public void onUpdate(ClusterResource cluster) {
        if (cluster.clusterId() != null) {
            guard.met(cluster.clusterId());
        }
    }

    @Override
    public void init(List<KafkaMetric> metrics) {
        // not for metrics
    }

    @Override
    public void metricChange(KafkaMetric metric) {
        // not for metrics
    }

    @Override
    public void metricRemoval(KafkaMetric metric) {
        // not for metrics
    }

    @Override
    public void close() {
        // nothing is held
    }
}
