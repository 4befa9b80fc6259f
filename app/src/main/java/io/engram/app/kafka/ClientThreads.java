package io.engram.app.kafka;

import io.engram.topology.supervision.Supervisor;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;

/** The threads of Kafka's clients, which die with an error and say nothing: a producer then takes records for ever. */
public final class ClientThreads {
    private static final String CLIENT_ID = "client-id";

    private ClientThreads() {}

    /** Watches the thread that sends what a producer was given. */
    public static Optional<Supervisor.Supervised> watch(Supervisor supervisor, Producer<?, ?> producer) {
        return watch(supervisor, "kafka-producer-network-thread | ", producer.metrics());
    }

    /** Watches the thread of an admin client. */
    public static Optional<Supervisor.Supervised> watch(Supervisor supervisor, Admin admin) {
        return watch(supervisor, "kafka-admin-client-thread | ", admin.metrics());
    }

    private static Optional<Supervisor.Supervised> watch(
            Supervisor supervisor, String prefix, Map<MetricName, ? extends Metric> metrics) {
        return metrics.keySet().stream()
                .map(name -> Optional.ofNullable(name.tags().get(CLIENT_ID)))
                .flatMap(Optional::stream)
                .findFirst()
                .flatMap(id -> supervisor.watch(prefix + id));
    }
}
