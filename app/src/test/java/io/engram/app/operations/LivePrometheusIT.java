package io.engram.app.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.app.faults.Server;
import io.engram.schemas.Lane;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A real Prometheus and Alertmanager beside two instances: every expression has data, and one overload is one
 * notification. All durations of the rules are a twentieth.
 */
@Tag("operations")
@Tag("monitoring")
@Tag("alone")
class LivePrometheusIT {
    private static final int SPEED = 20;
    private static final int LOW_CAPACITY = 2_000;
    private static final String OBSERVATION_LATENCY = "engram_streaming_observation_latency_seconds";
    private static final String RECALL_LATENCY = "engram_streaming_recall_latency_seconds";

    @TempDir
    private Path directory;

    private final List<AutoCloseable> toClose = new ArrayList<>();
    private final List<Server> instances = new ArrayList<>();
    private String bootstrap;

    @BeforeEach
    void start() throws Exception {
        Tools.require("prometheus", "jsonnet");
        Tools.requireOneOf("alertmanager", "prometheus-alertmanager");
        int kafka = Server.freePort();
        bootstrap = "127.0.0.1:" + kafka;
        Server broker = Server.broker(directory.resolve("broker"), kafka);
        toClose.add(broker);
        broker.awaitReady();
        for (String name : List.of("one", "two")) {
            Server instance = Server.instance(
                    directory.resolve(name),
                    kafka,
                    Server.freePort(),
                    "partitions=2",
                    "snapshot.interval.ms=" + 60_000 / SPEED,
                    "queue.capacity.low=" + LOW_CAPACITY,
                    // In fast motion as the rules are: how long a level lasts, and with it how long a lane sheds.
                    "backpressure.hold.ms=" + 5_000 / SPEED,
                    "shutdown.drain.ms=0");
            toClose.add(instance);
            instances.add(instance);
        }
        instances.forEach(Server::awaitReady);
    }

    @AfterEach
    void stop() throws Exception {
        for (int i = toClose.size() - 1; i >= 0; i--) {
            toClose.get(i).close();
        }
    }

    private <T extends AutoCloseable> T closing(T resource) {
        toClose.add(resource);
        return resource;
    }

    @Test
    void shouldAnswerEveryExpressionAndNotifyOnceOfAnOverload() throws Exception {
        NotificationReceiver receiver = closing(new NotificationReceiver());
        try (BackgroundLoad load =
                new BackgroundLoad(bootstrap, instances.get(0).url(""))) {
            load.start(Lane.NORMAL, 50);
            awaitRecallableInTime();
            MonitoringStack monitoring =
                    closing(MonitoringStack.start(directory.resolve("monitoring"), SPEED, instances, receiver.url()));
            requireData(monitoring);
            assertThat(receiver.received())
                    .as("notifications while all is well")
                    .isEmpty();

            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(90);
            while (receiver.firing().isEmpty() && System.nanoTime() < deadline) {
                load.flood(Lane.LOW, LOW_CAPACITY / 4);
            }
            await().atMost(Duration.ofSeconds(240))
                    .until(() -> !receiver.resolved().isEmpty());
            // Until all that was shed is back and nothing is left of it: what outlives its cause would be announced.
            await().atMost(Duration.ofSeconds(180)).untilAsserted(() -> {
                assertThat(monitoring.firing("alertname=\"EngramBacklogReturning\""))
                        .isEmpty();
                assertThat(monitoring.firing("severity!=\"info\"")).isEmpty();
            });
        }
        assertThat(receiver.firing()).containsExactly("EngramQueueDepthCritical");
        assertThat(receiver.resolved()).containsExactly("EngramQueueDepthCritical");
        JsonNode alert = receiver.received().get(0).path("alerts").get(0);
        assertThat(alert.path("annotations").path("summary").asText()).containsPattern("A queue is \\d+.* full");
        assertThat(alert.path("annotations").path("description").asText()).contains("low");
        assertThat(alert.path("annotations").path("runbook_url").asText()).endsWith("#engramqueuedepthcritical");
    }

    /**
     * Until hardly an observation of ten seconds was late, and hardly a recall. A JVM that has just started compiles what
     * it runs, and what it does first takes longer than the guide allows: an alert about it would be true, and in fast
     * motion a second of it is twenty. Prometheus counts from its first scrape, thus from here.
     */
    private void awaitRecallableInTime() throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(180);
        double lateObservations;
        double lateRecalls;
        do {
            InTime observationsBefore = inTime(OBSERVATION_LATENCY, "0.1");
            InTime recallsBefore = inTime(RECALL_LATENCY, "0.05");
            TimeUnit.SECONDS.sleep(10);
            lateObservations = inTime(OBSERVATION_LATENCY, "0.1").lateSince(observationsBefore);
            lateRecalls = inTime(RECALL_LATENCY, "0.05").lateSince(recallsBefore);
            assertThat(System.nanoTime())
                    .as("late: %s of the observations, %s of the recalls", lateObservations, lateRecalls)
                    .isLessThan(deadline);
        } while (!(lateObservations < 0.005 && lateRecalls < 0.005));
    }

    /** How many were in time, and all, of all instances since they started. */
    private record InTime(double inTime, double all) {
        /** The part of what came since then that was late; NaN when nothing came. */
        double lateSince(InTime before) {
            return 1 - (inTime - before.inTime) / (all - before.all);
        }
    }

    private InTime inTime(String histogram, String seconds) throws IOException, InterruptedException {
        double inTime = 0;
        double all = 0;
        for (Server instance : instances) {
            String scrape = instance.scrape();
            inTime += Server.values(scrape, histogram + "_bucket", "le=\"" + seconds + "\"")
                    .sum();
            all += Server.values(scrape, histogram + "_count", "").sum();
        }
        return new InTime(inTime, all);
    }

    /** Panels, recording rules and what alerts compare: each answers with a number. */
    private static void requireData(MonitoringStack monitoring) throws IOException, InterruptedException {
        JsonNode queries = monitoring.queries();
        assertThat(queries.size()).isGreaterThan(70);
        await().atMost(Duration.ofSeconds(120))
                .pollInterval(Duration.ofSeconds(2))
                .untilAsserted(() -> {
                    Set<String> without = new TreeSet<>();
                    for (JsonNode query : queries) {
                        if (!monitoring.hasData(query.path("expr").asText())) {
                            without.add(query.path("what").asText() + ": "
                                    + query.path("expr").asText());
                        }
                    }
                    assertThat(without).as("expressions without data").isEmpty();
                });
        assertThat(monitoring.unhealthyRules()).isEmpty();
        List<String> looks = CodeBlocks.commands(Tools.read("docs/operations/runbook.md"), "promql", "");
        assertThat(looks).hasSizeGreaterThan(15);
        for (String look : looks) {
            assertThat(monitoring.query(look).path("status").asText()).as(look).isEqualTo("success");
        }
    }
}
