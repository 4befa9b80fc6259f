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
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.apache.kafka.streams.KafkaStreams;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code GET /metrics}: the catalogue, the JVM and Kafka Streams, in the Prometheus text format, or as protobuf with native
 * histograms for a scraper that asks for it first. {@code ?name[]=…} picks metrics.
 */
public final class MetricsServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(MetricsServer.class);
    private static final String TEXT = "text/plain; version=0.0.4; charset=utf-8";
    private static final String OPEN_METRICS = "application/openmetrics-text";
    private static final String PROTOBUF = "application/vnd.google.protobuf";

    /** Of a scrape that takes no thread while the scraper does not read it. */
    private static final int SCRAPE_BYTES = 1 << 20;

    /** Scrapers, and whoever looks. */
    private static final int MAX_CONNECTIONS = 64;

    private static final Pattern SUFFIX = Pattern.compile("_(total|bucket|count|sum)$");

    private final PrometheusMeterRegistry registry;
    private final List<AutoCloseable> binders = new ArrayList<>();
    private final HardenedServer server;

    /**
     * Starts to serve the registry, with the binders' meters added to it.
     *
     * @param fatal is told of an error after which this process should not go on
     */
    public MetricsServer(
            EngramConfig config, PrometheusRegistry prometheus, KafkaStreams streams, Consumer<Error> fatal) {
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
                new HardenedServer.Limits(
                        8,
                        1 << 10,
                        new Budget(1 << 16, 1, System::nanoTime),
                        SCRAPE_BYTES,
                        MAX_CONNECTIONS,
                        config.httpIdleTimeoutMs()),
                fatal,
                routes -> routes.get("/metrics", context -> {
                    String type = format(MediaTypes.accepted(context));
                    ByteArrayOutputStream body = new ByteArrayOutputStream(1 << 16);
                    List<String> names = context.queryParams("name[]");
                    if (names.isEmpty()) {
                        registry.scrape(body, type);
                    } else {
                        registry.scrape(body, type, families(names));
                    }
                    context.contentType(type).result(body.toByteArray());
                }));
    }

    /** A counter's family has no {@code _total}, a histogram's none of its suffixes: either name picks it. */
    private static Set<String> families(List<String> names) {
        Set<String> families = new HashSet<>(names);
        names.forEach(name -> families.add(SUFFIX.matcher(name).replaceFirst("")));
        return families;
    }

    /** The format that the scraper likes best; text for one that likes none of these. */
    private static String format(List<String> accepted) {
        for (String type : accepted) {
            switch (MediaTypes.base(type)) {
                case PROTOBUF -> {
                    return PROTOBUF + "; proto=io.prometheus.client.MetricFamily; encoding=delimited";
                }
                case OPEN_METRICS -> {
                    return OPEN_METRICS + "; version=1.0.0; charset=utf-8";
                }
                case "text/plain", "text/*", "*/*" -> {
                    return TEXT;
                }
                default -> {} // the next one
            }
        }
        return TEXT;
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
