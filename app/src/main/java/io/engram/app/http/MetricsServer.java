package io.engram.app.http;

import io.engram.app.config.ConfigKeys;
import io.engram.app.config.EngramConfig;
import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.core.instrument.binder.jvm.ClassLoaderMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.kafka.KafkaStreamsMetrics;
import io.micrometer.core.instrument.binder.logging.LogbackMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.streams.KafkaStreams;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@code GET /metrics}: the catalogue, the JVM and Kafka Streams, in the Prometheus text format. */
public final class MetricsServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(MetricsServer.class);
    private static final String TEXT = "text/plain; version=0.0.4; charset=utf-8";
    private static final String OPEN_METRICS = "application/openmetrics-text";

    private final PrometheusMeterRegistry registry;
    private final List<AutoCloseable> binders = new ArrayList<>();
    private final HardenedServer server;

    /** Starts to serve the registry, with the binders' meters added to it. */
    public MetricsServer(EngramConfig config, PrometheusRegistry prometheus, KafkaStreams streams) {
        registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT, prometheus, Clock.SYSTEM);
        for (MeterBinder binder : List.of(
                new JvmMemoryMetrics(),
                new JvmGcMetrics(),
                new JvmThreadMetrics(),
                new ClassLoaderMetrics(),
                new ProcessorMetrics(),
                new UptimeMetrics(),
                new LogbackMetrics(),
                new KafkaStreamsMetrics(streams))) {
            binder.bindTo(registry);
            if (binder instanceof AutoCloseable closeable) {
                binders.add(closeable);
            }
        }
        server = new HardenedServer(
                ConfigKeys.METRICS_PORT,
                config.httpHost(),
                config.metricsPort(),
                8,
                1 << 10,
                routes -> routes.get("/metrics", context -> {
                    String accepted = context.header("Accept");
                    boolean open = accepted != null && accepted.contains(OPEN_METRICS);
                    String type = open ? OPEN_METRICS + "; version=1.0.0; charset=utf-8" : TEXT;
                    context.contentType(type).result(registry.scrape(type));
                }));
    }

    public String url() {
        return server.url() + "/metrics";
    }

    @Override
    public void close() {
        server.close();
        for (AutoCloseable binder : binders) {
            try {
                binder.close();
            } catch (Exception e) {
                LOG.debug("Could not close {}", binder, e);
            }
        }
        registry.close();
    }
}
